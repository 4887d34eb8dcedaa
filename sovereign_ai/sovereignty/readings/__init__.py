"""Readings: the answer of description and graph to each criterion, before any evidence.

A reading is either an answer that the description itself gives, or the best answer that it leaves possible.
Without either there is no reading, and the criterion is open.
"""

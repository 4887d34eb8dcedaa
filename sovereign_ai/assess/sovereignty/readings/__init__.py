"""What the description and the graph say to each criterion, before any evidence.

A reading is either an answer that the description itself gives, or only the best answer that it
leaves possible. Where neither can be said there is no reading, and the criterion waits for a person.
"""

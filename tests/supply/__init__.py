"""Checks of what the project is built from that need a vulnerability database, and so the network: `python -m
tests.supply`.
"""

"""Kinds of add-ons that rules know: the fields in which each can name a place, and its pod templates.

A kind with a table here is permitted if its fields meet their conditions. A kind without one is refused in
zones with a residency policy (`residency_by_default.py`). Each table was written from the reference of the
API (`source`), read on 2026-11-26. `table.py` has them all.
"""

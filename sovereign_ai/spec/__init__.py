"""What is wanted: the typed parts that users compose, from Python or YAML, equal in both.

Every part is frozen and refuses what it does not know. `load.py` is the one reader of files;
`checks.py` holds the parts against each other; nothing here derives a number (that is the plan's).
"""

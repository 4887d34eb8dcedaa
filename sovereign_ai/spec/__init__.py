"""The typed parts of a description, which users compose in Python or YAML with equal results.

Every part is frozen and refuses unknown fields. `load.py` is the reader of files. `checks/` compares the
parts with each other. Nothing here derives a number, which is the plan's task.
"""

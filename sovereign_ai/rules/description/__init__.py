"""Rules on the description: decided on the typed model and its plan, before any object is rendered.

Each module has its rules in `RULES`, which `rules/registry.py` collects. A violation points at the field of the
description that causes it.
"""

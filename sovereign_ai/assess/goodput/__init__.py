"""Goodput of a job: the share of its time that becomes progress.

A job never spans two sites, since it works as one. `exact.py` has the closed forms for exponential failures,
`simulate.py` the effect of other failures, `jobs.py` the jobs of a description. `report.py` is the entry
point.
"""

from __future__ import annotations

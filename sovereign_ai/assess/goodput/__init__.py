"""Goodput of a job: the share of its time that becomes progress. Never of a site: two sites are no one synchronous job.

`exact.py` has the closed forms for exponential failures, `simulate.py` shows what other failures
change, `jobs.py` finds the jobs of a description, and `report.py` is the way in.
"""

from __future__ import annotations

"""Goodput of a job: the share of its time that becomes progress.

A job never spans two sites, since it works as one. `exact.py` has the closed forms for exponential failures,
`simulate.py` the effect of other failures, `jobs.py` the jobs of a description. `report.py` is the entry
point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.goodput.exact import goodput
    from sovereign_ai.assess.goodput.report import Goodput, assess_goodput
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "exact": ("goodput",),
            "report": ("Goodput", "assess_goodput"),
        },
    )

__all__ = ["Goodput", "assess_goodput", "goodput"]

"""Sovereignty: who can cut a factory off or compel its operator, by its dependencies and published criteria.

Rules of this package:

* The assessed unit is the service perimeter that the description declares, never a building.
* Every result is a self-assessment and is marked so. A description is evidence of the lowest grade.
* Whatever is not described is open. An open answer makes a verdict incomplete and never raises it.
* Every result names the fields of the description it follows from; no other field can change it.
* Names of parts carry no meaning: renaming a site, a pool or a key changes no verdict.
* Tables of frameworks, thresholds and origins are data with source and date; their texts are this project's.

    >>> from datetime import date
    >>> from sovereign_ai.sovereignty import criterion
    >>> [answer.seal for answer in criterion("SOV-3.4").answers]
    [0, 0, 1, 1, 4]

`report.assess(factory, plan, now=date(2026, 11, 24))` is the only entry point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.sovereignty.areas import home, inside
    from sovereign_ai.sovereignty.criteria import CRITERIA, LEVELS, OBJECTIVES, criterion
    from sovereign_ai.sovereignty.cut_sets import FaultGate
    from sovereign_ai.sovereignty.drill import DAYS, Drill
    from sovereign_ai.sovereignty.evidence import NONE, EvidenceSet, read_evidence
    from sovereign_ai.sovereignty.frameworks import Framework
    from sovereign_ai.sovereignty.report import SovereigntyReport, assess_sovereignty
    from sovereign_ai.sovereignty.verdict import SovereigntyVerdict
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "areas": ("home", "inside"),
            "criteria": ("CRITERIA", "LEVELS", "OBJECTIVES", "criterion"),
            "cut_sets": ("FaultGate",),
            "drill": ("DAYS", "Drill"),
            "evidence": ("EvidenceSet", "NONE", "read_evidence"),
            "frameworks": ("Framework",),
            "report": ("SovereigntyReport", "assess_sovereignty"),
            "verdict": ("SovereigntyVerdict",),
        },
    )

__all__ = [
    "CRITERIA",
    "DAYS",
    "LEVELS",
    "NONE",
    "OBJECTIVES",
    "Drill",
    "EvidenceSet",
    "FaultGate",
    "Framework",
    "SovereigntyReport",
    "SovereigntyVerdict",
    "assess_sovereignty",
    "criterion",
    "home",
    "inside",
    "read_evidence",
]

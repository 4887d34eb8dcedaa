"""Assessments of a factory: pure functions from a description and its plan to numbers with their sources.

Rules of this package:

* An assessment is one function, `assess(factory, plan)`, and one frozen result with `to_data()`. No
  assessment reads a clock, a network or a cluster: the same description gives the same numbers.
* Every number is a `measure.Measure`: value, unit, range, inputs, formula, and its basis: a source, the plan,
  the user or an estimate. Numbers that follow from others are on a `sheet.Sheet`, so that a range reaches
  every number that depends on it, and a figure that the user gives replaces the built-in one everywhere.
* An unknown number has no value: its measure is open and lists the missing figures. No price is invented.

    >>> from sovereign_ai.assess.goodput.exact import best_interval, goodput
    >>> mean, stall, restart = 185.6 * 60, 60.0, 600.0
    >>> interval = best_interval(mean, stall)
    >>> round(interval / 60, 1), round(goodput(interval, mean, stall, restart), 3)
    (18.6, 0.853)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.cables import lengths
    from sovereign_ai.assess.fabric import FabricLoss, FabricReport, assess_fabrics, worst_half
    from sovereign_ai.assess.fault_series import (
        FailureDomains,
        FaultDomain,
        FaultEvent,
        draw,
        draw_in,
        parse_series,
        to_text,
    )
    from sovereign_ai.assess.figures import split, template
    from sovereign_ai.assess.measure import Basis, Measure, cut, plain
    from sovereign_ai.assess.planes import PlaneLoss, plane_losses
    from sovereign_ai.assess.sheet import GivenValue
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "cables": ("lengths",),
            "fabric": ("FabricLoss", "FabricReport", "assess_fabrics", "worst_half"),
            "fault_series": (
                "FailureDomains",
                "FaultDomain",
                "FaultEvent",
                "draw",
                "draw_in",
                "parse_series",
                "to_text",
            ),
            "figures": ("split", "template"),
            "measure": ("Basis", "Measure", "cut", "plain"),
            "planes": ("PlaneLoss", "plane_losses"),
            "sheet": ("GivenValue",),
        },
    )

__all__ = [
    "Basis",
    "FabricLoss",
    "FabricReport",
    "FailureDomains",
    "FaultDomain",
    "FaultEvent",
    "GivenValue",
    "Measure",
    "PlaneLoss",
    "assess_fabrics",
    "cut",
    "draw",
    "draw_in",
    "lengths",
    "parse_series",
    "plain",
    "plane_losses",
    "split",
    "template",
    "to_text",
    "worst_half",
]

"""Energy of a factory: power by level, single failures, cooling, emissions, and the limits of law.

`power.py`, `survival.py` and `cooling.py` read the plan. `pue.py`, `supply.py` and `reuse.py` add the
building, the grid and the buyers of heat. `rules.py` compares the results with limits and their dates, and
`response.py` calculates the load that can be shed and the pool that fits. `report.py` is the entry point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.energy.balance import RENEWABLE, Balance, Course, EnergyStore
    from sovereign_ai.assess.energy.report import Energy, Hourly, assess_energy
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "balance": ("Balance", "Course", "EnergyStore", "RENEWABLE"),
            "report": ("Energy", "Hourly", "assess_energy"),
        },
    )

__all__ = ["RENEWABLE", "Balance", "Course", "Energy", "EnergyStore", "Hourly", "assess_energy"]

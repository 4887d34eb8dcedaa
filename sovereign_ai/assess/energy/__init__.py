"""Energy of a factory: power by level, single failures, cooling, emissions, and the limits of law.

`power.py`, `survival.py` and `cooling.py` read the plan. `pue.py`, `supply.py` and `reuse.py` add the
building, the grid and the buyers of heat. `rules.py` compares the results with limits and their dates, and
`response.py` calculates the load that can be shed and the pool that fits. `report.py` is the entry point.
"""

from __future__ import annotations

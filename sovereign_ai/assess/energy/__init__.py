"""Energy: what is drawn where, what survives, how it is cooled, what it emits, and what law asks.

`power.py`, `survival.py` and `cooling.py` read the plan; `pue.py`, `supply.py` and `carbon.py` add the
building and the grid; `rules.py` holds all of it against limits with their dates; `response.py` asks
what can be shed and what fits; `report.py` is the way in.
"""

from __future__ import annotations

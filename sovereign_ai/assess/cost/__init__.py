"""Cost: what the factory costs to build and to run, for an hour of a GPU and for useful work, and against renting.

`prices.py` counts and prices what the plan lists, `tco.py` sums it over time, `compare.py` swings each
figure and compares with rent, `focus.py` writes it in FOCUS's columns; `report.py` is the way in. A price
that no source gives is asked for. What is known is summed as a lower bound, and named so.
"""

from __future__ import annotations

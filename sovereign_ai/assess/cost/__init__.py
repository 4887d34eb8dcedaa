"""Cost of a factory: to build and to run, of a GPU-hour and of useful work, and compared with renting.

`prices.py` counts and prices the parts of the plan, `tco.py` sums them over time, `compare.py` varies each
figure and compares with rent, `focus.py` exports a month in the columns of FOCUS. `report.py` is the entry
point. The user is asked for a price that no source gives. The sum of the known parts is a lower bound, and is
marked so.
"""

from __future__ import annotations

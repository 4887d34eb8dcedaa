"""Hardware, countries and suppliers as data, with the source and date of every figure.

The room's rules:

* A figure is in `data/*.json` with its value, unit, source, grade and the day it was read; no figure
  is in code.
* A figure that no source gives is absent and reads as `None`. It is never invented, and code that
  needs it asks the user.
* An estimate has a range. A number that sources dispute has a note, or is absent.
* Rows are frozen and read once; an unknown name raises `figures.UnknownNameError` with the nearest
  right name.

    >>> from sovereign_ai.catalog.systems import system
    >>> h100 = system("dgx-h100")
    >>> print(h100.max_power, h100.source_of("max_power").grade)
    10.2 kW secondary
    >>> from sovereign_ai.catalog.jurisdictions import expand
    >>> sorted(expand(["EEA"]) - expand(["EU"]))
    ['IS', 'LI', 'NO']
"""

from __future__ import annotations

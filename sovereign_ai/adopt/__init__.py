"""A standing site, read from files of other systems into a part of a description, and compared with a plan.

Rules of this package:

* One intermediate type, `StandingSite` of `standing.py`: devices, interfaces, cables. Every reader fills its
  draft and reports every problem with file and line; `formats.py` lists the readers, and what each format
  cannot say.
* `part.py` derives what the files show: pools from servers, fabrics from cables. What files do not contain
  (country, power, zones, purposes, the content of a storage tier) is never invented. It becomes a question
  beside the part.
* A device is a server if its format says so, if the catalogue contains its model, or if the user names the
  system of a model.
* `comparison.py` compares two standing sites; `planned.py` makes one of a plan, as a format would have it.

    part = adopt(read_site([Path("netbox")]).site, {"XE9680-H100": "dgx-h100"})
    print(part.to_yaml())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.adopt.comparison import Comparison, compare
    from sovereign_ai.adopt.formats import FORMATS, ReadSite, read_site
    from sovereign_ai.adopt.part import adopt
    from sovereign_ai.adopt.planned import planned_site
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "comparison": ("Comparison", "compare"),
            "formats": ("FORMATS", "ReadSite", "read_site"),
            "part": ("adopt",),
            "planned": ("planned_site",),
        },
    )

__all__ = ["FORMATS", "Comparison", "ReadSite", "adopt", "compare", "planned_site", "read_site"]

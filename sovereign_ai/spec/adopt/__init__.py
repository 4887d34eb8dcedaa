"""An existing site, read from NetBox's tables into a part of a description.

The room's rules:

* `tables.py` reads CSV files with the columns of NetBox's bulk imports, and reports every problem with file
  and line.
* `part.py` derives what the tables show: pools from servers, fabrics from cables. What tables do not contain
  (country, power, zones, purposes, the content of a storage tier) is never invented. It becomes a question
  beside the part.
* A device is a server if the catalogue contains its model, or if the user names the system of a model.

    part = adopt(read_tables(Path("netbox")), {"XE9680-H100": "dgx-h100"})
    print(part.to_yaml())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.spec.adopt.part import adopt
    from sovereign_ai.spec.adopt.tables import read_tables
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "part": ("adopt",),
            "tables": ("read_tables",),
        },
    )

__all__ = ["adopt", "read_tables"]

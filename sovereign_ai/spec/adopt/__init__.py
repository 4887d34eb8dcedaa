"""A site that stands, read from NetBox's tables into a part of a description.

The room's rules:

* `tables.py` reads CSV files with the columns of NetBox's bulk imports, and tells every problem with file and line.
* `part.py` concludes what the tables show: pools from machines, fabrics from cables. What tables do not say (country, power, zones,
  purposes, what a storage tier holds) is never made up: it is a question, told beside the part.
* A device is a machine if the catalogue knows its model, or if the user says which system a model is.

    part = adopt(read_tables(Path("netbox")), {"XE9680-H100": "dgx-h100"})
    print(part.to_yaml())
"""

from __future__ import annotations

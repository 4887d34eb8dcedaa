"""Cabling as it is ordered: cages, cables, transceivers, fibres, trunks and panels, with lengths and spares.

`order_cables(factory, plan)` in `order.py` is the entry point. `routes.py` has lengths, `cages.py` what fits
a port, `links.py` which links share plugs, `assemblies.py` what each group of them is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.plan.cabling.buildings import RouteCables
    from sovereign_ai.plan.cabling.order import CableOrder, MediumUse, OrderLine, order_cables
    from sovereign_ai.plan.cabling.outside import OutsideUse
    from sovereign_ai.plan.cabling.routes import (
        BETWEEN_RACKS,
        IN_RACK,
        RACK_WIDTH,
        ROW_PITCH,
        cable_length,
        rack_positions,
        racks_of,
    )
    from sovereign_ai.plan.cabling.row_switches import RowSwitches
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "buildings": ("RouteCables",),
            "order": ("CableOrder", "MediumUse", "OrderLine", "order_cables"),
            "outside": ("OutsideUse",),
            "row_switches": ("RowSwitches",),
            "routes": (
                "BETWEEN_RACKS",
                "IN_RACK",
                "RACK_WIDTH",
                "ROW_PITCH",
                "cable_length",
                "rack_positions",
                "racks_of",
            ),
        },
    )

__all__ = [
    "BETWEEN_RACKS",
    "IN_RACK",
    "RACK_WIDTH",
    "ROW_PITCH",
    "CableOrder",
    "MediumUse",
    "OrderLine",
    "OutsideUse",
    "RouteCables",
    "RowSwitches",
    "cable_length",
    "order_cables",
    "rack_positions",
    "racks_of",
]

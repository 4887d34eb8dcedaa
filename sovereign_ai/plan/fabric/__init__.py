"""Fabrics: the size of each plane in closed forms, and then every switch, port and cable of it.

`planes.py` puts the planes together. `size.py` and `layout.py` have the closed forms, which feasibility
checks share with the planner; `port_assignment.py` says which server is at which place of which leaf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.plan.fabric.cables import Cable, Cables
    from sovereign_ai.plan.fabric.clos import MisfitError
    from sovereign_ai.plan.fabric.fat_tree import fat_tree_misfit
    from sovereign_ai.plan.fabric.feasibility import size_alone
    from sovereign_ai.plan.fabric.layout import pods_of
    from sovereign_ai.plan.fabric.planes import (
        FabricPlan,
        Switch,
        fullest_leaf,
        host_rails,
        hosts_under,
        rails_beside,
    )
    from sovereign_ai.plan.fabric.port_assignment import Block, assign_places, fabrics_by_name
    from sovereign_ai.plan.fabric.size import FabricSize
    from sovereign_ai.plan.fabric.switch_ports import outside_of, ports_of
    from sovereign_ai.plan.fabric.waste import waste_notes
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "cables": ("Cable", "Cables"),
            "clos": ("MisfitError",),
            "fat_tree": ("fat_tree_misfit",),
            "feasibility": ("size_alone",),
            "layout": ("pods_of",),
            "planes": ("FabricPlan", "Switch", "fullest_leaf", "host_rails", "hosts_under", "rails_beside"),
            "port_assignment": ("Block", "assign_places", "fabrics_by_name"),
            "size": ("FabricSize",),
            "switch_ports": ("outside_of", "ports_of"),
            "waste": ("waste_notes",),
        },
    )

__all__ = [
    "Block",
    "Cable",
    "Cables",
    "FabricPlan",
    "FabricSize",
    "MisfitError",
    "Switch",
    "assign_places",
    "fabrics_by_name",
    "fat_tree_misfit",
    "fullest_leaf",
    "host_rails",
    "hosts_under",
    "outside_of",
    "pods_of",
    "ports_of",
    "rails_beside",
    "size_alone",
    "waste_notes",
]

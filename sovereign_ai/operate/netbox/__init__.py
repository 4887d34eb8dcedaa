"""NetBox as a target: the plan's inventory compared with what a NetBox holds, and written by its REST API.

    planned = planned_objects(factory, plan)
    held = read_held(connection, factory.name, planned)
    difference = compare(planned, held)                  # pure; a dry run ends here
    outcome = Push(connection, factory.name, held).apply(difference, progress)

Rules of this package:

* Whose an object is, its custom field `sovereign_ai_factory` says. What has another value or none is never
  changed or deleted; where the plan needs its name, nothing is written at all.
* Makers, roles and device types are shared: what is missing is created, nothing else.
* A cable's status is its operators', until a person gives observations: then it is what was seen.
* A token stands in no argument, message or address; no redirect is followed and no proxy asked.
* Only `connection.py` uses the network. Each answer is bounded, and read as text of somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.operate.netbox.cable_status import CableStatuses, cable_statuses, with_statuses
    from sovereign_ai.operate.netbox.connection import NetBoxConnection, parse_netbox_url, read_token
    from sovereign_ai.operate.netbox.difference import NetBoxChange, PushDifference, compare
    from sovereign_ai.operate.netbox.held import read_held
    from sovereign_ai.operate.netbox.planned import planned_objects
    from sovereign_ai.operate.netbox.push import Push, PushOutcome
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "cable_status": ("CableStatuses", "cable_statuses", "with_statuses"),
            "connection": ("NetBoxConnection", "parse_netbox_url", "read_token"),
            "difference": ("PushDifference", "NetBoxChange", "compare"),
            "held": ("read_held",),
            "planned": ("planned_objects",),
            "push": ("Push", "PushOutcome"),
        },
    )

__all__ = [
    "CableStatuses",
    "NetBoxChange",
    "NetBoxConnection",
    "Push",
    "PushDifference",
    "PushOutcome",
    "cable_statuses",
    "compare",
    "parse_netbox_url",
    "planned_objects",
    "read_held",
    "read_token",
    "with_statuses",
]

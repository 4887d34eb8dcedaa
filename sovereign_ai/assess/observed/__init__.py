"""Cabling as servers and switches report it, compared with the plan.

Readers and verdicts are pure functions of texts that tools printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.observed.port_lists import is_port_list, subnet_ports
    from sovereign_ai.assess.observed.subnet_discovery import Subnet, ibnetdiscover
    from sovereign_ai.assess.observed.verdicts import End, ObservedPort, PortState, count, judge, unplanned
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "subnet_discovery": ("Subnet", "ibnetdiscover"),
            "port_lists": ("is_port_list", "subnet_ports"),
            "verdicts": ("End", "ObservedPort", "PortState", "count", "judge", "unplanned"),
        },
    )

__all__ = [
    "End",
    "ObservedPort",
    "PortState",
    "Subnet",
    "count",
    "ibnetdiscover",
    "is_port_list",
    "judge",
    "subnet_ports",
    "unplanned",
]

"""The configuration of each switch: ports, routing, quality of service, from the plan alone.

Rules of this package:

* `ports.py` maps each port to its peer and zone; everything else is made from that map.
* Underlay: BGP unnumbered (RFC 5549), an AS a leaf, BFD, equal-cost paths; one session a cable. Only
  loopbacks are announced.
* A zone whose partition is a VNI is one layer-2 segment over the fabric: on every leaf a bridge of its host
  ports and one VXLAN interface between loopbacks, filled by EVPN. Within a rail's leaf a frame goes port to
  port, one hop; rails meet over spines.
* A zone whose partition is a VRF has a routing table of its own; switches peer in it on the zone's VLAN of
  every cable, and each host's address is a host route at its leaf. `none` is the same in the default table.
* InfiniBand has none of this: see `subnet.py`.

    >>> from sovereign_ai.render.switches import interface
    >>> interface("7"), interface("3/2")
    ('swp7', 'swp3s1')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.switches.frr_config import frr
    from sovereign_ai.render.switches.links import FABRIC_MTU, HOST_MTU
    from sovereign_ai.render.switches.ports import (
        Port,
        SwitchPorts,
        host_interface,
        interface,
        port_maps,
        rail_addresses,
        zones_of,
    )
    from sovereign_ai.render.switches.subnet import (
        GENERATIONS,
        adapter,
        opensm_conf,
        partitions_conf,
        port_counts,
        port_number,
        split_parts,
    )
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "frr_config": ("frr",),
            "links": ("FABRIC_MTU", "HOST_MTU"),
            "ports": (
                "Port",
                "SwitchPorts",
                "host_interface",
                "interface",
                "port_maps",
                "rail_addresses",
                "zones_of",
            ),
            "subnet": (
                "GENERATIONS",
                "adapter",
                "opensm_conf",
                "partitions_conf",
                "port_counts",
                "port_number",
                "split_parts",
            ),
        },
    )

__all__ = [
    "FABRIC_MTU",
    "GENERATIONS",
    "HOST_MTU",
    "Port",
    "SwitchPorts",
    "adapter",
    "frr",
    "host_interface",
    "interface",
    "opensm_conf",
    "partitions_conf",
    "port_counts",
    "port_maps",
    "port_number",
    "rail_addresses",
    "split_parts",
    "zones_of",
]

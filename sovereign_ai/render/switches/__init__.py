"""The configuration of each switch: ports, routing, quality of service, from the plan alone.

The room's rules:

* `ports.py` maps each port to its peer and zone; everything else is made from that map.
* Underlay: BGP unnumbered (RFC 5549), an AS a leaf, BFD, equal-cost paths; one session a cable. Only
  loopbacks are announced.
* A zone whose partition is a VNI is one layer-2 segment over the fabric: on every leaf a bridge of its host
  ports and one VXLAN interface between loopbacks, filled by EVPN. Within a rail's leaf a frame goes port to
  port, one hop; rails meet over spines.
* A zone whose partition is a VRF has a routing table of its own; switches peer in it on the zone's VLAN of
  every cable, and each host's address is a host route at its leaf. `none` is the same in the default table.
* InfiniBand has none of this: see `subnet.py`.

    >>> from sovereign_ai.render.switches.ports import interface
    >>> interface("7"), interface("3/2")
    ('swp7', 'swp3s1')
"""

from __future__ import annotations

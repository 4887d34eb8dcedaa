"""The links of a Linux switch: its ports, and on a leaf a bridge and a VXLAN a segment, or a VRF and VLANs a routed zone.

>>> sorted(KERNEL)[:2]
['net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.default.rp_filter']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.render.switches.frr import uses
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.render.switches.qos import MTU

HOST_MTU, FABRIC_MTU = 9000, MTU
"""A host's frame and 50 bytes of VXLAN fit between switches."""
KERNEL = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.fib_multipath_hash_policy": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
}
"""Kernel parameters of a router: equal-cost paths by ports too, and no filter against paths that differ by direction."""


def links(one: SwitchPorts) -> Iterator[dict[str, Any]]:
    """Give what each link shall be, in an order in which it can be made: masters before members.

    Each has `name`, `kind` (`port`, `bridge`, `vxlan`, `vlan`, `vrf`), `mtu` in bytes, `master` (empty for none), and what its
    kind needs: `id` and `local`, `link`, or `table`.
    """
    segments = uses(one, "vni") if one.switch.tier == "leaf" else ()
    for part in segments:
        yield {"name": f"br{part.number}", "kind": "bridge", "mtu": HOST_MTU, "master": ""}
        vxlan = {"name": f"vni{part.number}", "kind": "vxlan", "mtu": HOST_MTU, "master": f"br{part.number}"}
        yield {**vxlan, "id": part.number, "local": one.switch.loopback}
    for part in uses(one, "vrf"):
        yield {"name": part.zone, "kind": "vrf", "mtu": 65_575, "master": "", "table": part.number}
    for port in one.ports:
        zone = one.partition(port)
        master = "" if zone is None else zone.zone if zone.kind == "vrf" else f"br{zone.number}"
        routed = zone is not None and zone.kind == "vrf"
        mtu = HOST_MTU if port.host else FABRIC_MTU
        yield {"name": port.interface, "kind": "port", "mtu": mtu, "master": master, **({"routed": True} if routed else {})}
    for part in uses(one, "vrf"):
        for port in one.fabric:
            vlan = {"name": f"{port.interface}.{part.vlan}", "kind": "vlan", "mtu": FABRIC_MTU, "master": part.zone, "routed": True}
            yield {**vlan, "link": port.interface, "id": part.vlan}

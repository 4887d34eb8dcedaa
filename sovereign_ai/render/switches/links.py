"""The links of a Linux switch: ports, bridges and VXLANs of segments, VRFs and VLANs of routed zones.

>>> sorted(KERNEL)[:2]
['net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.default.rp_filter']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.plan import Partition
from sovereign_ai.render.switches.names import linux_vrf, uses
from sovereign_ai.render.switches.ports import Port, SwitchPorts
from sovereign_ai.render.switches.qos import MTU

HOST_MTU, FABRIC_MTU = 9000, MTU
"""Largest packets in bytes: a host's packet and 50 bytes of VXLAN fit between switches."""
_VRF_MTU = 65_575
"""The MTU that Linux gives a VRF by itself (IP6_MAX_MTU)."""
KERNEL = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.fib_multipath_hash_policy": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
}
"""Kernel parameters of a router.

Equal-cost paths are chosen by ports too, and a packet whose answer takes another path is not dropped."""


def switch_links(device: SwitchPorts) -> Iterator[dict[str, Any]]:
    """Yield each link of a switch, in an order in which the links can be made: masters before members.

    Each has `name`, `kind` (`port`, `bridge`, `vxlan`, `vlan`, `vrf`), `mtu` in bytes, `master` (empty for
    none), and what its kind needs: `id` and `local`, `link`, or `table`. One with `down` stays down.

    Args:
        device: the switch.
    """
    # Spines carry segments as VXLAN packets between loopbacks, and need no bridge.
    if device.switch.tier == "leaf":
        for part in uses(device, "vni"):
            yield from _segment_links(device, part)
    routed_zones = uses(device, "vrf")
    for part in routed_zones:
        yield {
            "name": linux_vrf(part.zone),
            "kind": "vrf",
            "mtu": _VRF_MTU,
            "master": "",
            "table": part.number,
        }
    for port in device.ports:
        yield _port_link(device, port)
    for part in routed_zones:
        for port in device.zoned_fabric:
            yield {
                "name": f"{port.interface}.{part.vlan}",
                "kind": "vlan",
                "mtu": FABRIC_MTU,
                "master": linux_vrf(part.zone),
                "routed": True,
                "link": port.interface,
                "id": part.vlan,
            }


def _segment_links(device: SwitchPorts, part: Partition) -> Iterator[dict[str, Any]]:
    """Yield the bridge and the VXLAN interface of a zone's segment on a leaf."""
    bridge = f"br{part.number}"
    yield {"name": bridge, "kind": "bridge", "mtu": HOST_MTU, "master": ""}
    yield {
        "name": f"vni{part.number}",
        "kind": "vxlan",
        "mtu": HOST_MTU,
        "master": bridge,
        "id": part.number,
        "local": device.switch.loopback,
    }


def _port_link(device: SwitchPorts, port: Port) -> dict[str, Any]:
    """Return the link of a port, in its zone's bridge or routing table."""
    link: dict[str, Any] = {
        "name": port.interface,
        "kind": "port",
        "mtu": HOST_MTU if port.host else FABRIC_MTU,
        "master": "",
    }
    if port.outside:
        link["down"] = True
    part = device.partition(port)
    if part is None:
        return link
    if part.kind == "vrf":
        link["master"] = linux_vrf(part.zone)
        link["routed"] = True
    else:
        link["master"] = f"br{part.number}"
    return link

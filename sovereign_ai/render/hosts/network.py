"""A host's ports on rails, as systemd-networkd reads them: an address a rail, and a routing table a rail.

A machine has several ports in one segment. Each answers for its own address alone and sends by the port that the address
belongs to: that is one table and one rule a port, as the fabric twin's hosts have them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from ipaddress import IPv4Network

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.links import HOST_MTU
from sovereign_ai.render.switches.ports import host_interface, rail_addresses

FIRST_TABLE = {"compute": 100, "storage": 200}
"""Routing tables: the role's first, and one on for each rail."""


def rail_files(plan: Plan) -> Mapping[str, Mapping[str, str]]:
    """Give host to the files of its Ethernet rails, by their paths; InfiniBand ports have no address of the plan."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for plane in plan.fabrics:
        if plane.role in FIRST_TABLE and plane.kind != "infiniband":
            _plane(plan, plane, found)
    return found


def _plane(plan: Plan, plane: FabricPlan, found: defaultdict[str, dict[str, str]]) -> None:
    """Add one plane's ports."""
    blocks = {one.rail: IPv4Network(one.cidr) for one in plan.prefixes if one.use == "rail" and one.owner == plane.name}
    addresses = rail_addresses(plan, plane)
    rails = {one.name: one.rail for one in plane.switches}
    for host, port, leaf, _ in plane.cables[: plane.node_leaf]:
        if (host, port) in addresses:
            name, rail = host_interface(port), rails[leaf]
            text = _network(name, addresses[host, port], list(blocks.values()), blocks[rail], FIRST_TABLE[plane.role] + rail)
            found[host][f"/etc/systemd/network/30-{name}.network"] = text


def _network(name: str, address: str, blocks: list[IPv4Network], own: IPv4Network, table: int) -> str:
    """Write one port's file."""
    routes = "".join(f"\n[Route]\nDestination={block}\nScope=link\nPreferredSource={address}\nTable={table}\n" for block in blocks)
    return (
        f"[Match]\nName={name}\n\n[Link]\nMTUBytes={HOST_MTU}\nRequiredForOnline=no\n\n"
        f"[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nAddress={address}/{own.prefixlen}\n{routes}"
        f"\n[RoutingPolicyRule]\nFrom={address}\nTable={table}\n"
    )

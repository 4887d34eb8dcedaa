"""A host's ports on rails, as systemd-networkd reads them: an address a rail, and a routing table a rail.

A machine has several ports in one segment. Each answers for its own address alone and sends by the port that the address
belongs to: that is one table and one rule a port, as the fabric twin's hosts have them. More rules say that a rail's address reaches
no rail of another plane, for else the kernel would look further, find the port there, and carry compute traffic over storage links.

    >>> table("compute", "compute3"), table("compute", "compute3/2"), table("storage", "storage1")
    (103, 1103, 201)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, collapse_addresses

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.links import HOST_MTU
from sovereign_ai.render.switches.ports import host_interface, rail_addresses

FIRST_TABLE = {"compute": 100, "storage": 200}
"""Routing tables: the role's first, and one on for each port."""
A_PLANE = 1_000
"""Tables are so far apart from one plane of a fabric to the next."""
LOOK, END = 10_000, 10_001
"""Priorities of an address's rules, after that of what is local (0), and before the kernel's table of everything (32,766)."""


def table(role: str, port: str) -> int:
    """Give the routing table of a host's port, `compute3` or `compute3/2` in the second plane: no two ports of a host share one."""
    number, _, plane = port.removeprefix(role).partition("/")
    return FIRST_TABLE[role] + A_PLANE * (int(plane or 1) - 1) + int(number)


def elsewhere(plan: Plan, plane: FabricPlan) -> tuple[str, ...]:
    """Give the rails of a site's other planes, as few ranges as can be: what a rail's address of this plane must not reach."""
    others = {one.name for one in plan.fabrics if one.site == plane.site and one.name != plane.name}
    ranges = (IPv4Network(one.cidr) for one in plan.prefixes if one.use == "rail" and one.owner in others)
    return tuple(map(str, collapse_addresses(ranges)))


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
    addresses, others = rail_addresses(plan, plane), elsewhere(plan, plane)
    rails = {one.name: one.rail for one in plane.switches}
    for host, port, leaf, _ in plane.cables[: plane.node_leaf]:
        if (host, port) in addresses:
            name, rail = host_interface(port), rails[leaf]
            text = _network(name, addresses[host, port], list(blocks.values()), blocks[rail], table(plane.role, port))
            found[host][f"/etc/systemd/network/30-{name}.network"] = text + _apart(addresses[host, port], others)


def _network(name: str, address: str, blocks: list[IPv4Network], own: IPv4Network, number: int) -> str:
    """Write one port's file."""
    routes = "".join(f"\n[Route]\nDestination={block}\nScope=link\nPreferredSource={address}\nTable={number}\n" for block in blocks)
    return (
        f"[Match]\nName={name}\n\n[Link]\nMTUBytes={HOST_MTU}\nRequiredForOnline=no\n\n"
        f"[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nAddress={address}/{own.prefixlen}\n{routes}"
        f"\n[RoutingPolicyRule]\nFrom={address}\nTable={number}\nPriority={LOOK}\n"
    )


def _apart(address: str, others: Iterable[str]) -> str:
    """Write the rules that keep an address out of the other planes."""
    return "".join(f"\n[RoutingPolicyRule]\nFrom={address}\nTo={one}\nType=unreachable\nPriority={END}\n" for one in others)

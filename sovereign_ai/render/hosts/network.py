"""A host's ports on rails, as systemd-networkd reads them: an address and a routing table a rail.

A node has several ports in one segment. Each port answers for its own address alone and sends what comes from
that address: that is one table and one rule a port, as the hosts of the fabric twin have them. More rules
make the rails of another plane unreachable from a rail's address. Without them the kernel would look into its
main table, find the port there, and carry compute traffic over storage links.

    >>> table("compute", "compute3"), table("compute", "compute3/2"), table("storage", "storage1")
    (103, 1103, 201)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, collapse_addresses

from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan, host_rails
from sovereign_ai.render.switches.links import HOST_MTU
from sovereign_ai.render.switches.ports import host_interface, rail_addresses

FIRST_TABLE = {"compute": 100, "storage": 200}
"""Number of the first routing table, by role of the fabric; a port adds its own number."""
A_PLANE = 1_000
"""Distance of the tables of one plane of a fabric from those of the next."""
LOOKUP_PRIORITY, UNREACHABLE_PRIORITY = 10_000, 10_001
"""Priorities of an address's rules: after the kernel's local table (0), before its main table (32,766)."""


def table(role: str, port: str) -> int:
    """Return the number of the routing table of a host's port; no two ports of a host share one.

    Args:
        role: the fabric's role, `compute` or `storage`.
        port: the plan's name of the port, `compute3`, or `compute3/2` in the second plane.
    """
    number, _, plane_number = port.removeprefix(role).partition("/")
    plane_offset = A_PLANE * (int(plane_number or 1) - 1)
    return FIRST_TABLE[role] + plane_offset + int(number)


def other_rails(plan: Plan, plane: FabricPlan) -> tuple[str, ...]:
    """Return the rails of a site's other planes, which a rail's address of this plane must not reach.

    Neighbouring ranges are joined.
    """
    others = set()
    for other in plan.fabrics:
        if other.site == plane.site and other.name != plane.name:
            others.add(other.name)
    prefixes = [prefix for prefix in plan.prefixes if prefix.use == "rail" and prefix.owner in others]
    networks = collapse_addresses(IPv4Network(prefix.cidr) for prefix in prefixes)
    return tuple(str(network) for network in networks)


def rail_files(plan: Plan) -> Mapping[str, Mapping[str, str]]:
    """Return host to the files of its rails, path to text; InfiniBand ports have no address of the plan."""
    files: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for plane in plan.fabrics:
        if plane.role in FIRST_TABLE and plane.kind != "infiniband":
            _add_plane(plan, plane, files)
    return files


def _add_plane(plan: Plan, plane: FabricPlan, files: defaultdict[str, dict[str, str]]) -> None:
    """Add the files of one plane's ports."""
    blocks: dict[int, IPv4Network] = {}
    for prefix in plan.prefixes:
        if prefix.use == "rail" and prefix.owner == plane.name:
            blocks[prefix.rail] = IPv4Network(prefix.cidr)
    addresses = rail_addresses(plan, plane)
    others = other_rails(plan, plane)
    for link, rail in zip(plane.host_links, host_rails(plane), strict=True):
        host, port = link.lower, link.lower_port
        address = addresses.get((host, port))
        if address is None:
            continue
        name = host_interface(port)
        number = table(plane.role, port)
        text = _network_file(name, address, list(blocks.values()), blocks[rail], number)
        text += _unreachable_rules(address, others)
        files[host][f"/etc/systemd/network/30-{name}.network"] = text


def _network_file(name: str, address: str, blocks: list[IPv4Network], own: IPv4Network, number: int) -> str:
    """Return the file of one port.

    Args:
        name: the interface.
        address: its address.
        blocks: the ranges of all rails of the plane; each is reached by this port, from this address.
        own: the range that the address is from.
        number: the port's routing table.
    """
    parts = [
        f"[Match]\nName={name}\n",
        # The host is online without its rails: a rail that is down must not hold up its boot.
        f"[Link]\nMTUBytes={HOST_MTU}\nRequiredForOnline=no\n",
        f"[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nAddress={address}/{own.prefixlen}\n",
    ]
    for block in blocks:
        route = f"Destination={block}\nScope=link\nPreferredSource={address}\nTable={number}\n"
        parts.append(f"[Route]\n{route}")
    parts.append(f"[RoutingPolicyRule]\nFrom={address}\nTable={number}\nPriority={LOOKUP_PRIORITY}\n")
    return "\n".join(parts)


def _unreachable_rules(address: str, others: Iterable[str]) -> str:
    """Return the rules that keep an address out of the rails of other planes."""
    text = ""
    for cidr in others:
        rule = f"From={address}\nTo={cidr}\nType=unreachable\nPriority={UNREACHABLE_PRIORITY}\n"
        text += f"\n[RoutingPolicyRule]\n{rule}"
    return text

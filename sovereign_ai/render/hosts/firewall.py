"""One nftables table a pool or tier: who may speak to the host itself, and that no host is a bridge between rails.

Forwarding is left to the pod network, but for one thing: nothing goes in by a rail and out by another. To the host itself
everything is dropped but: what was asked for, the machine's own, ICMP; SSH and the kubelet from management; the hosts of the own
zone; the pod network's tunnels between the cluster's machines, where NetworkPolicy decides; RoCE on rail ports within the zone;
flows that the description declares into this zone; and NFS to storage servers from their own zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses

from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.hosts.given import Given
from sovereign_ai.render.switches.ports import host_addresses
from sovereign_ai.spec.factory import AIFactory

TABLE = "sovereign"
KUBELET, SSH, ROCE, NFS = 10_250, 22, 4_791, 2_049
RAIL_PORTS = '{ "compute*", "storage*" }'
TUNNELS = (4_789, 6_081, 8_472)
"""UDP ports of VXLAN, Geneve and the VXLAN of the Linux kernel's old default."""


def machines(plan: Plan, zone: str) -> list[str]:
    """Give the in-band ranges of a zone's machines."""
    pools = {node.pool for node in plan.nodes if node.zone == zone}
    return _joined(one.cidr for one in plan.prefixes if one.use == "nodes" and one.owner in pools)


def rails(plan: Plan, zone: str) -> list[str]:
    """Give the rail addresses of a zone's machines and servers, on compute and storage fabrics, as ranges."""
    members = {node.name for node in plan.nodes if node.zone == zone}
    members |= {server for tier in plan.storage if tier.zone == zone for server in tier.servers}
    planes = [plane for plane in plan.fabrics if plane.role in ("compute", "storage") and plane.kind != "infiniband"]
    return _joined(f"{address}/32" for plane in planes for (host, _), address in host_addresses(plan, plane).items() if host in members)


def _joined(ranges: Iterable[str]) -> list[str]:
    """Join neighbouring ranges, sorted."""
    return [str(one) for one in collapse_addresses(IPv4Network(text) for text in ranges)]


def machine_table(factory: AIFactory, plan: Plan, given: Given, pool: str) -> str:
    """Give the table of a pool's machines."""
    zone, cluster = next((node.zone, node.cluster) for node in plan.nodes if node.pool == pool)
    mates = _joined(
        one.cidr for one in plan.prefixes if one.use == "nodes" and one.owner in {n.pool for n in plan.nodes if n.cluster == cluster}
    )
    return _table(
        f"machines of pool {pool} in zone {zone}",
        {"admins": _admins(factory, given), "zone": machines(plan, zone), "cluster": mates, "rails": rails(plan, zone)},
        [
            f"ip saddr @admins tcp dport {{ {SSH}, {KUBELET} }} accept",
            "ip saddr @zone accept",
            f"ip saddr @cluster udp dport {{ {', '.join(map(str, TUNNELS))} }} accept",
            "ip saddr @cluster ip protocol 4 accept",
            f"iifname {RAIL_PORTS} ip saddr @rails udp dport {ROCE} accept",
            f"iifname {RAIL_PORTS} ip saddr @rails tcp dport 1024-65535 accept",
            *_declared(factory, plan, zone),
        ],
    )


def server_table(factory: AIFactory, plan: Plan, given: Given, tier: str) -> str:
    """Give the table of a tier's storage servers."""
    zone = next(one.zone for one in plan.storage if one.tier == tier)
    return _table(
        f"servers of tier {tier} in zone {zone}",
        {"admins": _admins(factory, given), "rails": rails(plan, zone)},
        [
            f"ip saddr @admins tcp dport {SSH} accept",
            f"ip saddr @rails tcp dport {NFS} accept",
            f"ip saddr @rails udp dport {ROCE} accept",
        ],
    )


def _admins(factory: AIFactory, given: Given) -> list[str]:
    """Give from where a host is administered."""
    return _joined((factory.network.management, *given.admin_from))


def _declared(factory: AIFactory, plan: Plan, zone: str) -> Iterator[str]:
    """Give what other zones may ask of this one, as the description declares it."""
    for other in factory.zones:
        for flow in other.allow:
            sources = machines(plan, other.name)
            if flow.to == zone and not flow.never and flow.ports and sources:
                ports = ", ".join(map(str, sorted(flow.ports)))
                yield f"ip saddr {{ {', '.join(sources)} }} {flow.protocol.lower()} dport {{ {ports} }} accept"


def _table(about: str, sets: dict[str, list[str]], rules: list[str]) -> str:
    """Write a table that replaces the one before in one step."""
    lines = [f"# {about}; from the plan", f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for name, ranges in sets.items():
        elements = f"\n\t\telements = {{ {', '.join(ranges)} }}" if ranges else ""
        lines.append(f"\tset {name} {{\n\t\ttype ipv4_addr\n\t\tflags interval{elements}\n\t}}")
    first = ["ct state established,related accept", "ct state invalid drop", 'iifname "lo" accept', "meta l4proto { 1, 58 } accept"]
    # Protocols by number: 1 and 58 are ICMP, 4 is IP in IP; a host without netbase knows no names.
    last = [f'limit rate 5/second log prefix "{TABLE} drop "']
    body = "\n".join(f"\t\t{line}" for line in (*first, *rules, *last))
    lines.append(f"\tchain input {{\n\t\ttype filter hook input priority filter; policy drop;\n{body}\n\t}}")
    through = f"\t\tiifname {RAIL_PORTS} oifname {RAIL_PORTS} drop"
    lines.append(f"\tchain forward {{\n\t\ttype filter hook forward priority filter; policy accept;\n{through}\n\t}}\n}}")
    return "\n".join(lines) + "\n"

"""The nftables table of each pool and storage tier: who may reach a host, and no traffic between rails.

Forwarding is left to the pod network, with one exception: no packet enters by a rail and leaves by another.
Everything addressed to the host itself is dropped, but for:

* answers to what the host asked for, loopback, and ICMP;
* SSH and the kubelet, from the management ranges;
* hosts of the same zone;
* the pod network's tunnels between the cluster's nodes, where NetworkPolicy decides;
* RoCE on rail ports within the zone;
* flows that the description declares into this zone;
* NFS to storage servers, from their own zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses

from sovereign_ai.plan import Plan
from sovereign_ai.render.hosts.site_facts import SiteFacts
from sovereign_ai.render.switches.ports import host_addresses
from sovereign_ai.spec import AIFactory

TABLE = "sovereign"
KUBELET, SSH, ROCE, NFS = 10_250, 22, 4_791, 2_049
"""Ports; RoCE v2 has UDP port 4791 from IANA."""
RAIL_PORTS = '{ "compute*", "storage*" }'
"""Interface names of rails, as nftables matches them."""
TUNNELS = (4_789, 6_081, 8_472)
"""UDP ports of VXLAN, Geneve and the VXLAN of the Linux kernel's old default."""
# Protocols are written by number (1 is ICMP, 58 ICMPv6, 4 IP in IP): a host without netbase knows no names.
_ICMP = "{ 1, 58 }"
_IP_IN_IP = 4


def node_ranges(plan: Plan, zone: str) -> list[str]:
    """Return the in-band ranges of a zone's nodes."""
    pools = set()
    for node in plan.nodes:
        if node.zone == zone:
            pools.add(node.pool)
    return _node_ranges(plan, pools)


def _node_ranges(plan: Plan, pools: set[str]) -> list[str]:
    """Return the in-band ranges of pools, neighbouring ones joined."""
    ranges: list[str] = []
    for prefix in plan.prefixes:
        if prefix.use == "nodes" and prefix.owner in pools:
            cidr = prefix.cidr
            ranges.append(cidr)
    return _joined(ranges)


def rails(plan: Plan, zone: str) -> list[str]:
    """Return the rail addresses of a zone's nodes and storage servers, as ranges.

    Rails are those of compute and storage fabrics; InfiniBand ports have no address of the plan.
    """
    members = set()
    for node in plan.nodes:
        if node.zone == zone:
            members.add(node.name)
    for tier in plan.storage:
        if tier.zone == zone:
            members.update(tier.servers)
    ranges: list[str] = []
    for plane in plan.fabrics:
        if plane.role not in ("compute", "storage") or plane.kind == "infiniband":
            continue
        for (host, _), address in host_addresses(plan, plane).items():
            if host in members:
                ranges.append(f"{address}/32")
    return _joined(ranges)


def _joined(ranges: Iterable[str]) -> list[str]:
    """Return ranges with neighbouring ones joined, sorted."""
    networks: list[IPv4Network] = []
    for text in ranges:
        network = IPv4Network(text)
        networks.append(network)
    return [str(network) for network in collapse_addresses(networks)]


def node_table(factory: AIFactory, plan: Plan, given: SiteFacts, pool: str) -> str:
    """Return the table of a pool's nodes."""
    zone, cluster = next((node.zone, node.cluster) for node in plan.nodes if node.pool == pool)
    cluster_pools = set()
    for node in plan.nodes:
        if node.cluster == cluster:
            cluster_pools.add(node.pool)
    sets = {
        "admins": _admin_ranges(factory, given),
        "zone": node_ranges(plan, zone),
        "cluster": _node_ranges(plan, cluster_pools),
        "rails": rails(plan, zone),
    }
    tunnels = ", ".join(str(port) for port in TUNNELS)
    rules = [
        f"ip saddr @admins tcp dport {{ {SSH}, {KUBELET} }} accept",
        "ip saddr @zone accept",
        f"ip saddr @cluster udp dport {{ {tunnels} }} accept",
        f"ip saddr @cluster ip protocol {_IP_IN_IP} accept",
        f"iifname {RAIL_PORTS} ip saddr @rails udp dport {ROCE} accept",
        f"iifname {RAIL_PORTS} ip saddr @rails tcp dport 1024-65535 accept",
        *_declared_flows(factory, plan, zone),
    ]
    return _table(f"machines of pool {pool} in zone {zone}", sets, rules)


def server_table(factory: AIFactory, plan: Plan, given: SiteFacts, tier: str) -> str:
    """Return the table of a tier's storage servers."""
    zone = next(storage.zone for storage in plan.storage if storage.tier == tier)
    sets = {"admins": _admin_ranges(factory, given), "rails": rails(plan, zone)}
    rules = [
        f"ip saddr @admins tcp dport {SSH} accept",
        f"ip saddr @rails tcp dport {NFS} accept",
        f"ip saddr @rails udp dport {ROCE} accept",
    ]
    return _table(f"servers of tier {tier} in zone {zone}", sets, rules)


def _admin_ranges(factory: AIFactory, given: SiteFacts) -> list[str]:
    """Return the ranges that a host is administered from."""
    return _joined((factory.network.management, *given.admin_from))


def _declared_flows(factory: AIFactory, plan: Plan, zone: str) -> Iterator[str]:
    """Yield a rule for each flow into this zone that the description declares."""
    for other in factory.zones:
        sources = node_ranges(plan, other.name)
        if not sources:
            continue
        for flow in other.allow:
            if flow.to != zone or flow.never or not flow.ports:
                continue
            ports = ", ".join(str(port) for port in sorted(flow.ports))
            protocol = flow.protocol.lower()
            yield f"ip saddr {{ {', '.join(sources)} }} {protocol} dport {{ {ports} }} accept"


def _table(about: str, sets: dict[str, list[str]], rules: list[str]) -> str:
    """Return a table as nft reads it; it replaces the one before in one step."""
    lines = [
        f"# {about}; from the plan",
        # The table is declared before it is deleted, since nft refuses to delete one that does not exist.
        f"table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
    ]
    for name, ranges in sets.items():
        lines += [f"\tset {name} {{", "\t\ttype ipv4_addr", "\t\tflags interval"]
        # nft refuses a set whose list of elements is empty.
        if ranges:
            lines.append(f"\t\telements = {{ {', '.join(ranges)} }}")
        lines.append("\t}")
    lines += [
        "\tchain input {",
        "\t\ttype filter hook input priority filter; policy drop;",
        "\t\tct state established,related accept",
        "\t\tct state invalid drop",
        '\t\tiifname "lo" accept',
        f"\t\tmeta l4proto {_ICMP} accept",
    ]
    for rule in rules:
        lines.append(f"\t\t{rule}")
    lines += [
        # Whatever reaches this rule is dropped by the policy; the limit keeps a flood out of the journal.
        f'\t\tlimit rate 5/second log prefix "{TABLE} drop "',
        "\t}",
        "\tchain forward {",
        "\t\ttype filter hook forward priority filter; policy accept;",
        f"\t\tiifname {RAIL_PORTS} oifname {RAIL_PORTS} drop",
        "\t}",
        "}",
    ]
    return "\n".join(lines) + "\n"

"""Fabrics: leaves, spines, cores, and every cable with both its ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.plan.bisection import carried
from sovereign_ai.plan.cables import Names, leaf_spine, node_leaf, port_names, spine_core, switch_names
from sovereign_ai.plan.fit import size_fabrics
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.seats import MANAGED, SERVERS, joins_servers
from sovereign_ai.plan.size import FabricSize
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import BitsPerSecond


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch.

    Attributes:
        name: `<fabric>-<site>-p<plane>-leaf-r<rail>-<number>`, `…-spine-<number>`, `…-core-<number>`.
        tier: `leaf`, `spine` or `core`.
        rail: the rail it serves; -1 for spines and cores.
        rack: its rack's name.
        asn: its autonomous system number; 0 on InfiniBand.
        loopback: its loopback IPv4 address; empty on InfiniBand.
    """

    name: str
    tier: str
    rail: int
    rack: str
    asn: int
    loopback: str


@dataclass(frozen=True, slots=True)
class FabricPlan:
    """One plane of one fabric at one site.

    Attributes:
        name: `<fabric>-<site>-p<plane>`.
        fabric: the fabric's name in the description.
        site: where it is.
        plane: from 0.
        role: `compute`, `storage`, `in-band` or `out-of-band`.
        kind: `infiniband`, `roce` or `ethernet`.
        rails: rails in it.
        radix: ports of a switch, breakout counted.
        link: bits a second of one link.
        tiers: 1, 2 or 3 switch tiers.
        endpoints: machine and manager ports really cabled.
        padded: ports it is sized for.
        leaf: number of leaves.
        spine: number of spines.
        core: number of cores.
        node_leaf: cables from machines and managers to leaves.
        leaf_spine: cables from leaves to spines.
        spine_core: cables from spines to cores.
        switches: every switch.
        cables: one row each: (a, a_port, b, b_port) where a is below b; `port` counts from 1 on
            switches; a machine's port is `<role><rail>` counted from 0, as the NIC's position.
        oversubscription: `down:up` as built, in lowest terms.
        bisection: bits a second across the worst half, from the cables.
        why: field to the formula and its inputs in words.
    """

    name: str
    fabric: str
    site: str
    plane: int
    role: str
    kind: str
    rails: int
    radix: int
    link: int
    tiers: int
    endpoints: int
    padded: int
    leaf: int
    spine: int
    core: int
    node_leaf: int
    leaf_spine: int
    spine_core: int
    switches: tuple[Switch, ...]
    cables: tuple[tuple[str, str, str, str], ...]
    oversubscription: str
    bisection: int
    why: Mapping[str, str]


def hosts_under(plane: FabricPlan) -> dict[str, list[str]]:
    """Give the hosts below each leaf that has any, one entry a port."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for host, _, leaf, _ in plane.cables[: plane.node_leaf]:
        found[leaf].append(host)
    return dict(found)


def fullest_leaf(plane: FabricPlan, machines: Collection[str]) -> int:
    """Give the most of some machines that hang on one leaf of a plane, as cabled.

    Args:
        plane: the plane.
        machines: names of those that count; storage servers and managers have ports too.
    """
    counted = frozenset(machines)
    return max((len(counted.intersection(hosts)) for hosts in hosts_under(plane).values()), default=0)


def plan_fabrics(
    factory: AIFactory,
    nodes: Sequence[Node],
    servers: Mapping[str, Sequence[str]] | None = None,
    managed: Mapping[str, Sequence[str]] | None = None,
) -> tuple[FabricPlan, ...]:
    """Lay every cable of every fabric; the switches' racks, systems and loopbacks are left empty.

    Args:
        factory: the description.
        nodes: every machine, spares too, pool by pool in the order of the description.
        servers: site name to its storage servers.
        managed: site name to its switches and rack PDUs that have a management port.

    Returns:
        One plan a plane, by fabric and site in the order of the description; a site where nothing
        joins a fabric has none of it.

    Raises:
        SpecError: every fabric that cannot be, with the limit and the smallest change that fits.
    """
    standing, reached = servers or {}, managed or {}
    pools: defaultdict[str, list[str]] = defaultdict(list)
    for node in nodes:
        pools[node.pool].append(node.name)
    spares = {pool.name: len(pools[pool.name]) - pool.nodes for pool in factory.pools}
    sizes = size_fabrics(factory, spares, *({site: len(names) for site, names in one.items()} for one in (standing, reached)))
    by_name = {fabric.name: fabric for fabric in factory.fabrics}
    return tuple(
        _lay(
            by_name[size.fabric],
            size,
            {**pools, SERVERS: standing.get(size.site, ()), MANAGED: reached.get(size.site, ())},
            _first_port(factory, by_name[size.fabric], size.site),
        )
        for size in sizes
    )


def _first_port(factory: AIFactory, fabric: Fabric, site: str) -> int:
    """Give the number of a storage server's first free port: fabrics of one role share the servers, not their ports."""
    before = factory.fabrics[: factory.fabrics.index(fabric)]
    return sum(other.rails for other in before if other.role == fabric.role and joins_servers(factory, other, site))


def _lay(fabric: Fabric, size: FabricSize, hosts: Mapping[str, Sequence[str]], server_port: int) -> FabricPlan:
    """Lay one plane's cables and measure what they carry."""
    names = switch_names(size)
    ports = port_names(size.radix, fabric.breakout)
    low = node_leaf(size, names, ports, hosts, managers=fabric.managers, planes=fabric.planes, server_port=server_port)
    middle = leaf_spine(size, names, ports)
    high = spine_core(size, names, ports)
    built = carried(low, middle, high)
    over = built.oversubscription
    return FabricPlan(
        name=names.plane,
        fabric=size.fabric,
        site=size.site,
        plane=size.plane,
        role=size.role,
        kind=size.kind,
        rails=size.rails,
        radix=size.radix,
        link=size.link,
        tiers=size.tiers,
        endpoints=len(low),
        padded=size.padded,
        leaf=len(names.leaves),
        spine=len(names.spines),
        core=len(names.cores),
        node_leaf=len(low),
        leaf_spine=len(middle),
        spine_core=len(high),
        switches=_switches(names),
        cables=(*low, *middle, *high),
        oversubscription=f"{over.numerator}:{over.denominator}",
        bisection=built.bisection * size.link,
        why={
            **size.why,
            "oversubscription": "links below to links above at the leaf and spine with the most below, as cabled",
            "bisection": f"{built.bisection} links of {BitsPerSecond(size.link)} that the worst half of {len(low)} endpoints can fill",
        },
    )


def _switches(names: Names) -> tuple[Switch, ...]:
    """Give every switch: leaves pod by pod, then spines pod by pod, then cores group by group."""
    leaves = [Switch(name, "leaf", rail, "", 0, "") for name, rail in zip(names.leaves, names.rails, strict=True)]
    spines = [Switch(name, "spine", -1, "", 0, "") for name in names.spines]
    return (*leaves, *spines, *(Switch(name, "core", -1, "", 0, "") for name in names.cores))

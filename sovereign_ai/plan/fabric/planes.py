"""Fabrics: leaves, spines, cores, and every cable with both its ports."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction
from math import gcd

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.bisection import (
    Carried,
    carried,
    carried_laid,
    carried_rates,
    sent_below,
    worst_ratio,
)
from sovereign_ai.plan.fabric.cables import (
    CableNames,
    Cables,
    leaf_spine,
    node_leaf,
    outside_links,
    partner_links,
    spine_core,
    switch_names,
)
from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.fabric.layout import Layout
from sovereign_ai.plan.fabric.port_assignment import MANAGED, SERVERS, fabrics_by_name, joins_servers
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.fabric.switch_ports import port_names
from sovereign_ai.plan.nodes import Node
from sovereign_ai.spec import AIFactory, Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond


@frozen_dataclass
class Switch:
    """One switch.

    Attributes:
        name: `<fabric>-<site>-p<plane>-leaf-r<rail>-<number>`, `…-spine-<number>`, `…-core-<number>`,
            `…-border-<number>`.
        tier: `leaf`, `spine`, `core`, or `border` for a border leaf.
        rail: the rail that it serves; -1 for all others than leaves.
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


@frozen_dataclass
class FabricPlan:
    """One plane of one fabric at one site.

    Attributes:
        name: `<fabric>-<site>-p<plane>`.
        fabric: the fabric's name in the description.
        site: its site.
        plane: number of the plane, from 0.
        role: `compute`, `storage`, `in-band` or `out-of-band`.
        kind: `infiniband`, `roce` or `ethernet`.
        rails: rails in it.
        radix: ports of a switch, breakout counted.
        link: bits a second of one link.
        tiers: 1, 2 or 3 switch tiers.
        endpoints: ports of servers and fabric managers that are cabled.
        padded: ports that it is sized for.
        leaf: number of leaves, border leaves not counted.
        spine: number of spines.
        core: number of cores.
        node_leaf: cables from servers and managers to leaves.
        leaf_spine: cables from leaves and border leaves to spines.
        spine_core: cables from spines to cores.
        switches: every switch.
        cables: every cable: those of hosts, then those between switches, tier by tier, then those to the
            outside.
        oversubscription: `down:up` as built, in lowest terms.
        bisection: bits a second across the worst half, computed from the cables.
        why: field to the formula and its inputs in words.
        leaf_rails: rails that a leaf serves.
        leaf_places: servers that a leaf holds where the description limits them, counted at `unit` where they
            have several rates; 0 elsewhere.
        spine_radix: ports of a spine or core where these are another model than leaves; 0 elsewhere.
        leaf_leaf: cables between the two leaves of a pair without spines; they are in the place of those to
            spines.
        uplink: bits a second of a link between switches where it differs from `link`; 0 elsewhere.
        uplink_ports: links of a leaf's ports for spines alone, besides its radix; 0 elsewhere.
        uneven: a leaf's links to its spines, or a spine's to its cores, differ by one.
        first_rail: the server's rail that is rail 0 of this plane, where rails are planes of their own.
        host_rates: bits a second of a link of each host that has another rate than `link`.
        border: number of border leaves.
        outside: cables to the outside.
        outside_link: bits a second of one of them.
        border_ports: ports of a border leaf before any is split; 0 without border leaves.
        outside_optic: the catalogue's optic of our end of links to the outside, where one is described.
        outside_cord: centimetres of our cable of such a link, where the description says them; else 0.
        partners: cables between the two switches of pairs, of leaves, spines or border leaves, in a plane
            with spines; they carry nothing.
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
    cables: Cables
    oversubscription: str
    bisection: int
    why: Mapping[str, str]
    leaf_rails: int = 1
    leaf_places: int = 0
    spine_radix: int = 0
    leaf_leaf: int = 0
    uplink: int = 0
    uplink_ports: int = 0
    uneven: bool = False
    first_rail: int = 0
    host_rates: Mapping[str, int] = field(default_factory=dict)
    border: int = 0
    outside: int = 0
    outside_link: int = 0
    border_ports: int = 0
    outside_optic: str = ""
    outside_cord: int = 0
    partners: int = 0

    def host_rate(self, host: str) -> int:
        """Return the bits a second of one link of a host."""
        return self.host_rates.get(host, self.link)

    @property
    def unit(self) -> int:
        """Bits a second that every link of a host is a multiple of: `link`, where all have one rate."""
        return gcd(self.link, *self.host_rates.values())

    @property
    def host_links(self) -> Cables:
        """Cables of hosts, the lower end, to leaves: servers, storage servers, fabric managers."""
        return self.cables[: self.node_leaf]

    @property
    def switch_links(self) -> Cables:
        """Cables between switches: `peer_links` and `uplinks`."""
        return self.cables[self.node_leaf : len(self.cables) - self.outside]

    @property
    def outside_links(self) -> Cables:
        """Cables from the outside, the lower end, to the switches that meet it."""
        return self.cables[len(self.cables) - self.outside :]

    @property
    def routed_links(self) -> Cables:
        """Cables between switches that traffic takes: `uplinks`, or those of a pair without spines.

        Over the links of pairs below spines no routes are exchanged: the path between the two would be the
        shortest, and all that they send each other would take those few links.
        """
        first = self.node_leaf + self.partners
        last = len(self.cables) - self.outside
        return self.cables[first:last]

    @property
    def peer_links(self) -> Cables:
        """Cables between the two switches of pairs."""
        links = self.leaf_leaf + self.partners
        return self.cables[self.node_leaf :][:links]

    @property
    def uplinks(self) -> Cables:
        """Cables from a leaf or spine to the tier above it."""
        first = self.node_leaf + self.leaf_leaf + self.partners
        last = len(self.cables) - self.outside
        return self.cables[first:last]

    def rate_of(self, number: int) -> int:
        """Return the bits a second of a cable by its number in `cables`."""
        if number < self.node_leaf:
            return self.host_rate(self.cables.rows[number][0])
        if number >= len(self.cables) - self.outside:
            return self.outside_link
        return self.uplink or self.link


LATER = {
    "leaf_rails": 1,
    "leaf_places": 0,
    "spine_radix": 0,
    "leaf_leaf": 0,
    "uplink": 0,
    "uplink_ports": 0,
    "uneven": False,
    "first_rail": 0,
    "host_rates": {},
    "border": 0,
    "outside": 0,
    "outside_link": 0,
    "border_ports": 0,
    "outside_optic": "",
    "outside_cord": 0,
    "partners": 0,
}
"""Fields that were added after plans had been signed, with the value that the canonical JSON leaves out, so
that digests stay."""


_OVERSUBSCRIPTION = "links below to links above at the leaf and spine with the most below, as cabled"
_WITH_OUTSIDE = "; links to the outside are below the leaf that has them"


def host_rails(plane: FabricPlan) -> list[int]:
    """Return the rail of each cable from a host, in the order of `host_links`.

    A leaf that serves several rails does not identify them, but the port's number does. A storage server that
    joins several fabrics of a role has ports of this one from some number on. A fabric manager joins one rail
    alone, given by its port's number.
    """
    links = plane.host_links
    if plane.leaf_rails == 1:
        leaf_rails = {switch.name: switch.rail for switch in plane.switches}
        return [leaf_rails[leaf] for leaf in links.uppers()]
    numbers: list[int] = []
    first: dict[str, int] = {}
    for link in links:
        number = int(link.lower_port[len(plane.role) :].partition("/")[0])
        numbers.append(number)
        first[link.lower] = min(number, first.get(link.lower, number))
    manager = f"{plane.name}-manager-"
    rails: list[int] = []
    for host, number in zip(links.lowers(), numbers, strict=True):
        rails.append(number - (plane.first_rail if host.startswith(manager) else first[host]))
    return rails


def rails_beside(plane: FabricPlan, planes: Iterable[FabricPlan]) -> int:
    """Return the rails of a plane's fabric at its site: more than its own where rails are planes."""
    rails = plane.rails
    for other in planes:
        if (other.fabric, other.site) == (plane.fabric, plane.site):
            rails = max(rails, other.first_rail + other.rails)
    return rails


def hosts_under(plane: FabricPlan) -> dict[str, list[str]]:
    """Return the hosts of each leaf that has any, with one entry for each port."""
    hosts_of: defaultdict[str, list[str]] = defaultdict(list)
    for host, leaf in plane.host_links.pairs():
        hosts_of[leaf].append(host)
    return dict(hosts_of)


def fullest_leaf(plane: FabricPlan, machines: Collection[str]) -> int:
    """Return how many of some servers the fullest leaf of a plane has, as cabled.

    Args:
        plane: the plane.
        machines: names of the servers that count; storage servers and managers have ports as well.
    """
    counted = frozenset(machines)
    most = 0
    for hosts in hosts_under(plane).values():
        most = max(most, len(counted.intersection(hosts)))
    return most


def plan_fabrics(
    factory: AIFactory,
    nodes: Sequence[Node],
    servers: Mapping[str, Sequence[str]] | None = None,
    managed: Mapping[str, Sequence[str]] | None = None,
    sizes: Sequence[FabricSize] | None = None,
) -> tuple[FabricPlan, ...]:
    """Plan every cable of every fabric. Racks, AS numbers and loopbacks of the switches are left empty.

    Args:
        factory: the description.
        nodes: every server, spares too, pool by pool in the order of the description.
        servers: site name to its storage servers.
        managed: site name to its switches and rack PDUs that have a management port.
        sizes: the planes as they are sized already; left out, they are sized for what is given. The two may
            differ: an out-of-band plane is sized for the devices of an earlier round, of which the last may
            have fewer.

    Returns:
        One plan for each plane, by fabric and site in the order of the description. A fabric that nothing
        joins at a site has no plane there.

    Raises:
        SpecError: every impossible fabric, with the limit and the smallest change that fits.
    """
    storage_servers, managed_devices = servers or {}, managed or {}
    pools: defaultdict[str, list[str]] = defaultdict(list)
    for node in nodes:
        pools[node.pool].append(node.name)
    spares = {pool.name: len(pools[pool.name]) - pool.nodes for pool in factory.pools}
    if sizes is None:
        counts = _count_devices(storage_servers), _count_devices(managed_devices)
        sizes = size_fabrics(factory, spares, *counts)
    by_name = fabrics_by_name(factory)
    planes: list[FabricPlan] = []
    for size in sizes:
        fabric = by_name[size.fabric]
        hosts: dict[str, Sequence[str]] = {
            **pools,
            SERVERS: storage_servers.get(size.site, ()),
            MANAGED: managed_devices.get(size.site, ()),
        }
        planes.append(_plan_plane(fabric, size, hosts, _first_port(factory, fabric, size.site)))
    return tuple(planes)


def _count_devices(names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Count the devices of each site."""
    return {site: len(devices) for site, devices in names.items()}


def _first_port(factory: AIFactory, fabric: Fabric, site: str) -> int:
    """Return the number of a storage server's first free port.

    Fabrics of one role share the storage servers, not their ports.
    """
    ports = 0
    for other in factory.fabrics[: factory.fabrics.index(fabric)]:
        if other.role == fabric.role and joins_servers(factory, other, site):
            ports += other.rails
    return ports


def _plan_plane(
    fabric: Fabric, size: FabricSize, hosts: Mapping[str, Sequence[str]], server_port: int
) -> FabricPlan:
    """Plan one plane's cables and measure their capacity."""
    names = switch_names(size)
    split = size.layout.ports.breakout if size.layout is not None else fabric.breakout
    ports = port_names(size.radix, split)
    copy = size.plane // fabric.rail_groups + 1 if fabric.planes > 1 else 0
    low = node_leaf(size, names, ports, hosts, managers=fabric.managers, copy=copy, server_port=server_port)
    middle = leaf_spine(size, names, ports)
    high = spine_core(size, names, ports)
    outside = outside_links(size, names)
    beside = partner_links(size, names)
    layout = size.layout
    is_even = layout is None or layout.even
    is_pair = layout is not None and layout.peers > 0
    host_rates = _host_rates(size, hosts, names, fabric.managers)
    built = _measure(size, low, middle, high, outside, host_rates)
    unit = gcd(size.link, *host_rates.values())
    down, up = built.oversubscription.as_integer_ratio()
    why = dict(size.why)
    why["oversubscription"] = _OVERSUBSCRIPTION + (_WITH_OUTSIDE if outside else "")
    why["bisection"] = _bisection_why(size, built, low, unit)
    cables_above = len(middle)
    leaf_leaf = cables_above if is_pair else 0
    uplink = size.uplink if size.uplink != size.link else 0
    # Fields that the canonical JSON leaves out have their default where nothing special was described (see
    # `LATER`).
    leaf_places = spine_radix = uplink_ports = 0
    if layout is not None and fabric.laid_out:
        leaf_places = size.down * layout.ports.link // unit if host_rates else size.down
        extra = layout.ports.extra + layout.ports.reserved_extra
        uplink_ports = extra * layout.ports.uplink_breakout
        if size.spine and layout.ports.spine_radix != size.radix:
            spine_radix = layout.ports.spine_radix
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
        leaf_spine=cables_above - leaf_leaf,
        spine_core=len(high),
        switches=_make_switches(names),
        cables=Cables((*low.rows, *beside.rows, *middle.rows, *high.rows, *outside.rows)),
        oversubscription=f"{down}:{up}",
        bisection=built.bisection * unit,
        why=why,
        leaf_rails=size.leaf_rails,
        leaf_places=leaf_places,
        spine_radix=spine_radix,
        leaf_leaf=leaf_leaf,
        uplink=uplink,
        uplink_ports=uplink_ports,
        uneven=not is_even,
        first_rail=size.first_rail,
        host_rates=host_rates,
        border=len(names.borders),
        outside=len(outside),
        outside_link=layout.outside.rate if layout is not None and layout.outside is not None else 0,
        border_ports=_border_ports(layout),
        outside_optic="" if fabric.border is None else fabric.border.optic or "",
        outside_cord=0 if fabric.border is None or fabric.border.cord is None else fabric.border.cord.count,
        partners=len(beside),
    )


def _border_ports(layout: Layout | None) -> int:
    """Return the ports of a border leaf before any is split; 0 where there is none."""
    if layout is None or layout.outside is None or layout.outside.ports is None:
        return 0
    return layout.outside.ports.cages + layout.outside.ports.extra


def _host_rates(
    size: FabricSize, hosts: Mapping[str, Sequence[str]], names: CableNames, managers: int
) -> Mapping[str, int]:
    """Return the rate of each host whose link has another one than the fabric's."""
    if size.layout is None or all(block.align == 1 for block in size.blocks):
        return {}
    slowest = size.layout.ports.link
    rates: dict[str, int] = {}
    manager_rate = size.link
    for block in size.blocks:
        rate = slowest * block.width
        if block.name not in (SERVERS, MANAGED):
            # Managers use free places of the last pool, so they have its rate.
            manager_rate = rate
        if rate != size.link:
            rates.update(dict.fromkeys(hosts.get(block.name, ())[: block.hosts], rate))
    if manager_rate != size.link:
        for number in range(1, managers + 1):
            rates[f"{names.plane}-manager-{number}"] = manager_rate
    return rates


def _measure(
    size: FabricSize,
    low: Cables,
    middle: Cables,
    high: Cables,
    outside: Cables,
    host_rates: Mapping[str, int],
) -> Carried:
    """Return the capacity of a plane's cables: of hosts, of leaves, of spines to cores, and to the outside.

    The bisection is that between hosts. Links to the outside count for the oversubscription alone.
    """
    built = _measure_hosts(size, low, middle, high, host_rates)
    if not outside or not middle or size.layout is None or size.layout.outside is None:
        return built
    rates = {**host_rates, **dict.fromkeys(outside.lowers(), size.layout.outside.rate)}
    below = sent_below((*low.rows, *outside.rows), rates, size.link)
    worst = worst_ratio(below, middle, high, size.uplink, peers=size.layout.peers > 0)
    return replace(built, oversubscription=max(built.oversubscription, worst))


def _measure_hosts(
    size: FabricSize, low: Cables, middle: Cables, high: Cables, host_rates: Mapping[str, int]
) -> Carried:
    """Return the capacity of a plane's cables as far as its hosts use them."""
    layout = size.layout
    if layout is not None and host_rates:
        unit = gcd(size.link, *host_rates.values())
        units = {host: rate // unit for host, rate in host_rates.items()}
        return carried_rates(
            low,
            middle,
            high,
            peers=layout.peers > 0,
            weight=Fraction(size.uplink, unit),
            units=units,
            usual=size.link // unit,
        )
    is_pair = layout is not None and layout.peers > 0
    # A single switch has no links to others, whatever rate is described for them.
    if layout is not None and middle and (is_pair or not layout.even or size.uplink != size.link):
        return carried_laid(low, middle, high, peers=is_pair, weight=Fraction(size.uplink, size.link))
    return carried(low, middle, high)


def _bisection_why(size: FabricSize, built: Carried, low: Cables, unit: int) -> str:
    """Return the reason of a bisection, which is counted in links of `unit` bits a second."""
    why = (
        f"{counted(built.bisection, 'link')} of {BitsPerSecond(unit)} "
        f"that the worst half of {counted(len(low), 'endpoint')} can fill"
    )
    if size.layout is not None and not size.layout.even:
        why += "; of links that differ by one only the even part is counted"
    return why


def standing_plane(
    plane: FabricPlan, size: FabricSize, first: Mapping[str, int], index: int, phase: str
) -> FabricPlan:
    """Return what stands of a plane at the end of a phase.

    Args:
        plane: the whole plane.
        size: its size.
        first: device to the phase from which on it stands; what is not in it stands from the start.
        index: number of the phase.
        phase: its name.
    """
    between, first_core = plane.routed_links, len(plane.routed_links) - plane.spine_core
    low, middle, high, outside = (
        _standing_cables(plane.host_links, first, index),
        _standing_cables(between[:first_core], first, index),
        _standing_cables(between[first_core:], first, index),
        _standing_cables(plane.outside_links, first, index),
    )
    partners = plane.cables[plane.node_leaf :][: plane.partners]
    beside = _standing_cables(partners, first, index)
    standing = tuple(switch for switch in plane.switches if first.get(switch.name, 0) <= index)
    tiers = Counter(switch.tier for switch in standing)
    built = _measure(size, low, middle, high, outside, plane.host_rates)
    down, up = built.oversubscription.as_integer_ratio()
    why = dict(plane.why)
    why["bisection"] = _bisection_why(size, built, low, plane.unit)
    spines_text = counted(plane.spine, "spine")
    leaves_text = counted(plane.leaf, "leaf", "leaves")
    why["phase"] = (
        f"what stands at the end of {phase}; laid out for {leaves_text}, {spines_text} "
        f"and {counted(plane.core, 'core')}"
    )
    if plane.border:
        why["phase"] += f", and {counted(plane.border, 'border leaf', 'border leaves')}"
    leaf_leaf = len(middle) if plane.leaf_leaf else 0
    return replace(
        plane,
        endpoints=len(low),
        leaf=tiers["leaf"],
        spine=tiers["spine"],
        core=tiers["core"],
        node_leaf=len(low),
        leaf_spine=len(middle) - leaf_leaf,
        leaf_leaf=leaf_leaf,
        spine_core=len(high),
        switches=standing,
        border=tiers["border"],
        outside=len(outside),
        cables=Cables((*low.rows, *beside.rows, *middle.rows, *high.rows, *outside.rows)),
        oversubscription=f"{down}:{up}",
        bisection=built.bisection * plane.unit,
        why=why,
        partners=len(beside),
    )


def _standing_cables(cables: Cables, first: Mapping[str, int], index: int) -> Cables:
    """Return the cables of which both ends stand at the end of a phase."""
    rows = []
    for row in cables.rows:
        if first.get(row[0], 0) <= index and first.get(row[2], 0) <= index:
            rows.append(row)
    return Cables(rows)


def _make_switches(names: CableNames) -> tuple[Switch, ...]:
    """Return every switch: leaves pod by pod, spines pod by pod, cores group by group, border leaves."""
    switches: list[Switch] = []
    for name, rail in zip(names.leaves, names.rails, strict=True):
        switches.append(Switch(name, "leaf", rail, "", 0, ""))
    for tier, tier_names in (("spine", names.spines), ("core", names.cores), ("border", names.borders)):
        switches += [Switch(name, tier, -1, "", 0, "") for name in tier_names]
    return tuple(switches)

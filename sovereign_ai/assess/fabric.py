"""The bisection of a fabric plane, and the loss by each single failure, exact from the plan's cables.

* A leaf's capacity is the smaller of its host links and of what its uplinks still pass on. A spine below
  cores passes on `min(1, links above / links below)` of every link. Fractions, no floats.
* The bisection fills the worse half of the endpoints from the leaves that carry least an endpoint, as
  `sovereign_ai.plan.fabric.bisection` does. There one worst spine represents all of them; here each spine
  counts by itself, so the loss of one core costs exactly what that core carried.
* What is left is at most what was there. The worst half of what a failure leaves may send more than the worst
  half of all did, since the endpoints that are lost sent least; no failure adds capacity, so that counts as
  nothing lost.
* A failure of a kind is calculated once for each sort of part (same links below and above). The report names
  the worst: the part that leaves the least bisection and, where that is another part, the one that cuts off
  the most ports. A failure is a set of switches or cables lost at once; nothing is sampled.

    >>> from sovereign_ai.assess import FabricLoss
    >>> FabricLoss("spine", "s1", 4, 0, 0, 0, 3, 4).share
    Fraction(3, 4)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members
from sovereign_ai.plan import Plan, Rack
from sovereign_ai.plan.fabric import FabricPlan, host_rails, hosts_under

LeafCapacity = tuple[int, int]
"""Endpoints below a leaf, and how many shares of a link they can fill; leaves of equal capacity are alike."""


class Surviving:
    """The bisection that is left after a failure: the base of losses, which add what failed.

    Attributes:
        left: bisection that survives, in bits a second.
        whole: bisection before, in bits a second.
    """

    __slots__: tuple[str, ...] = ()
    left: int
    whole: int

    @property
    def share(self) -> Fraction:
        """The surviving share of the bisection; 0 where there was none."""
        return Fraction(self.left, self.whole) if self.whole else Fraction(0)

    def to_data(self) -> dict[str, Any]:
        """Return plain data; the share is written exactly, as `31/32`."""
        data = members(self)
        data["share"] = str(self.share)
        return data


@frozen_dataclass
class FabricLoss(Surviving):
    """What is lost if one part fails.

    Attributes:
        kind: `link to a machine`, `link above a leaf`, `link above a spine`, `leaf`, `spine`, `core`,
            `border leaf`, `plane`, `rack of switches`, `rack of machines`, or `feed`: what one power feed
            alone supplies.
            The suffix `, most ports` marks the part of that kind that cuts off most ports, where another
            leaves less bisection.
        example: the worst part of that kind.
        parts: parts of that kind in the plane; of racks of servers, those with a server on the plane.
        endpoints: server ports that lose every path.
        nodes: servers with at least one such port.
        gpus: GPUs of those servers.
        left: bisection that survives, in bits a second.
        whole: bisection before, in bits a second.
        outside: links to the outside that are lost; None of a plane without any.
    """

    kind: str
    example: str
    parts: int
    endpoints: int
    nodes: int
    gpus: int
    left: int
    whole: int
    outside: int | None = None

    def to_data(self) -> dict[str, Any]:
        """Return plain data; links to the outside only of a plane that has some."""
        data = Surviving.to_data(self)
        if self.outside is None:
            del data["outside"]
        return data


@frozen_dataclass
class FabricReport:
    """The figures of one fabric plane.

    Attributes:
        plane: its name.
        kind: `infiniband`, `roce` or `ethernet`.
        endpoints: ports of servers and fabric managers.
        cables: cables by tier: `node-leaf`, `leaf-spine`, `spine-core`.
        switches: switches by tier.
        oversubscription: as built, from the plan.
        bisection: bits a second that the worst half can send to the other at once.
        rails: for each rail, bits a second into it from servers, and out of it to the spines.
        losses: the worst failure of each kind, by bisection and, where that is another, by ports lost.
    """

    plane: str
    kind: str
    endpoints: int
    cables: Mapping[str, int]
    switches: Mapping[str, int]
    oversubscription: str
    bisection: int
    rails: tuple[tuple[int, int], ...]
    losses: tuple[FabricLoss, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["losses"] = [loss.to_data() for loss in self.losses]
        rails: list[dict[str, int]] = []
        for rail, (below, above) in enumerate(self.rails):
            rails.append({"rail": rail, "below": below, "above": above})
        data["rails"] = rails
        return data


class Links:
    """The links of a plane by their two ends, and the bisection that remains without some switches or links.

    What a leaf carries is counted in whole parts of a link. `parts` of them make one link: the least common
    multiple of the links below each spine, so that every share is a whole number.
    """

    def __init__(self, plane: FabricPlan, gpus: Mapping[str, int]) -> None:
        """Count the links between each two devices.

        Args:
            plane: the fabric plane.
            gpus: GPUs by server name. A device that is not in the mapping has none.
        """
        self.plane = plane
        self.unit = plane.unit
        self.gpus = gpus
        self.hosts = defaultdict(list, hosts_under(plane))
        # What the hosts of a leaf send, in links of the unit.
        self.sent: Counter[str] = Counter()
        self.leaves_of: defaultdict[str, list[str]] = defaultdict(list)
        for leaf, hosts in self.hosts.items():
            for host in hosts:
                self.leaves_of[host].append(leaf)
                self.sent[leaf] += self.units(host)
        self.above: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.under: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.outside = Counter(plane.outside_links.uppers())
        self._count_uplinks()
        self.leaves = self.switches_of("leaf")
        spines = self.switches_of("spine")
        has_cores = plane.core > 0
        self.down = {spine: sum(self.under[spine].values()) for spine in spines}
        # Without cores nothing above a spine narrows it, so it passes on all that comes from below.
        self.up = dict(self.down)
        if has_cores:
            for spine in spines:
                self.up[spine] = sum(self.above[spine].values())
        # Uplinks may be faster than host links: their weight is counted in host links.
        self.weight = Fraction(plane.uplink or plane.link, plane.unit)
        parts = lcm(*self.down.values()) if has_cores and spines else 1
        self.parts = parts * self.weight.denominator
        self.share = {spine: self._share(spine, self.up[spine]) for spine in spines}
        self.raw = {leaf: self._uplink_parts(leaf) for leaf in self.leaves}
        self.capacities: Counter[LeafCapacity] = Counter()
        for leaf in self.leaves:
            self.capacities[self.capacity(leaf, self.raw[leaf])] += 1

    def switches_of(self, tier: str) -> list[str]:
        """Return the names of the switches of one tier, in the plan's order."""
        names = []
        for switch in self.plane.switches:
            if switch.tier == tier:
                names.append(switch.name)
        return names

    def units(self, host: str) -> int:
        """Return the rate of one link of a host, in links of the plane's unit; 1 where all have one rate."""
        return self.plane.host_rate(host) // self.unit

    def _count_uplinks(self) -> None:
        """Fill `above` and `under` from the cables between switches."""
        counted = Counter(self.plane.routed_links.pairs())
        least: dict[str, int] = {}
        if self.plane.uneven:
            # Only the even part of links that differ by one is counted, as the plan's bisection does.
            for (lower, _), links in counted.items():
                least[lower] = min(links, least.get(lower, links))
        for (lower, upper), every in counted.items():
            links = least.get(lower, every)
            self.above[lower][upper] = links
            # Two leaves without spines are above each other: what one sends, the other takes.
            opposite = self.above if self.plane.leaf_leaf else self.under
            opposite[upper][lower] = links

    @property
    def _whole_link(self) -> int:
        """The parts that a whole uplink carries."""
        return int(self.parts * self.weight)

    def _share(self, spine: str, up: int) -> int:
        """Return how many parts of each link below a spine passes on with `up` links above it."""
        return min(self._whole_link, up * self._whole_link // self.down[spine])

    def _uplink_parts(self, leaf: str) -> int:
        """Return the parts that a leaf's uplinks pass on, or its host links if it has no uplinks."""
        if self.plane.leaf_leaf:
            return sum(self.above[leaf].values()) * self._whole_link
        if not self.share:
            return self.sent[leaf] * self.parts
        return sum(links * self.share[spine] for spine, links in self.above[leaf].items())

    def capacity(self, leaf: str, raw: int) -> LeafCapacity:
        """Return what a leaf's endpoints send in links of the unit, and the parts that they can fill."""
        below = self.sent[leaf]
        return below, min(below * self.parts, raw)

    def without(self, gone: Collection[str] = frozenset(), cut: tuple[str, str] | None = None) -> int:
        """Return the bisection in links without some switches, or without one link above a leaf or spine.

        Args:
            gone: names of the failed switches.
            cut: lower and upper end of the failed link.
        """
        change: Counter[str] = Counter()
        if cut is not None and cut[0] in self.raw:
            change[cut[0]] -= self.share.get(cut[1], self._whole_link)
        for spine, share in self._spines(gone, cut).items():
            for leaf, links in self.under[spine].items():
                # What border leaves send is no part of the bisection.
                if leaf in self.raw:
                    change[leaf] += links * (share - self.share[spine])
        capacities = self.capacities.copy()
        changed_leaves = set(change) | self._leaves_of(gone)
        for leaf in changed_leaves:
            capacities[self.capacity(leaf, self.raw[leaf])] -= 1
            # A failed leaf's endpoints have no path left, so they are no endpoints of the bisection either.
            remaining = (0, 0) if leaf in gone else self.capacity(leaf, self.raw[leaf] + change[leaf])
            capacities[remaining] += 1
        return worst_half(capacities, self.parts)

    def _leaves_of(self, names: Collection[str]) -> set[str]:
        """Return those of some switches that are leaves."""
        return self.raw.keys() & set(names)

    def _spines(self, gone: Collection[str], cut: tuple[str, str] | None) -> dict[str, int]:
        """Return the share that each affected spine still passes on, by spine."""
        lost: Counter[str] = Counter()
        if cut is not None and cut[0] in self.share:
            lost[cut[0]] += 1
        for name in gone:
            # Neither a spine nor a leaf: a core, which takes one link or more from each spine below it.
            if name not in self.share and name not in self.raw:
                lost.update(self.under.get(name, {}))
        shares: dict[str, int] = {}
        for spine, links in lost.items():
            shares[spine] = self._share(spine, self.up[spine] - links)
        for name in gone:
            if name in self.share:
                shares[name] = 0
        return shares

    def cut_off(self, gone: set[str]) -> Counter[str]:
        """Return the ports that lose every path, by server.

        Their leaf failed, or every uplink of their leaf did while other leaves still work.
        """
        lost: Counter[str] = Counter()
        leaves = self._leaves_of(gone)
        for spine in gone:
            if spine not in self.share:
                continue
            for leaf in self.under[spine]:
                if gone.issuperset(self.above[leaf]):
                    leaves.add(leaf)
        for leaf in leaves:
            lost.update(self.hosts[leaf])
        return lost

    def outside_lost(self, gone: Collection[str]) -> int | None:
        """Return the links to the outside that end at failed switches, or at such without any link upwards.

        None of a plane without such links.
        """
        if not self.plane.outside:
            return None
        lost = 0
        for switch, links in self.outside.items():
            uppers = self.above.get(switch)
            is_cut_off = bool(uppers) and set(gone).issuperset(uppers or ())
            lost += links if switch in gone or is_cut_off else 0
        return lost


def worst_half(capacities: Mapping[LeafCapacity, int], parts: int = 1) -> int:
    """Fill half the endpoints from the leaves that carry least an endpoint, rounded down to whole links.

    Args:
        capacities: number of leaves of each (endpoints, parts they can fill).
        parts: parts of a link.

    >>> worst_half({(16, 16): 8})
    64
    """
    kinds: list[tuple[Fraction, int]] = []
    for (below, carries), leaves in capacities.items():
        if leaves and below:
            kinds.append((Fraction(carries, below), below * leaves))
    kinds.sort()
    left = sum(endpoints for _, endpoints in kinds) // 2
    total = Fraction(0)
    for each, endpoints in kinds:
        filled = min(left, endpoints)
        total += each * filled
        left -= filled
    return int(total / parts)


def assess_fabrics(plan: Plan) -> tuple[FabricReport, ...]:
    """Assess every plane of a plan."""
    gpus = {}
    for node in plan.nodes:
        gpus[node.name] = node.gpus
    reports: list[FabricReport] = []
    for plane in plan.fabrics:
        racks = []
        for rack in plan.racks:
            if rack.site == plane.site:
                racks.append(rack)
        reports.append(_report(plane, Links(plane, gpus), racks))
    return tuple(reports)


def _report(plane: FabricPlan, links: Links, racks: Sequence[Rack]) -> FabricReport:
    """Assess one plane."""
    below = [0] * plane.rails
    above = [0] * plane.rails
    rates = map(plane.host_rate, plane.host_links.lowers())
    for rail, rate in zip(host_rails(plane), rates, strict=True):
        below[rail] += rate
    for switch in plane.switches:
        if switch.tier != "leaf":
            continue
        # The rails of a leaf share its links upwards evenly.
        uplinks = sum(links.above[switch.name].values()) * (plane.uplink or plane.link)
        for rail in range(switch.rail, switch.rail + plane.leaf_rails):
            above[rail] += uplinks // plane.leaf_rails
    return FabricReport(
        plane=plane.name,
        kind=plane.kind,
        endpoints=plane.endpoints,
        cables=_cables_by_tier(plane),
        switches=_switches_by_tier(plane),
        oversubscription=plane.oversubscription,
        bisection=links.without() * links.unit,
        rails=tuple(zip(below, above, strict=True)),
        losses=tuple(_losses(plane, links, racks)),
    )


def _switches_by_tier(plane: FabricPlan) -> dict[str, int]:
    """Return the number of a plane's switches by tier; border leaves only where it has some."""
    switches = {"leaf": plane.leaf, "spine": plane.spine, "core": plane.core}
    if plane.border:
        switches["border"] = plane.border
    return switches


def _cables_by_tier(plane: FabricPlan) -> dict[str, int]:
    """Return the number of a plane's cables by tier; of pairs and to the outside only where it has some."""
    cables = {"node-leaf": plane.node_leaf, "leaf-spine": plane.leaf_spine, "spine-core": plane.spine_core}
    pairs = plane.leaf_leaf + plane.partners
    if pairs:
        cables["pairs"] = pairs
    if plane.outside:
        cables["outside"] = plane.outside
    return cables


def _losses(plane: FabricPlan, links: Links, racks: Sequence[Rack]) -> Iterator[FabricLoss]:
    """Yield the worst loss of each kind that the plane has."""
    whole = links.without()
    if plane.cables:
        yield _host_link(plane, links, whole)
    yield from _uplinks(plane, links, whole)
    for tier in ("leaf", "spine", "core", "border"):
        names = links.switches_of(tier)
        if names:
            cases = [(name, {name}) for name in _one_each(links, names)]
            kind = "border leaf" if tier == "border" else tier
            yield from _worst(_switches(links, kind, cases, len(names), whole))
    ports = Counter(plane.host_links.lowers())
    everything = {switch.name for switch in plane.switches}
    yield _loss(links, "plane", plane.name, 1, ports, 0, whole, everything)
    yield from _places(plane, links, racks, whole)


def _host_link(plane: FabricPlan, links: Links, whole: int) -> FabricLoss:
    """Return what is lost with one link to a server, at the leaf with most servers."""
    fullest = max(links.leaves, key=lambda leaf: (links.sent[leaf], leaf))
    # The first of the fastest links.
    host = max(links.hosts[fullest], key=links.units)
    below, carries = links.capacity(fullest, links.raw[fullest])
    capacities = links.capacities.copy()
    capacities[below, carries] -= 1
    rest = below - links.units(host)
    capacities[rest, min(carries, rest * links.parts)] += 1
    left = worst_half(capacities, links.parts)
    name = f"{host} to {fullest}"
    return _loss(links, "link to a machine", name, plane.node_leaf, Counter({host: 1}), left, whole)


def _uplinks(plane: FabricPlan, links: Links, whole: int) -> Iterator[FabricLoss]:
    """Yield what is lost with the worst link above a leaf, and with the worst above a spine."""
    kinds = (
        ("link above a leaf", "leaf", plane.leaf_spine or plane.leaf_leaf),
        ("link above a spine", "spine", plane.spine_core),
    )
    for kind, tier, count in kinds:
        if not count:
            continue
        names = links.switches_of(tier)
        cases: list[tuple[int, str]] = []
        for lower in _one_each(links, names):
            if links.above[lower]:
                upper = next(iter(links.above[lower]))
                cases.append((links.without(cut=(lower, upper)), f"{lower} to {upper}"))
        left, name = min(cases)
        yield _loss(links, kind, name, count, Counter(), left, whole)


def _places(plane: FabricPlan, links: Links, racks: Sequence[Rack], whole: int) -> Iterator[FabricLoss]:
    """Yield what is lost with a rack of switches, with a rack of servers, and with a power feed."""
    switches: defaultdict[str, set[str]] = defaultdict(set)
    for switch in plane.switches:
        switches[switch.rack].add(switch.name)
    if switches:
        cases = sorted(switches.items())
        yield from _worst(_switches(links, "rack of switches", cases, len(switches), whole))
    server_racks = []
    for rack in racks:
        if _has_servers(links, rack):
            server_racks.append(rack)
    if server_racks:
        yield from _worst([_server_rack(links, rack, len(server_racks), whole) for rack in server_racks])
    # Switches of a rack with PDUs on two feeds survive one feed, so only racks on a single feed count.
    single_feed: dict[str, set[str]] = {}
    for rack in racks:
        for feed in rack.pdus:
            single_feed.setdefault(feed, set())
        if len(set(rack.pdus)) == 1:
            single_feed[rack.pdus[0]].update(switches.get(rack.name, ()))
    if single_feed:
        cases = sorted(single_feed.items())
        yield from _worst(_switches(links, "feed", cases, len(single_feed), whole))


def _has_servers(links: Links, rack: Rack) -> bool:
    """Return whether a rack holds servers of the plane."""
    return rack.kind == "compute" and any(device in links.leaves_of for device in rack.devices)


def _server_rack(links: Links, rack: Rack, parts: int, whole: int) -> FabricLoss:
    """Return what is lost with one rack of servers: their own ports, and those of no other server."""
    ports: Counter[str] = Counter()
    lost_links: Counter[str] = Counter()
    for host in rack.devices:
        if host in links.leaves_of:
            ports[host] = len(links.leaves_of[host])
    for host in ports:
        for leaf in links.leaves_of[host]:
            lost_links[leaf] += links.units(host)
    capacities = links.capacities.copy()
    for leaf, lost in lost_links.items():
        below = links.sent[leaf] - lost
        carries = below * links.parts
        if links.share:
            carries = min(carries, links.raw[leaf])
        capacities[links.capacity(leaf, links.raw[leaf])] -= 1
        capacities[below, carries] += 1
    return _loss(
        links, "rack of machines", rack.name, parts, ports, worst_half(capacities, links.parts), whole
    )


def _one_each(links: Links, names: Iterable[str]) -> list[str]:
    """Return one switch for all that are alike.

    Switches that are alike have equally many endpoints, and equally many links to equally many devices below
    and above. Losing one costs as much as losing another, so the loss is calculated once.
    """
    first_of: dict[tuple[int, ...], str] = {}
    for name in names:
        below, above = links.under.get(name, {}), links.above.get(name, {})
        alike = (
            len(links.hosts.get(name, ())),
            links.sent[name],
            len(below),
            sum(below.values()),
            len(above),
            sum(above.values()),
            links.outside[name],
        )
        first_of.setdefault(alike, name)
    return list(first_of.values())


def _switches(
    links: Links, kind: str, cases: list[tuple[str, set[str]]], parts: int, whole: int
) -> list[FabricLoss]:
    """Return what is lost with each of some sets of switches."""
    losses: list[FabricLoss] = []
    for name, gone in cases:
        left = links.without(gone)
        losses.append(_loss(links, kind, name, parts, links.cut_off(gone), left, whole, gone))
    return losses


def _worst(losses: Sequence[FabricLoss]) -> Iterator[FabricLoss]:
    """Yield the case that leaves least bisection, and the case that cuts off most ports where it is another.

    Among cases that leave equally much, the first is the one that cuts off most ports, then the one that
    loses most links to the outside.
    """
    least = min(losses, key=lambda loss: (loss.left, -loss.endpoints, -(loss.outside or 0), loss.example))
    yield least
    most = min(losses, key=lambda loss: (-loss.endpoints, -loss.gpus, loss.left, loss.example))
    if (most.endpoints, most.gpus) > (least.endpoints, least.gpus):
        yield replace(most, kind=f"{most.kind}, most ports")


def _loss(
    links: Links,
    kind: str,
    name: str,
    parts: int,
    ports: Mapping[str, int],
    left: int,
    whole: int,
    gone: Collection[str] = frozenset(),
) -> FabricLoss:
    """Build one row, with the bisections converted from links to bits a second."""
    link = links.unit
    gpus = sum(links.gpus.get(host, 0) for host in ports)
    return FabricLoss(
        kind=kind,
        example=name,
        parts=parts,
        endpoints=sum(ports.values()),
        nodes=len(ports),
        gpus=gpus,
        # Half the ports and whole links are both rounded down, so that fewer ports may come to a link more.
        left=min(left, whole) * link,
        whole=whole * link,
        outside=links.outside_lost(gone),
    )

"""What a fabric carries, and what is lost with each part of it: exact, from the plan's cables alone.

* A leaf's capacity is the smaller of its links below and of what its links above still pass on; a
  spine below cores passes on `min(1, links above / links below)` of every link. Fractions, no floats.
* The bisection fills the worse half of the endpoints from the leaves that carry least an endpoint,
  as `sovereign_ai.plan.bisection` does; there one worst spine stands for all, here each counts by itself,
  so that the loss of one core costs what it costs and no more.
* A failure of a kind is judged once for each sort of part (same links below and above), and the
  worst is told with its name: the one that leaves the least bisection, and beside it, where that is another, the
  one that cuts off the most ports. What is lost at once is a set of switches or cables; nothing is sampled.

    >>> from sovereign_ai.assess.fabric import Loss
    >>> Loss("spine", "s1", 4, 0, 0, 0, 3, 4).share
    Fraction(3, 4)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from operator import itemgetter
from typing import Any

from sovereign_ai.plan.fabric import FabricPlan, hosts_under
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.racks import Rack

Sort = tuple[int, int]


class Surviving:
    """What is left of a bisection, in plain data too; the base of losses, which name what was lost.

    Attributes:
        left: bisection that survives, in bits a second.
        whole: bisection before, in bits a second.
    """

    __slots__: tuple[str, ...] = ()
    left: int
    whole: int

    @property
    def share(self) -> Fraction:
        """Give the surviving share of the bisection; 0 where there was none."""
        return Fraction(self.left, self.whole) if self.whole else Fraction(0)

    def to_data(self) -> dict[str, Any]:
        """Give plain data; the share is written exactly, as `31/32`."""
        return {name: getattr(self, name) for name in self.__slots__} | {"share": str(self.share)}


@dataclass(frozen=True, slots=True)
class Loss(Surviving):
    """What is lost if one part fails.

    Attributes:
        kind: `link to a machine`, `link above a leaf`, `link above a spine`, `leaf`, `spine`, `core`, `plane`,
            `rack of switches`, `rack of machines`, or `feed`: what hangs on one power feed alone. With `, most ports`
            behind it: the part of that kind that cuts off most ports, where another leaves less bisection.
        example: the worst part of that kind.
        parts: parts of that kind in the plane; of racks of machines, those with a machine on it.
        endpoints: machine ports that lose every path.
        nodes: machines with at least one such port.
        gpus: GPUs of those machines.
        left: bisection that survives, in bits a second.
        whole: bisection before, in bits a second.
    """

    kind: str
    example: str
    parts: int
    endpoints: int
    nodes: int
    gpus: int
    left: int
    whole: int


@dataclass(frozen=True, slots=True)
class FabricReport:
    """One plane's figures.

    Attributes:
        plane: its name.
        kind: `infiniband`, `roce` or `ethernet`.
        endpoints: ports of machines and managers.
        cables: cables by tier: `node-leaf`, `leaf-spine`, `spine-core`.
        switches: switches by tier.
        oversubscription: as built, from the plan.
        bisection: bits a second that the worst half can send to the other at once.
        rails: for each rail, bits a second into it from machines, and out of it to the spines.
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
    losses: tuple[Loss, ...]

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {
            "losses": [loss.to_data() for loss in self.losses],
            "rails": [{"rail": rail, "below": below, "above": above} for rail, (below, above) in enumerate(self.rails)],
        }


class Links:
    """A plane's links by their ends, and what remains of it without some switches or links.

    What a leaf carries is counted in whole parts of a link: `parts` of them make one, the least
    common multiple of the links below each spine, so that every share is a whole number.
    """

    def __init__(self, plane: FabricPlan, gpus: Mapping[str, int]) -> None:
        """Count links between each two devices.

        Args:
            plane: the plane.
            gpus: machine name to its GPUs; what is not in it has none.
        """
        pair = itemgetter(0, 2)
        self.plane = plane
        self.gpus = gpus
        self.hosts = defaultdict(list, hosts_under(plane))
        self.leaves_of: defaultdict[str, list[str]] = defaultdict(list)
        for leaf, hosts in self.hosts.items():
            for host in hosts:
                self.leaves_of[host].append(leaf)
        self.above: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.under: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (lower, upper), links in Counter(map(pair, plane.cables[plane.node_leaf :])).items():
            self.above[lower][upper] = links
            self.under[upper][lower] = links
        self.leaves = [one.name for one in plane.switches if one.tier == "leaf"]
        spines = [one.name for one in plane.switches if one.tier == "spine"]
        cored = plane.core > 0
        self.down = {spine: sum(self.under[spine].values()) for spine in spines}
        self.up = {spine: sum(self.above[spine].values()) for spine in spines} if cored else dict(self.down)
        self.parts = lcm(*self.down.values()) if cored and spines else 1
        self.share = {spine: self._share(spine, self.up[spine]) for spine in spines}
        self.raw = {leaf: self._whole(leaf) for leaf in self.leaves}
        self.sorts = Counter(self.sort(leaf, self.raw[leaf]) for leaf in self.leaves)

    def _share(self, spine: str, up: int) -> int:
        """Give how many parts of each link below a spine passes on with so many links above."""
        return min(self.parts, up * self.parts // self.down[spine])

    def _whole(self, leaf: str) -> int:
        """Give the parts that a leaf's links above pass on; its own links below where there is nothing above."""
        if not self.share:
            return len(self.hosts[leaf]) * self.parts
        return sum(links * self.share[spine] for spine, links in self.above[leaf].items())

    def sort(self, leaf: str, raw: int) -> Sort:
        """Give a leaf's endpoints, and the parts that they can fill."""
        below = len(self.hosts[leaf])
        return below, min(below * self.parts, raw)

    def without(self, gone: Collection[str] = frozenset(), cut: tuple[str, str] | None = None) -> int:
        """Give the bisection in links without some switches, or without one link above a leaf or spine.

        Args:
            gone: names of switches.
            cut: lower and upper end of one link.
        """
        change: Counter[str] = Counter()
        if cut is not None and cut[0] in self.raw:
            change[cut[0]] -= self.share[cut[1]]
        for spine, share in self._spines(gone, cut).items():
            for leaf, links in self.under[spine].items():
                change[leaf] += links * (share - self.share[spine])
        sorts = self.sorts.copy()
        for leaf in {*change, *(one for one in gone if one in self.raw)}:
            sorts[self.sort(leaf, self.raw[leaf])] -= 1
            sorts[(0, 0) if leaf in gone else self.sort(leaf, self.raw[leaf] + change[leaf])] += 1
        return worst_half(sorts, self.parts)

    def _spines(self, gone: Collection[str], cut: tuple[str, str] | None) -> dict[str, int]:
        """Give each spine that passes on less, with its share."""
        lost: Counter[str] = Counter()
        if cut is not None and cut[0] in self.share:
            lost[cut[0]] += 1
        for one in gone:
            if one not in self.share and one not in self.raw:
                lost.update(self.under.get(one, {}))
        found = {spine: self._share(spine, self.up[spine] - links) for spine, links in lost.items()}
        return found | {one: 0 for one in gone if one in self.share}

    def cut_off(self, gone: set[str]) -> Counter[str]:
        """Give the machines below leaves that are gone or have no way up left while others live, with the ports lost."""
        lost: Counter[str] = Counter()
        leaves = {one for one in gone if one in self.raw}
        for spine in gone:
            if spine in self.share:
                leaves.update(leaf for leaf in self.under[spine] if leaf not in leaves and gone.issuperset(self.above[leaf]))
        for leaf in leaves:
            lost.update(self.hosts[leaf])
        return lost


def worst_half(sorts: Mapping[Sort, int], parts: int = 1) -> int:
    """Fill half the endpoints from the leaves that carry least an endpoint, rounded down to whole links.

    Args:
        sorts: number of leaves of each (endpoints, parts they can fill).
        parts: parts of a link.

    >>> worst_half({(16, 16): 8})
    64
    """
    kinds = sorted((Fraction(carries, below), below * leaves) for (below, carries), leaves in sorts.items() if leaves and below)
    left = sum(endpoints for _, endpoints in kinds) // 2
    total = Fraction(0)
    for each, endpoints in kinds:
        taken = min(left, endpoints)
        total += each * taken
        left -= taken
    return int(total / parts)


def check(plan: Plan) -> tuple[FabricReport, ...]:
    """Read every plane of a plan."""
    gpus = {node.name: node.gpus for node in plan.nodes}
    return tuple(_report(plane, Links(plane, gpus), [rack for rack in plan.racks if rack.site == plane.site]) for plane in plan.fabrics)


def _report(plane: FabricPlan, links: Links, racks: Sequence[Rack]) -> FabricReport:
    """Read one plane."""
    rails = [[0, 0] for _ in range(plane.rails)]
    for one in plane.switches:
        if one.tier == "leaf":
            rails[one.rail][0] += len(links.hosts[one.name]) * plane.link
            rails[one.rail][1] += sum(links.above[one.name].values()) * plane.link
    return FabricReport(
        plane=plane.name,
        kind=plane.kind,
        endpoints=plane.endpoints,
        cables={"node-leaf": plane.node_leaf, "leaf-spine": plane.leaf_spine, "spine-core": plane.spine_core},
        switches={"leaf": plane.leaf, "spine": plane.spine, "core": plane.core},
        oversubscription=plane.oversubscription,
        bisection=links.without() * plane.link,
        rails=tuple((below, above) for below, above in rails),
        losses=tuple(_losses(plane, links, racks)),
    )


def _losses(plane: FabricPlan, links: Links, racks: Sequence[Rack]) -> Iterator[Loss]:
    """Give the worst loss of each kind that the plane has."""
    whole = links.without()
    host = plane.cables[0] if plane.cables else None
    if host is not None:
        fullest = max(links.leaves, key=lambda leaf: (len(links.hosts[leaf]), leaf))
        below, carries = links.sort(fullest, links.raw[fullest])
        sorts = links.sorts.copy()
        sorts[below, carries] -= 1
        sorts[below - 1, min(carries, (below - 1) * links.parts)] += 1
        ports = Counter({links.hosts[fullest][0]: 1})
        name = f"{links.hosts[fullest][0]} to {fullest}"
        yield _loss(links, "link to a machine", name, plane.node_leaf, ports, worst_half(sorts, links.parts), whole)
    for kind, tier, count in (("link above a leaf", "leaf", plane.leaf_spine), ("link above a spine", "spine", plane.spine_core)):
        if count:
            lowers = _one_each(links, (one.name for one in plane.switches if one.tier == tier))
            ends = [(lower, next(iter(links.above[lower]))) for lower in lowers if links.above[lower]]
            found = [(links.without(cut=end), f"{end[0]} to {end[1]}") for end in ends]
            left, name = min(found)
            yield _loss(links, kind, name, count, Counter(), left, whole)
    for tier in ("leaf", "spine", "core"):
        names = [one.name for one in plane.switches if one.tier == tier]
        if names:
            yield from _worst(_switches(links, tier, [(name, {name}) for name in _one_each(links, names)], len(names), whole))
    ports = Counter(cable[0] for cable in plane.cables[: plane.node_leaf])
    yield _loss(links, "plane", plane.name, 1, ports, 0, whole)
    yield from _places(plane, links, racks, whole)


def _places(plane: FabricPlan, links: Links, racks: Sequence[Rack], whole: int) -> Iterator[Loss]:
    """Give what is lost with a rack of switches, with a rack of machines, and with a power feed."""
    here: defaultdict[str, set[str]] = defaultdict(set)
    for one in plane.switches:
        here[one.rack].add(one.name)
    if here:
        yield from _worst(_switches(links, "rack of switches", sorted(here.items()), len(here), whole))
    machines = [rack for rack in racks if rack.kind == "compute" and any(one in links.leaves_of for one in rack.devices)]
    if machines:
        yield from _worst([_machines(links, rack, len(machines), whole) for rack in machines])
    feeds = sorted({feed for rack in racks for feed in rack.pdus})
    alone = {feed: {name for rack in racks if set(rack.pdus) == {feed} for name in here.get(rack.name, ())} for feed in feeds}
    if feeds:
        yield from _worst(_switches(links, "feed", sorted(alone.items()), len(feeds), whole))


def _machines(links: Links, rack: Rack, parts: int, whole: int) -> Loss:
    """Give what is lost with one rack of machines: their own ports, and nobody else's."""
    ports = Counter({host: len(links.leaves_of[host]) for host in rack.devices if host in links.leaves_of})
    mine = Counter(leaf for host in ports for leaf in links.leaves_of[host])
    sorts = links.sorts.copy()
    for leaf, lost in mine.items():
        below = len(links.hosts[leaf]) - lost
        sorts[links.sort(leaf, links.raw[leaf])] -= 1
        sorts[below, min(below * links.parts, links.raw[leaf] if links.share else below * links.parts)] += 1
    return _loss(links, "rack of machines", rack.name, parts, ports, worst_half(sorts, links.parts), whole)


def _one_each(links: Links, names: Iterable[str]) -> list[str]:
    """Give one switch of each sort: same endpoints, and equally many links to equally many devices below and above."""
    sorts: dict[tuple[int, ...], str] = {}
    for name in names:
        below, above = links.under.get(name, {}), links.above.get(name, {})
        sort = (len(links.hosts.get(name, ())), len(below), sum(below.values()), len(above), sum(above.values()))
        sorts.setdefault(sort, name)
    return list(sorts.values())


def _switches(links: Links, kind: str, cases: list[tuple[str, set[str]]], parts: int, whole: int) -> list[Loss]:
    """Give what is lost with each of some sets of switches."""
    return [_loss(links, kind, name, parts, links.cut_off(gone), links.without(gone), whole) for name, gone in cases]


def _worst(losses: Sequence[Loss]) -> Iterator[Loss]:
    """Give the case that leaves least, and among equals cuts off most; and the one that cuts off most, where it is another."""
    least = min(losses, key=lambda loss: (loss.left, -loss.endpoints, loss.example))
    yield least
    most = min(losses, key=lambda loss: (-loss.endpoints, -loss.gpus, loss.left, loss.example))
    if (most.endpoints, most.gpus) > (least.endpoints, least.gpus):
        yield replace(most, kind=f"{most.kind}, most ports")


def _loss(links: Links, kind: str, name: str, parts: int, ports: Mapping[str, int], left: int, whole: int) -> Loss:
    """Build one row."""
    link = links.plane.link
    gpus = sum(links.gpus.get(host, 0) for host in ports)
    return Loss(kind, name, parts, sum(ports.values()), len(ports), gpus, left * link, whole * link)

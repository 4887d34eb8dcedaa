"""The largest faithful part of a plane that a machine can hold, and how planes share a machine.

What is kept is kept whole: a switch that is in it has every port between switches that are in it, under its planned name, with its
planned neighbour. Leaves go by groups that serve the same machines (a group is what a scalable unit hangs on), so that a machine that is
in it has all the rails that are in it. What counts, in this order: machines of every zone, and one group more, so that a zone has
traffic between leaves; all switches above a leaf, for else its paths are fewer; all rails; and then as many machines as fit. What is left
out is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sovereign_ai.plan.fabric import FabricPlan

MOST_SWITCHES, MOST_CABLES = 64, 2_000
SWITCH_BYTES = 64 << 20
"""What a switch's daemons and namespace may take: about 25 MiB as measured (2026-11-24), with room."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a machine can hold.

    Attributes:
        switches: FRR starts 64 of them in 20 s on two cores (own measurement, 2026-11-24).
        cables: veth pairs.
    """

    switches: int = MOST_SWITCHES
    cables: int = MOST_CABLES


def limits() -> Limits:
    """Give this machine's limits: fewer switches where there is little memory."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    free = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvailable"))
    return Limits(switches=max(min(MOST_SWITCHES, free * 1024 // 2 // SWITCH_BYTES), 2))


def shares(planes: Sequence[FabricPlan], most: Limits) -> list[Limits]:
    """Give each plane its room: what it needs where that is less than an even share, and an even share of the rest where it is not.

    >>> from types import SimpleNamespace as Plane
    >>> planes = [Plane(switches="s" * 20, cables="c" * 100), Plane(switches="s" * 4, cables="c" * 10)]
    >>> shares(planes, Limits(16, 400))
    [Limits(switches=12, cables=390), Limits(switches=4, cables=10)]
    """
    found: dict[int, Limits] = {}
    switches, cables, todo = most.switches, most.cables, list(range(len(planes)))
    while todo:
        share = Limits(switches // len(todo), cables // len(todo))
        small = [one for one in todo if _whole(planes[one], share)]
        for one in small or todo:
            found[one] = Limits(len(planes[one].switches), len(planes[one].cables)) if small else share
            switches, cables = switches - found[one].switches, cables - found[one].cables
        todo = [one for one in todo if small and one not in small]
    return [found[one] for one in range(len(planes))]


def _whole(plane: FabricPlan, most: Limits) -> bool:
    """Tell whether all of a plane fits."""
    return len(plane.switches) <= most.switches and len(plane.cables) <= most.cables


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which leaves and how many switches above each."""

    rails: int
    groups: int
    leaves: frozenset[str]
    above: int
    endpoints: int


def reduced(plane: FabricPlan, zones: Mapping[str, str], most: Limits) -> tuple[FabricPlan, str]:
    """Give the part of a plane that fits, and in words what of it is represented.

    Args:
        plane: the plane.
        zones: host to security zone.
        most: what the machine can hold.

    Raises:
        ValueError: not even one leaf with one switch above fits.
    """
    if _whole(plane, most):
        said = f"the whole of {plane.name}: {plane.leaf} leaves, {plane.spine} spines, {plane.core} cores, {plane.rails} rails"
        return plane, f"{said}, {len(plane.cables)} cables"
    rails = {one.name: one.rail for one in plane.switches if one.tier == "leaf"}
    above = _above(plane)
    groups = _groups(plane, rails, zones)
    fit = [one for one in _choices(plane, groups, above) if _fits(plane, one, above, most)]
    if not fit:
        message = f"{plane.name} has no part that fits {most.switches} switches and {most.cables} cables"
        raise ValueError(message)
    wanted = _zoned(groups, zones, plane) + 1
    best = max(fit, key=lambda one: (min(one.groups, wanted), one.above, one.rails, one.endpoints))
    found = _part(plane, best, above)
    said = f"a part of {plane.name}: {best.rails} of {plane.rails} rails, {best.groups} of {len(groups)} groups of leaves, "
    said += f"{found.leaf} of {plane.leaf} leaves, {found.spine} of {plane.spine} spines, {found.core} of {plane.core} cores, "
    return found, said + f"{len(found.cables)} of {len(plane.cables):,} cables"


def _above(plane: FabricPlan) -> dict[str, list[str]]:
    """Give switch to the switches above it, each once, in order."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for lower, _, upper, _ in plane.cables[plane.node_leaf :]:
        found[lower][upper] = None
    return {lower: list(uppers) for lower, uppers in found.items()}


def _groups(plane: FabricPlan, rails: Mapping[str, int], zones: Mapping[str, str]) -> list[dict[int, str]]:
    """Give groups of leaves that serve the same hosts, as rail to leaf: first those that bring a zone that is not there yet."""
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for host, _, leaf, _ in plane.cables[: plane.node_leaf]:
        hosts[leaf].append(host)
    found: dict[tuple[str, ...], dict[int, str]] = {}
    for leaf in rails:
        if hosts[leaf]:
            found.setdefault(tuple(sorted(set(hosts[leaf]))), {})[rails[leaf]] = leaf
    first: list[dict[int, str]] = []
    rest: list[dict[int, str]] = []
    seen: set[str] = set()
    for members, group in found.items():
        new = {zones.get(host, "") for host in members} - seen
        seen |= new
        (first if new else rest).append(group)
    return first + rest


def _zoned(groups: Sequence[Mapping[int, str]], zones: Mapping[str, str], plane: FabricPlan) -> int:
    """Give how many of the first groups there must be for every zone to have a machine."""
    leaves = {leaf: number for number, group in enumerate(groups, 1) for leaf in group.values()}
    first: dict[str, int] = {}
    for host, _, leaf, _ in plane.cables[: plane.node_leaf]:
        zone = zones.get(host, "")
        first[zone] = min(first.get(zone, len(groups)), leaves.get(leaf, len(groups)))
    return max(first.values(), default=1)


def _choices(plane: FabricPlan, groups: Sequence[Mapping[int, str]], above: Mapping[str, Sequence[str]]) -> Iterator[_Choice]:
    """Give what could be kept."""
    below: defaultdict[str, int] = defaultdict(int)
    for _, _, leaf, _ in plane.cables[: plane.node_leaf]:
        below[leaf] += 1
    widest = max((len(uppers) for uppers in above.values()), default=0)
    for rails in sorted({plane.rails, *(one for one in (8, 4, 2, 1) if one < plane.rails)}, reverse=True):
        for count in range(1, min(len(groups), MOST_SWITCHES) + 1):
            leaves = frozenset(leaf for group in groups[:count] for rail, leaf in group.items() if rail < rails)
            endpoints = sum(below[leaf] for leaf in leaves)
            for kept in _halves(widest):
                yield _Choice(rails, count, leaves, kept, endpoints)


def _halves(number: int) -> Iterator[int]:
    """Give a number and its halves down to two.

    >>> list(_halves(16)), list(_halves(1)), list(_halves(0))
    ([16, 8, 4, 2], [1], [0])
    """
    yield number
    while number > 2:
        number //= 2
        yield number


def _kept(choice: _Choice, above: Mapping[str, Sequence[str]]) -> set[str]:
    """Give the switches of a choice: its leaves, and so many above each of them, and above those."""
    found, layer = set(choice.leaves), set(choice.leaves)
    while layer := {upper for lower in layer for upper in above.get(lower, ())[: choice.above]}:
        found |= layer
    return found


def _fits(plane: FabricPlan, choice: _Choice, above: Mapping[str, Sequence[str]], most: Limits) -> bool:
    """Tell whether a choice is small enough."""
    kept = _kept(choice, above)
    if len(kept) > most.switches or choice.endpoints > most.cables:
        return False
    inner = sum(lower in kept and upper in kept for lower, _, upper, _ in plane.cables[plane.node_leaf :])
    return choice.endpoints + inner <= most.cables


def _part(plane: FabricPlan, choice: _Choice, above: Mapping[str, Sequence[str]]) -> FabricPlan:
    """Give a choice as a plane."""
    kept = _kept(choice, above)
    switches = tuple(one for one in plane.switches if one.name in kept)
    hosts = [row for row in plane.cables[: plane.node_leaf] if row[2] in kept]
    inner = [row for row in plane.cables[plane.node_leaf :] if row[0] in kept and row[2] in kept]
    tiers = Counter(one.tier for one in switches)
    low = sum(row[0] in choice.leaves for row in inner)
    return replace(
        plane,
        rails=choice.rails,
        switches=switches,
        cables=tuple(hosts + inner),
        endpoints=len(hosts),
        node_leaf=len(hosts),
        leaf_spine=low,
        spine_core=len(inner) - low,
        leaf=tiers["leaf"],
        spine=tiers["spine"],
        core=tiers["core"],
    )

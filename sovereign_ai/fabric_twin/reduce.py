"""The largest faithful part of a plane that a machine can hold, and how planes share a machine.

A switch that is kept has every port between switches that are kept, under its planned name, with its planned
neighbour. Leaves are kept by groups that serve the same machines (a group is what a scalable unit is
connected to), so a machine that is kept has all the rails that are kept. In this order, a part must have:

1. machines of every zone, and one group more, so that a zone has traffic between leaves;
2. all switches above a leaf, for else its paths are fewer;
3. all rails;
4. as many machines as fit.

What is left out is stated in words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.files import kernel_text
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric import Cables, FabricPlan
from sovereign_ai.text import counted

MOST_SWITCHES, MOST_CABLES = 64, 2_000
SWITCH_BYTES = 64 << 20
"""What a switch's daemons and namespace may take: about 25 MiB as measured (2026-11-24), with room."""


@frozen_dataclass
class Limits:
    """What a machine can hold.

    Attributes:
        switches: FRR starts 64 of them in 20 s on two cores (own measurement, 2026-11-24).
        cables: veth pairs.
    """

    switches: int = MOST_SWITCHES
    cables: int = MOST_CABLES


def limits() -> Limits:
    """Return this machine's limits: fewer switches where there is little memory."""
    text = kernel_text("/proc/meminfo")
    _, _, available = text.partition("\nMemAvailable:")
    free_kib = int(available.split()[0])
    # A twin takes half of it at most.
    fitting = free_kib * 1024 // 2 // SWITCH_BYTES
    return Limits(switches=max(min(MOST_SWITCHES, fitting), 2))


def shares(planes: Sequence[FabricPlan], most: Limits) -> list[Limits]:
    """Return each plane's share of the machine.

    A plane that needs less than an even share gets what it needs; the others share the rest evenly.

    >>> from types import SimpleNamespace as Plane
    >>> planes = [Plane(switches="s" * 20, cables="c" * 100), Plane(switches="s" * 4, cables="c" * 10)]
    >>> shares(planes, Limits(16, 400))
    [Limits(switches=12, cables=390), Limits(switches=4, cables=10)]
    """
    given: dict[int, Limits] = {}
    switches, cables = most.switches, most.cables
    todo = list(range(len(planes)))
    while todo:
        share = Limits(switches // len(todo), cables // len(todo))
        small = [number for number in todo if _fits_whole(planes[number], share)]
        if not small:
            # None of these fits whole, so each gets the even share.
            for number in todo:
                given[number] = share
            break
        for number in small:
            plane = planes[number]
            given[number] = Limits(len(plane.switches), len(plane.cables))
            switches -= len(plane.switches)
            cables -= len(plane.cables)
        todo = [number for number in todo if number not in small]
    return [given[number] for number in range(len(planes))]


def _fits_whole(plane: FabricPlan, most: Limits) -> bool:
    """Return whether all of a plane fits."""
    return len(plane.switches) <= most.switches and len(plane.cables) <= most.cables


@frozen_dataclass
class _Choice:
    """One way to reduce a plane.

    Attributes:
        rails: rails that are kept, from the first.
        groups: groups of leaves that are kept, from the first.
        leaves: names of the leaves that are kept.
        above: switches that are kept above each switch.
        endpoints: host ports that are kept.
    """

    rails: int
    groups: int
    leaves: frozenset[str]
    above: int
    endpoints: int


def reduced(plane: FabricPlan, zones: Mapping[str, str], most: Limits) -> tuple[FabricPlan, str]:
    """Return the part of a plane that fits, and in words what of the plane it represents.

    Args:
        plane: the plane.
        zones: host to security zone.
        most: what the machine can hold.

    Raises:
        ValueError: not even one leaf with one switch above fits.
    """
    if _fits_whole(plane, most):
        cores_text, leaves_text = counted(plane.core, "core"), counted(plane.leaf, "leaf", "leaves")
        spines_text = counted(plane.spine, "spine")
        text = f"the whole of {plane.name}: {leaves_text}, {spines_text}, {cores_text}, "
        if plane.border:
            text += f"{counted(plane.border, 'border leaf', 'border leaves')}, "
        closed = _without_outside(plane)
        return closed, f"{text}{counted(plane.rails, 'rail')}, {counted(len(closed.cables), 'cable')}"
    rails = {switch.name: switch.rail for switch in plane.switches if switch.tier == "leaf"}
    above = _above(plane)
    groups = _groups(plane, rails, zones)
    fit = []
    for choice in _choices(plane, groups, above):
        is_small = _fits(plane, choice, above, most)
        if is_small:
            fit.append(choice)
    if not fit:
        switches_text = counted(most.switches, "switch", "switches")
        message = f"{plane.name} has no part that fits {switches_text} and {counted(most.cables, 'cable')}"
        raise ValueError(message)
    wanted = _zoned(groups, zones, plane) + 1

    # More groups than are wanted count for nothing until rails and switches above are as many as fit.
    def worth(choice: _Choice) -> tuple[int, int, int, int]:
        return min(choice.groups, wanted), choice.above, choice.rails, choice.endpoints

    best = max(fit, key=worth)
    part = _part(plane, best, above)
    text = f"a part of {plane.name}: {best.rails} of {counted(plane.rails, 'rail')}, "
    groups_text, leaves_text = counted(len(groups), "group"), counted(plane.leaf, "leaf", "leaves")
    text += f"{best.groups} of {groups_text} of leaves, {part.leaf} of {leaves_text}, "
    text += f"{part.spine} of {counted(plane.spine, 'spine')}, {part.core} of {counted(plane.core, 'core')}, "
    text += f"{len(part.cables)} of {counted(len(plane.cables), 'cable')}"
    return part, text


def _without_outside(plane: FabricPlan) -> FabricPlan:
    """Return a plane without its links to the outside, at whose far ends a twin has nothing."""
    if not plane.outside:
        return plane
    return replace(plane, cables=plane.cables[: len(plane.cables) - plane.outside], outside=0)


def _above(plane: FabricPlan) -> dict[str, list[str]]:
    """Return each switch with the switches above it, each once, in order."""
    # A dictionary keeps the order of the cables; a set would not, and the part would differ from run to run.
    uppers_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for lower, upper in plane.uplinks.pairs():
        uppers_of[lower][upper] = None
    return {lower: list(uppers) for lower, uppers in uppers_of.items()}


def _groups(plane: FabricPlan, rails: Mapping[str, int], zones: Mapping[str, str]) -> list[dict[int, str]]:
    """Return groups of leaves that serve the same hosts, each as rail to leaf.

    Groups that bring a zone which no earlier group has come first.
    """
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for host, leaf in plane.host_links.pairs():
        hosts[leaf].append(host)
    groups: dict[tuple[str, ...], dict[int, str]] = {}
    for leaf, rail in rails.items():
        if hosts[leaf]:
            members = tuple(sorted(set(hosts[leaf])))
            groups.setdefault(members, {})[rail] = leaf
    first: list[dict[int, str]] = []
    rest: list[dict[int, str]] = []
    seen: set[str] = set()
    for members, group in groups.items():
        new = {zones.get(host, "") for host in members} - seen
        seen |= new
        if new:
            first.append(group)
        else:
            rest.append(group)
    return first + rest


def _zoned(groups: Sequence[Mapping[int, str]], zones: Mapping[str, str], plane: FabricPlan) -> int:
    """Return how many of the first groups are needed for every zone to have a machine."""
    group_of: dict[str, int] = {}
    for number, group in enumerate(groups, 1):
        for leaf in group.values():
            group_of[leaf] = number
    first: dict[str, int] = {}
    for host, leaf in plane.host_links.pairs():
        zone = zones.get(host, "")
        number = group_of.get(leaf, len(groups))
        first[zone] = min(first.get(zone, len(groups)), number)
    return max(first.values(), default=1)


def _choices(
    plane: FabricPlan, groups: Sequence[Mapping[int, str]], above: Mapping[str, Sequence[str]]
) -> Iterator[_Choice]:
    """Yield the ways to reduce a plane."""
    below = Counter(plane.host_links.uppers())
    widest = 0
    for uppers in above.values():
        widest = max(widest, len(uppers))
    # Each group has a leaf at least, so more groups than `MOST_SWITCHES` cannot fit.
    fewer_rails = [rails for rails in (8, 4, 2, 1) if rails < plane.rails]
    for rails in (plane.rails, *fewer_rails):
        for count in range(1, min(len(groups), MOST_SWITCHES) + 1):
            leaves = _leaves(groups[:count], rails)
            endpoints = 0
            for leaf in leaves:
                endpoints += below[leaf]
            for kept in _halves(widest):
                yield _Choice(rails, count, leaves, kept, endpoints)


def _leaves(groups: Sequence[Mapping[int, str]], rails: int) -> frozenset[str]:
    """Return the leaves of groups that serve the first rails."""
    leaves = set()
    for group in groups:
        for rail, leaf in group.items():
            if rail < rails:
                leaves.add(leaf)
    return frozenset(leaves)


def _halves(number: int) -> Iterator[int]:
    """Yield a number and its halves down to two.

    >>> list(_halves(16)), list(_halves(1)), list(_halves(0))
    ([16, 8, 4, 2], [1], [0])
    """
    yield number
    while number > 2:
        number //= 2
        yield number


def _kept(choice: _Choice, above: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the switches of a choice: its leaves, and tier by tier the first few above each switch."""
    kept, layer = set(choice.leaves), set(choice.leaves)
    while layer:
        uppers: set[str] = set()
        for lower in layer:
            uppers.update(above.get(lower, ())[: choice.above])
        kept |= uppers
        layer = uppers
    return kept


def _fits(plane: FabricPlan, choice: _Choice, above: Mapping[str, Sequence[str]], most: Limits) -> bool:
    """Return whether a choice is small enough."""
    kept = _kept(choice, above)
    # Cheap limits first: the count of inner cables walks all cables of the plane.
    if len(kept) > most.switches or choice.endpoints > most.cables:
        return False
    inner = 0
    for lower, upper in plane.switch_links.pairs():
        if lower in kept and upper in kept:
            inner += 1
    return choice.endpoints + inner <= most.cables


def _part(plane: FabricPlan, choice: _Choice, above: Mapping[str, Sequence[str]]) -> FabricPlan:
    """Return a choice as a plane."""
    kept = _kept(choice, above)
    switches = []
    tiers: Counter[str] = Counter()
    for switch in plane.switches:
        if switch.name in kept:
            switches.append(switch)
            tiers[switch.tier] += 1
    hosts = [link for link in plane.host_links if link.upper in kept]
    inner = []
    low = partners = 0
    for number, link in enumerate(plane.switch_links):
        if link.lower in kept and link.upper in kept:
            inner.append(link)
            # Those of pairs below spines come first.
            if number < plane.partners:
                partners += 1
            elif link.lower in choice.leaves:
                low += 1
    # A pair without spines has cables between its two or to spines, never both.
    peers = low if plane.leaf_leaf else 0
    return replace(
        plane,
        rails=choice.rails,
        switches=tuple(switches),
        cables=Cables(hosts + inner),
        endpoints=len(hosts),
        node_leaf=len(hosts),
        leaf_spine=low - peers,
        spine_core=len(inner) - low - partners,
        leaf=tiers["leaf"],
        spine=tiers["spine"],
        core=tiers["core"],
        leaf_leaf=peers,
        partners=partners,
        border=tiers["border"],
        outside=0,
    )

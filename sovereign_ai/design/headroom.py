"""What the loss of any one switch leaves of a compute fabric, in closed form.

`assess.fabric` measures the same on the plan's cables, which takes too long for every candidate: here
leaves are counted by their servers. Links that differ by one count as their even part, as in the plan's own
bisection. The bisection is that of the worst half of the ports. What is proposed is measured again, on its
cables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from sovereign_ai.assess import worst_half
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import ceil_div
from sovereign_ai.plan.fabric import Block, FabricSize, assign_places, pods_of


@frozen_dataclass
class Headroom:
    """What is left after the loss of the worst switch.

    Attributes:
        cut_off: servers that lose every compute port, at most.
        share: share of the bisection that is left, at least.
    """

    cut_off: int
    share: Fraction

    def at_least(self, other: Headroom) -> bool:
        """Return whether this is as good in both respects."""
        return self.cut_off <= other.cut_off and self.share >= other.share


@frozen_dataclass
class _Pod:
    """Equal pods in numbers; of two tiers there is one.

    Attributes:
        leaves: (ports of servers on a leaf, number of such leaves), the most ports first.
        spines: its spines.
        links: links from each leaf to each spine.
        up: links from each spine to cores that count; 0 without cores.
        lost: links that each of its spines that meets a core loses with it, at most.
        meeting: spines that meet the same core.
    """

    leaves: tuple[tuple[int, int], ...]
    spines: int
    links: int
    up: int
    lost: int
    meeting: int

    @property
    def below(self) -> int:
        """Links below each spine."""
        return sum(count for _, count in self.leaves) * self.links

    def share(self, up: int) -> Fraction:
        """Return the share of its links below that a spine passes on with some links above it."""
        return min(Fraction(1), Fraction(up, self.below)) if self.up else Fraction(1)


_Pods = Mapping[_Pod, int]
"""Pods, equal ones once, with their number."""


def headroom(size: FabricSize, planes: int) -> Headroom:
    """Return what the loss of the worst switch leaves of a fabric.

    Args:
        size: one of its planes.
        planes: its planes; only one of them is hit.
    """
    pods = _pods(size)
    weight = Fraction(size.uplink, size.link) if size.link else Fraction(1)
    whole = _bisection(size, pods, weight)
    worst = Fraction(min(_losses(size, pods, weight)), whole) if whole else Fraction(0)
    cut_off = _cut_off(size, pods) if planes == 1 else 0
    return Headroom(cut_off, (planes - 1 + worst) / planes)


def _cut_off(size: FabricSize, pods: _Pods) -> int:
    """Return the most servers that lose every port with one switch of the only plane."""
    most = 0
    by_rail = size.layout is not None and size.layout.by_rail
    for pod in pods:
        if size.leaf_rails == size.rails:
            most = max(most, pod.leaves[0][0] // size.rails)
        # A pod with one spine loses all its leaves with it, and these are of all rails or of some.
        if pod.spines == 1 and not (by_rail and size.leaf_rails < size.rails):
            most = max(most, sum(ports * count for ports, count in pod.leaves) // size.rails)
    return most


# Cached, since many candidates differ in what is above leaves with as many places.
@lru_cache(maxsize=4096)
def _servers(blocks: tuple[Block, ...], places: int) -> tuple[int, ...]:
    """Return the servers on the leaves of each number, where a leaf has some places."""
    servers: Counter[int] = Counter()
    for block, assigned in zip(blocks, assign_places(blocks, places), strict=True):
        servers.update(place // places for place in assigned[: block.hosts])
    numbers = range(max(servers, default=-1) + 1)
    return tuple(map(servers.__getitem__, numbers))


def _pods(size: FabricSize) -> _Pods:
    """Return the pods of a plane."""
    servers, clos = _servers(size.blocks, size.down), size.shape
    groups = size.rails // size.leaf_rails
    if size.tiers == 3 and size.layout is not None:
        members = pods_of(size.leaf, size.rails, clos, size.layout)
    else:
        members = [list(range(at, min(at + clos.pod, size.leaf))) for at in range(0, size.leaf, clos.pod)]
    pods: Counter[_Pod] = Counter()
    for number, leaves in enumerate(members):
        # The last pod may have fewer leaves, and by the published rule fewer spines.
        spines = clos.last_spines if number == len(members) - 1 else clos.pod_spines
        links = clos.leaf_up // spines if spines else 0
        up, lost, meeting = _core_links(size, spines)
        # Leaves of a number follow each other rail by rail.
        ports: Counter[int] = Counter()
        for leaf in leaves:
            place = leaf // groups
            ports[servers[place] * size.leaf_rails if place < len(servers) else 0] += 1
        most_first = tuple(sorted(ports.items(), reverse=True))
        pods[_Pod(most_first, spines, links, up, lost, meeting)] += 1
    return pods


def _core_links(size: FabricSize, spines: int) -> tuple[int, int, int]:
    """Return the links of a spine that count, those of it to one core, and the spines that meet one core."""
    clos, layout = size.shape, size.layout
    if not size.core:
        return 0, 0, 0
    if layout is not None:
        # The core with the most links of a pod is the worst to lose.
        worst = max(layout.core_groups, key=lambda group: Fraction(group.spines, group.cores))
        each = clos.spine_up // worst.cores
        up = clos.spine_up if layout.even else each * worst.cores
        return up, each, worst.spines
    # The last pod of the published rule has fewer spines, each of which meets the cores of several groups.
    merged = clos.pod_spines // spines
    meeting = clos.pod_spines // gcd(clos.pod_spines, size.core)
    return clos.spine_up, ceil_div(clos.spine_up, clos.group * merged), meeting


def _bisection(
    size: FabricSize, pods: _Pods, weight: Fraction, gone: str = "", hit: _Pod | None = None
) -> int:
    """Return the bisection in links, of one plane.

    Args:
        size: the plane.
        pods: its pods.
        weight: links to servers that a link between switches carries.
        gone: what is lost: `leaf`, `spine`, `core`, or nothing.
        hit: a pod like the one that loses a leaf or spine.
    """
    # `worst_half` counts whole parts of a link: every share below is a whole number of them.
    parts = lcm(weight.denominator, *(max(pod.below, 1) * weight.denominator for pod in pods))
    sorts: Counter[tuple[int, int]] = Counter()
    for pod, number in pods.items():
        if gone == "core" or pod != hit:
            _count_leaves(
                sorts, pod, number, _carried(size, pod, weight, gone if gone == "core" else ""), parts
            )
            continue
        _count_leaves(sorts, pod, number - 1, _carried(size, pod, weight, ""), parts)
        _count_leaves(sorts, pod, 1, _carried(size, pod, weight, gone), parts)
        # A failed leaf's ports have no path left, so they are no ends of the bisection either.
        if gone == "leaf":
            ports = pod.leaves[0][0]
            lost: Counter[tuple[int, int]] = Counter()
            _count_leaves(lost, replace(pod, leaves=((ports, 1),)), 1, _carried(size, pod, weight, ""), parts)
            sorts.subtract(lost)
    return worst_half(sorts, parts)


def _count_leaves(
    sorts: Counter[tuple[int, int]], pod: _Pod, number: int, carried: Fraction | None, parts: int
) -> None:
    """Count the leaves of equal pods by their ports and by what their uplinks carry.

    Args:
        sorts: what is counted.
        pod: the pod.
        number: such pods.
        carried: links that a leaf's uplinks carry; None where it needs none.
        parts: parts of a link in which that is counted.
    """
    for ports, leaves in pod.leaves:
        filled = ports * parts if carried is None else min(ports * parts, int(carried * parts))
        sorts[ports, filled] += leaves * number


def _carried(size: FabricSize, pod: _Pod, weight: Fraction, gone: str) -> Fraction | None:
    """Return the links that a leaf's uplinks carry; None where it has none and needs none."""
    if size.layout is not None and size.layout.peers:
        return size.layout.peers * weight
    if not pod.spines:
        return None
    share = pod.share(pod.up)
    each = pod.links * share * weight
    carried = pod.spines * each
    if gone == "spine":
        return carried - each
    if gone == "core":
        left = pod.share(pod.up - pod.lost)
        return carried - pod.meeting * pod.links * (share - left) * weight
    return carried


def _losses(size: FabricSize, pods: _Pods, weight: Fraction) -> Iterator[int]:
    """Yield the bisection after the loss of the worst leaf, spine and core."""
    for hit in pods:
        yield _bisection(size, pods, weight, "leaf", hit)
        if size.spine:
            yield _bisection(size, pods, weight, "spine", hit)
    if size.core:
        yield _bisection(size, pods, weight, "core")

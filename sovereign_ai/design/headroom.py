"""What the loss of any one switch leaves of a compute fabric, in closed form.

`assess.fabric` measures the same on the plan's cables, which takes too long for every candidate: here leaves are
counted by their servers. Links that differ by one count as their even part, as in the plan's own bisection. The
bisection is that of the worst half of the ports. What is proposed is measured again, on its cables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from sovereign_ai.assess.fabric import worst_half
from sovereign_ai.plan.layout import pods_of
from sovereign_ai.plan.port_assignment import assign_places
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.size import FabricSize


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class _Pod:
    """A pod in numbers; of two tiers there is one.

    Attributes:
        hosts: ports of servers on each leaf.
        spines: its spines.
        links: links from each leaf to each spine.
        up: links from each spine to cores; 0 without cores.
        lost: links that its spines lose with a core, at most, each.
        meeting: spines that meet the same core.
    """

    hosts: tuple[int, ...]
    spines: int
    links: int
    up: int
    lost: int
    meeting: int

    def share(self, up: int) -> Fraction:
        """Return the share of its links below that a spine passes on with some links above it."""
        below = len(self.hosts) * self.links
        return min(Fraction(1), Fraction(up, below)) if self.up else Fraction(1)


def headroom(size: FabricSize, planes: int) -> Headroom:
    """Return what the loss of the worst switch leaves of a fabric.

    Args:
        size: one of its planes.
        planes: its planes; only one of them is hit.
    """
    pods = _pods(size)
    weight = Fraction(size.uplink, size.link) if size.link else Fraction(1)
    whole = _bisection(size, pods, weight)
    shares = [Fraction(left, whole) if whole else Fraction(0) for left in _losses(size, pods, weight)]
    worst = min(shares)
    cut_off = 0
    if size.leaf_rails == size.rails and planes == 1:
        cut_off = max(max(pod.hosts) for pod in pods) // size.rails
    return Headroom(cut_off, (planes - 1 + worst) / planes)


def _hosts(size: FabricSize) -> list[int]:
    """Return the ports of servers on each leaf: every rail of a number, then the next number."""
    groups = size.rails // size.leaf_rails
    on_number: Counter[int] = Counter()
    for block, places in zip(size.blocks, assign_places(size.blocks, size.down), strict=True):
        for place in places[: block.hosts]:
            on_number[place // size.down] += size.leaf_rails
    hosts: list[int] = []
    for number in range(size.leaf // groups):
        hosts += [on_number[number]] * groups
    return hosts


def _pods(size: FabricSize) -> list[_Pod]:
    """Return the pods of a plane."""
    hosts, clos = _hosts(size), size.shape
    if size.tiers == 3 and size.layout is not None:
        members = pods_of(size.leaf, size.rails, clos, size.layout)
    else:
        members = [list(range(at, min(at + clos.pod, size.leaf))) for at in range(0, size.leaf, clos.pod)]
    pods: list[_Pod] = []
    for number, leaves in enumerate(members):
        spines = clos.pod_spines
        if number == len(members) - 1:
            spines = clos.last_spines
        links = clos.leaf_up // spines if spines else 0
        lost, meeting = _core_links(size, spines)
        ports = tuple(hosts[leaf] for leaf in leaves)
        pods.append(_Pod(ports, spines, links, clos.spine_up, lost, meeting))
    return pods


def _core_links(size: FabricSize, spines: int) -> tuple[int, int]:
    """Return the links between a core and a spine of a pod, and the spines of the pod that meet one core."""
    clos = size.shape
    if not size.core:
        return 0, 0
    # The last pod of the published rule has fewer spines, each of which meets the cores of several groups.
    merged = clos.pod_spines // spines
    meeting = clos.pod_spines // gcd(clos.pod_spines, size.core)
    return ceil_div(clos.spine_up, clos.group * merged), meeting


def _bisection(size: FabricSize, pods: list[_Pod], weight: Fraction, gone: str = "", hit: int = -1) -> int:
    """Return the bisection in links, of one plane.

    Args:
        size: the plane.
        pods: its pods.
        weight: links to servers that a link between switches carries.
        gone: what is lost: `leaf`, `spine`, `core`, or nothing.
        hit: the pod that loses a leaf or spine.
    """
    sorts: Counter[tuple[int, int]] = Counter()
    # `worst_half` counts whole parts of a link.
    parts = weight.denominator
    for pod in pods:
        parts = parts * _denominator(pod) // gcd(parts, _denominator(pod))
    for number, pod in enumerate(pods):
        hosts = list(pod.hosts)
        if gone == "leaf" and number == hit:
            hosts.remove(max(hosts))
        up = _carried(size, pod, weight, gone if gone == "core" or number == hit else "")
        for ports in hosts:
            sorts[ports, int(min(Fraction(ports), up if up is not None else Fraction(ports)) * parts)] += 1
    return worst_half(sorts, parts)


def _denominator(pod: _Pod) -> int:
    """Return a number of parts in which every share of a pod is whole."""
    return len(pod.hosts) * pod.links if pod.up and pod.links else 1


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


def _losses(size: FabricSize, pods: list[_Pod], weight: Fraction) -> Iterator[int]:
    """Yield the bisection after the loss of the worst leaf, spine and core."""
    # Full pods are alike, so the first and the last represent all of them.
    for hit in {0, len(pods) - 1}:
        yield _bisection(size, pods, weight, "leaf", hit)
        if size.spine:
            yield _bisection(size, pods, weight, "spine", hit)
    if size.core:
        yield _bisection(size, pods, weight, "core")

"""Groups of cores of different sizes, so that three tiers need few cores and every link is even.

Every spine of a group has equally many links to each core of the group, and every pod has equally many spines
in it. Where all groups are alike (see `clos.py`), 144 leaves of 64 ports take 128 cores, each with 36 of its
64 ports in use. Groups of different sizes take 80.

    >>> fewest_cores(spines=16, links=32, pods=9, radix=64)
    (CoreGroup(spines=7, cores=32), CoreGroup(spines=7, cores=32), CoreGroup(spines=2, cores=16))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from sovereign_ai.plan.fabric.clos import Clos, Split, divisors
from sovereign_ai.plan.rounding import ceil_div


class CoreGroup(NamedTuple):
    """Spines of each pod, and the cores that all of them meet.

    Attributes:
        spines: spines of each pod in the group.
        cores: cores in the group.
    """

    spines: int
    cores: int


def equal_groups(spines: int, cores: int) -> tuple[CoreGroup, ...]:
    """Return groups that are all alike: as many as the greatest common divisor.

    Args:
        spines: spines of a pod.
        cores: all cores.
    """
    groups = gcd(spines, cores)
    return (CoreGroup(spines // groups, cores // groups),) * groups


# Cached, since a search for designs asks for the same leaves many times.
@lru_cache(maxsize=4096)
def fewest_cores(spines: int, links: int, pods: int, radix: int) -> tuple[CoreGroup, ...]:
    """Return the groups with the fewest cores in which all links are even; none where no groups fit.

    Args:
        spines: spines of a pod.
        links: links of a spine to cores.
        pods: pods.
        radix: links that a core takes.
    """
    widest = tuple(_widest_groups(links, pods, radix))
    if not widest:
        return ()
    # The fewest cores for the first 0, 1, 2, ... spines of a pod, and the group that ends there.
    fewest = [0]
    last = [CoreGroup(0, 0)]
    for count in range(1, spines + 1):
        cores, _, group = min(_choices(widest, fewest, count))
        fewest.append(cores)
        last.append(group)
    groups: list[CoreGroup] = []
    left = spines
    while left:
        group = last[left]
        groups.append(group)
        left -= group.spines
    groups.sort(reverse=True)
    return tuple(groups)


def _widest_groups(links: int, pods: int, radix: int) -> Iterator[CoreGroup]:
    """Yield, for each number of cores that divides a spine's links, the group of the most spines."""
    for cores in divisors(links):
        spines = radix * cores // (pods * links)
        if spines:
            yield CoreGroup(spines, cores)


def _choices(
    widest: Iterable[CoreGroup], fewest: Sequence[int], count: int
) -> Iterator[tuple[int, int, CoreGroup]]:
    """Yield what a number of spines takes with each group as the last: cores, then the widest first."""
    for group in widest:
        spines = min(group.spines, count)
        before = fewest[count - spines]
        yield before + group.cores, -spines, CoreGroup(spines, group.cores)


@lru_cache(maxsize=1024)
def packed(leaf: int, radix: int, split: Split, most: int) -> tuple[Clos, tuple[CoreGroup, ...]] | None:
    """Return pods with the fewest spines and cores whose links are even; None where none has fewer than some.

    Args:
        leaf: leaves.
        radix: ports of every switch.
        split: how a leaf's ports are divided.
        most: spines and cores that another design takes.
    """
    best = None
    fewest = most
    pod_spines = 0
    for pod, pods in _pods(leaf, radix):
        spines = _fewest_spines(pod, radix, split.up)
        if not spines:
            continue
        links = pod * (split.up // spines)
        # Groups are searched for only where cores full of links would be few enough.
        if pods * spines + ceil_div(pods * spines * links, radix) > fewest:
            continue
        groups = fewest_cores(spines, links, pods, radix)
        cores = sum(group.cores for group in groups)
        total = pods * spines + cores
        # Of designs with as many switches the one with more spines a pod loses less with a spine.
        is_wider = best is not None and total == fewest and spines > pod_spines
        if groups and (total < fewest or is_wider):
            fewest, pod_spines = total, spines
            widest = max(group.cores for group in groups)
            spine = pods * spines
            clos = Clos(3, leaf, spine, cores, pod, pods, spines, spines, widest, links, split.up)
            best = clos, groups
    return best


def _fewest_spines(pod: int, radix: int, up: int) -> int:
    """Return the fewest spines that divide a leaf's uplinks and pass on those of a pod; 0 where none do.

    There are two at least, since the loss of a single one would cut the pod off.
    """
    for spines in divisors(up):
        links = pod * (up // spines)
        if spines >= min(2, up) and 2 * links <= radix:
            return spines
    return 0


def _pods(leaf: int, radix: int) -> Iterator[tuple[int, int]]:
    """Yield the leaves of a pod, and the number of pods, of every division into pods of one size."""
    least = ceil_div(leaf, radix // 2)
    for pods in range(least, min(radix, leaf) + 1):
        pod = ceil_div(leaf, pods)
        if ceil_div(leaf, pod) == pods:
            yield pod, pods

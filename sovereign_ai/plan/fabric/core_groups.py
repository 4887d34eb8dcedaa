"""Groups of cores of different sizes, so that three tiers need few cores and every link is even.

Every spine of a group has equally many links to each core of the group, and every pod has equally many spines
in it. Where all groups are alike (see `clos.py`), 144 leaves of 64 ports take 128 cores, each with 36 of its
64 ports in use. Groups of different sizes take 80.

    >>> fewest_cores(spines=16, links=32, pods=9, radix=64)
    (CoreGroup(spines=7, cores=32), CoreGroup(spines=7, cores=32), CoreGroup(spines=2, cores=16))
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from sovereign_ai.plan.fabric.clos import Clos, Split, divisors
from sovereign_ai.plan.rounding import ceil_div

MOST_SPINES = 1 << 30
"""More than any pod has."""


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
    # The fewest cores for the first 0, 1, 2, ... spines of a pod, and the group that ends there.
    best: list[tuple[int, CoreGroup]] = [(0, CoreGroup(0, 0))]
    for count in range(1, spines + 1):
        choices: list[tuple[int, CoreGroup]] = []
        for cores in divisors(links):
            members = min(radix * cores // (pods * links), count)
            if members:
                choices.append((best[count - members][0] + cores, CoreGroup(members, cores)))
        if not choices:
            return ()
        best.append(min(choices, key=_fewest_then_widest))
    groups: list[CoreGroup] = []
    left = spines
    while left:
        groups.append(best[left][1])
        left -= groups[-1].spines
    return tuple(sorted(groups, reverse=True))


def _fewest_then_widest(choice: tuple[int, CoreGroup]) -> tuple[int, int]:
    """Return what is compared: cores first, then the number of spines that share a group's cores."""
    cores, group = choice
    return cores, -group.spines


@lru_cache(maxsize=1024)
def packed(leaf: int, radix: int, split: Split, most: int) -> tuple[Clos, tuple[CoreGroup, ...]] | None:
    """Return pods with the fewest spines and cores whose links are even; None where none has fewer than some.

    Args:
        leaf: leaves.
        radix: ports of every switch.
        split: how a leaf's ports are divided.
        most: spines and cores that another design takes.
    """
    best: tuple[Clos, tuple[CoreGroup, ...]] | None = None
    # A design with as many switches is no better, so nothing is below this with the same first part.
    fewest = (most, -MOST_SPINES)
    for pod, pods in _pods(leaf, radix):
        for spines in divisors(split.up):
            links = pod * (split.up // spines)
            # With one spine a pod would be cut off by its loss.
            if spines < min(2, split.up) or 2 * links > radix:
                continue
            groups = fewest_cores(spines, links, pods, radix)
            cores = sum(group.cores for group in groups)
            # Of designs with as many switches the one with more spines a pod loses less with a spine.
            cost = (pods * spines + cores, -spines)
            if groups and cost < fewest:
                fewest = cost
                widest = max(group.cores for group in groups)
                clos = Clos(
                    tiers=3,
                    leaf=leaf,
                    spine=pods * spines,
                    core=cores,
                    pod=pod,
                    pods=pods,
                    pod_spines=spines,
                    last_spines=spines,
                    group=widest,
                    spine_up=links,
                    leaf_up=split.up,
                )
                best = clos, groups
            # More spines a pod only add to them.
            break
    return best


def _pods(leaf: int, radix: int) -> Iterator[tuple[int, int]]:
    """Yield the leaves of a pod, and the number of pods, of every division into pods of one size."""
    least = ceil_div(leaf, radix // 2)
    for pods in range(least, min(2 * least + 8, radix, leaf) + 1):
        pod = ceil_div(leaf, pods)
        if ceil_div(leaf, pod) == pods:
            yield pod, pods

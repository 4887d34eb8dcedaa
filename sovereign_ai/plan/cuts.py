"""Where each site is cut into clusters: closed forms over runs of positions, so that feasibility can ask too.

A site's machines are one cluster while they are at most 5,000 and their pods at most 150,000
(kubernetes/community, sig-scalability thresholds), or fewer where the description says so. Beyond
it every pool is sliced evenly: by whole NVLink domains where it has them, else by scalable units,
and by machines where units would not come out. Spares are sliced like the machines they stand by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import label
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Site

MOST_PODS = 150_000
"""Pods a cluster, as Kubernetes publishes."""
MOST_CLUSTERS = 256
"""Clusters a factory; more is a mistake in the limits rather than a wish."""

Run = tuple[int, int, int]
"""Positions of a pool from a start to before a stop, and the number of their cluster."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How one site is split.

    Attributes:
        site: the site.
        names: its clusters.
        of: pool to its runs of positions, in order.
    """

    site: Site
    names: tuple[str, ...]
    of: Mapping[str, Sequence[Run]]

    def machines(self, number: int) -> int:
        """Count the machines of one of its clusters."""
        return sum(count_of(runs, number) for runs in self.of.values())


def most_machines(factory: AIFactory) -> int:
    """Give the machines that a cluster may hold."""
    return min(factory.clusters.nodes, MOST_PODS // factory.clusters.pods_per_node)


def cuts(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[tuple[Cut, ...], list[Problem]]:
    """Split every site; a limit below one NVLink domain, and a fleet that nobody could run, are problems."""
    limit = most_machines(factory)
    total = sum(shape.total for shape in shapes)
    domain = max((shape.system.nvlink_domain_nodes for shape in shapes), default=0)
    if domain > limit:
        message = f"a cluster of {limit:,} machines cannot hold one NVLink domain of {domain}"
        return (), [
            Problem("cluster-too-small", message, Where(field="clusters.nodes"), f"write {domain} or more, or fewer pods a machine")
        ]
    if total > limit * MOST_CLUSTERS:
        message = f"{total:,} machines in clusters of {limit:,} are more than {MOST_CLUSTERS} clusters"
        hint = f"write {-(-total // MOST_CLUSTERS):,} or more, or describe several factories"
        return (), [Problem("too-many-clusters", message, Where(field="clusters.nodes"), hint)]
    found: list[tuple[Site, int, dict[str, list[Run]]]] = []
    for site in factory.sites:
        here = [shape for shape in shapes if shape.site.name == site.name]
        if here:
            found.append((site, *_cut(here, limit)))
    alone = len(found) == 1 and found[0][1] == 1
    return tuple(
        Cut(site, tuple(factory.name if alone else label(factory.name, site.name, str(number + 1)) for number in range(count)), of)
        for site, count, of in found
    ), []


def _cut(shapes: Sequence[Shape], limit: int) -> tuple[int, dict[str, list[Run]]]:
    """Find the fewest clusters for a site, and the runs of each pool."""
    count = -(-sum(shape.total for shape in shapes) // limit)
    while True:
        for way in (_by_units, _by_machines, _by_room):
            of = way(shapes, count)
            sizes = [sum(count_of(runs, number) for runs in of.values()) for number in range(count)]
            if max(sizes) <= limit and min(sizes) > 0:
                return count, of
        count += 1


def _by_units(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Slice every pool by scalable units, where there are as many units as clusters."""
    return {shape.pool.name: _slices(shape, shape.unit if shape.nodes >= count * shape.unit else 1, count) for shape in shapes}


def _by_machines(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Slice every pool by machines."""
    return {shape.pool.name: _slices(shape, 1, count) for shape in shapes}


def _by_room(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Put each NVLink domain, or machine, into the emptiest cluster: what few large lumps need."""
    sizes = [(0, number) for number in range(count)]
    of: dict[str, list[Run]] = {}
    for shape in shapes:
        lump = shape.system.nvlink_domain_nodes or 1
        runs: list[Run] = []
        for start in range(0, shape.total, lump):
            stop = min(start + lump, shape.total)
            size, number = sizes[0]
            heapreplace(sizes, (size + stop - start, number))
            runs.append((start, stop, number))
        of[shape.pool.name] = runs
    return of


def _slices(shape: Shape, lump: int, count: int) -> list[Run]:
    """Give a pool's runs: counted machines evenly, then spares evenly, whole NVLink domains where it has them."""
    domain = shape.system.nvlink_domain_nodes
    counted = min(-(-shape.nodes // domain) * domain, shape.total) if domain else shape.nodes
    return [*_even(0, counted, domain or lump, count), *_even(counted, shape.total, domain or 1, count)]


def _even(start: int, stop: int, lump: int, count: int) -> Iterator[Run]:
    """Give runs over some positions, kept together in lumps, spread evenly over the clusters."""
    lumps = -(-(stop - start) // lump)
    for number in range(count):
        first = start + -(-number * lumps // count) * lump
        last = min(start + -(-(number + 1) * lumps // count) * lump, stop)
        if first < last:
            yield first, last, number


def count_of(runs: Sequence[Run], number: int, start: int = 0, stop: int = 2**63) -> int:
    """Count a cluster's positions within a range."""
    return sum(max(min(last, stop) - max(first, start), 0) for first, last, cluster in runs if cluster == number)

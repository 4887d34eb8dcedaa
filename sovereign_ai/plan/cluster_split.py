"""How each site is divided into clusters, in closed forms over runs of positions.

Feasibility checks use them as well.

The servers of a site are one cluster while they are at most 5,000 and their pods at most 150,000
(kubernetes/community, sig-scalability thresholds), or fewer where the description asks for it. Beyond that
every pool is sliced evenly: by whole NVLink domains where it has them, else by scalable units, and by single
servers where units do not divide evenly enough. Spares are sliced like the servers that they replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapreplace

from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape, shapes_at
from sovereign_ai.spec import AIFactory, Site
from sovereign_ai.text import counted

MOST_PODS = 150_000
"""Pods a cluster, as Kubernetes publishes."""
MOST_CLUSTERS = 256
"""Clusters of a factory. More indicates a mistake in the limits, not a real request."""

Run = tuple[int, int, int]
"""Positions of a pool from a start to before a stop, and the number of their cluster."""


@frozen_dataclass
class SiteCut:
    """How one site is divided.

    Attributes:
        site: the site.
        names: its clusters.
        of: pool to its runs of positions, in order.
    """

    site: Site
    names: tuple[str, ...]
    of: Mapping[str, Sequence[Run]]

    def machines(self, number: int) -> int:
        """Count the servers of one of its clusters."""
        return sum(count_of(runs, number) for runs in self.of.values())


def most_machines(factory: AIFactory) -> int:
    """Return the servers that a cluster may hold."""
    return min(factory.clusters.nodes, MOST_PODS // factory.clusters.pods_per_node)


def split_sites(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[tuple[SiteCut, ...], list[Problem]]:
    """Divide every site into clusters.

    Returns:
        One cut for each site with servers. Nothing where there is a problem: a limit below one NVLink domain,
        too many clusters, or a home site without servers.
    """
    limit = most_machines(factory)
    problem = _limit_problem(shapes, limit)
    if problem is not None:
        return (), [problem]
    divided: list[tuple[Site, int, dict[str, list[Run]]]] = []
    for site in factory.sites:
        site_shapes = shapes_at(shapes, site)
        if site_shapes:
            count, runs = _divide_site(site_shapes, limit)
            divided.append((site, count, runs))
    home = factory.clusters.home
    if home is not None and not any(site.name == home for site, _count, _runs in divided):
        message = f"no machine is at {home!r}"
        hint = "name a site where a pool is, or leave it out"
        return (), [Problem("home-without-machines", message, Where(field="clusters.home"), hint)]
    is_alone = len(divided) == 1 and divided[0][1] == 1
    split: list[SiteCut] = []
    for site, count, runs in divided:
        names = [label(factory.name, site.name, str(number + 1)) for number in range(count)]
        # A deployed cluster is identified by its name: the state, the labels and the kubeconfig contain it.
        if is_alone or site.name == home:
            names[0] = factory.name
        split.append(SiteCut(site, tuple(names), runs))
    return tuple(split), []


def standing_cuts(cuts: Sequence[SiteCut], shapes: Sequence[Shape]) -> tuple[SiteCut, ...]:
    """Return the part of each cut that stands: no machine changes its cluster when its pool grows.

    Args:
        cuts: the division of all machines.
        shapes: the pools as they stand. A cluster without any of their machines is left out.
    """
    total = {shape.pool.name: shape.total for shape in shapes}
    standing: list[SiteCut] = []
    for cut in cuts:
        clipped: dict[str, list[Run]] = {}
        used: set[int] = set()
        for pool, runs in cut.of.items():
            clipped[pool] = [(first, min(last, total[pool]), number) for first, last, number in runs]
            clipped[pool] = [run for run in clipped[pool] if run[0] < run[1]]
            used.update(number for _, _, number in clipped[pool])
        order = {number: position for position, number in enumerate(sorted(used))}
        numbered: dict[str, list[Run]] = {}
        for pool, runs in clipped.items():
            numbered[pool] = [(first, last, order[number]) for first, last, number in runs]
        standing.append(SiteCut(cut.site, tuple(cut.names[number] for number in order), numbered))
    return tuple(standing)


def _limit_problem(shapes: Sequence[Shape], limit: int) -> Problem | None:
    """Return the problem of clusters of at most `limit` servers, if there is one."""
    total = domain = 0
    for shape in shapes:
        total += shape.total
        domain = max(domain, shape.system.nvlink_domain_nodes)
    where = Where(field="clusters.nodes")
    if domain > limit:
        message = f"a cluster of {counted(limit, 'machine')} cannot hold one NVLink domain of {domain}"
        hint = f"write {domain} or more, or fewer pods a machine"
        return Problem("cluster-too-small", message, where, hint)
    if total > limit * MOST_CLUSTERS:
        machines_text = counted(total, "machine")
        message = f"{machines_text} in clusters of {limit:,} are more than {MOST_CLUSTERS} clusters"
        hint = f"write {ceil_div(total, MOST_CLUSTERS):,} or more, or describe several factories"
        return Problem("too-many-clusters", message, where, hint)
    return None


def _divide_site(shapes: Sequence[Shape], limit: int) -> tuple[int, dict[str, list[Run]]]:
    """Return the fewest clusters for a site, and the runs of each pool."""
    count = ceil_div(sum(shape.total for shape in shapes), limit)
    while True:
        # Whole scalable units are best; smaller lumps are tried before another cluster is added.
        for divide in (_divide_by_units, _divide_by_servers, _fill_emptiest):
            runs_of = divide(shapes, count)
            sizes = _cluster_sizes(runs_of, count)
            if max(sizes) <= limit and min(sizes) > 0:
                return count, runs_of
        count += 1


def _cluster_sizes(runs_of: Mapping[str, Sequence[Run]], count: int) -> list[int]:
    """Count the servers of each of `count` clusters."""
    sizes = [0] * count
    for runs in runs_of.values():
        for first, last, number in runs:
            sizes[number] += last - first
    return sizes


def _divide_by_units(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Slice every pool by scalable units, where there are at least as many units as clusters."""
    runs_of: dict[str, list[Run]] = {}
    for shape in shapes:
        lump = shape.unit if shape.nodes >= count * shape.unit else 1
        runs_of[shape.pool.name] = _slice_pool(shape, lump, count)
    return runs_of


def _divide_by_servers(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Slice every pool by single servers."""
    runs_of: dict[str, list[Run]] = {}
    for shape in shapes:
        runs_of[shape.pool.name] = _slice_pool(shape, 1, count)
    return runs_of


def _fill_emptiest(shapes: Sequence[Shape], count: int) -> dict[str, list[Run]]:
    """Put each NVLink domain, or server, into the emptiest cluster. Few large lumps need this."""
    # A heap of (servers, cluster): among equally empty clusters the first one wins, so the result is
    # deterministic.
    sizes = [(0, number) for number in range(count)]
    runs_of: dict[str, list[Run]] = {}
    for shape in shapes:
        lump = shape.system.nvlink_domain_nodes or 1
        runs: list[Run] = []
        for start in range(0, shape.total, lump):
            stop = min(start + lump, shape.total)
            size, number = sizes[0]
            heapreplace(sizes, (size + stop - start, number))
            runs.append((start, stop, number))
        runs_of[shape.pool.name] = runs
    return runs_of


def _slice_pool(shape: Shape, lump: int, count: int) -> list[Run]:
    """Return a pool's runs: counted servers evenly, then spares evenly, in whole NVLink domains."""
    domain = shape.system.nvlink_domain_nodes
    if not domain:
        counted = list(_spread_evenly(0, shape.nodes, lump, count))
        return counted + list(_spread_evenly(shape.nodes, shape.total, 1, count))
    # A domain that holds counted servers and spares is not divided: it belongs to the counted part.
    end = min(ceil_div(shape.nodes, domain) * domain, shape.total)
    counted = list(_spread_evenly(0, end, domain, count))
    return counted + list(_spread_evenly(end, shape.total, domain, count))


def _spread_evenly(start: int, stop: int, lump: int, count: int) -> Iterator[Run]:
    """Yield runs over some positions, kept together in lumps, spread evenly over the clusters."""
    lumps = ceil_div(stop - start, lump)
    for number in range(count):
        first = start + ceil_div(number * lumps, count) * lump
        last = min(start + ceil_div((number + 1) * lumps, count) * lump, stop)
        if first < last:
            yield first, last, number


def count_of(runs: Sequence[Run], number: int, start: int = 0, stop: int = 2**63) -> int:
    """Count a cluster's positions within a range."""
    total = 0
    for first, last, cluster in runs:
        if cluster == number:
            total += max(min(last, stop) - max(first, start), 0)
    return total

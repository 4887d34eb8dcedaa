"""Feeds: whether a site's budget and feeds carry its servers, with all feeds up and after the loss of each.

The hint for too much power is the largest number of servers that fits. The hint for too few supplies is the
smallest number of feeds and rack PDUs with which a server keeps the supplies that it requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.power.capping import machine_caps
from sovereign_ai.plan.power.loads import feed_limit, rack_groups, site_load, supplies_left
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape, limited_shapes, pool_shapes, shapes_at
from sovereign_ai.spec import AIFactory, Site
from sovereign_ai.text import counted
from sovereign_ai.units import Watts

MOST_FEEDS = 8
"""Feeds and rack PDUs that a description may name."""


def power_problems(
    factory: AIFactory, index: int, site: Site, all_pools: Sequence[Shape], other_by_hall: Mapping[str, int]
) -> Iterator[Problem]:
    """Compare a site's load with its budget and its feeds, with all feeds up and after the loss of each.

    Args:
        factory: the description.
        index: position of the site in the description.
        site: the site.
        all_pools: all pools.
        other_by_hall: hall to the watts of its switches and storage servers.
    """
    other = sum(other_by_hall.get(hall.name, 0) for hall in site.halls)
    pools = shapes_at(all_pools, site)
    if not pools:
        return
    excesses = list(_excesses(site, pools, other))
    if excesses:
        largest = max(pools, key=lambda shape: (shape.nodes * shape.system.worst_power.count, -shape.index))
        most = _most_nodes(factory, site, largest, other_by_hall)
        # Spares draw power as well, and the number of servers that fits is counted beside them.
        spares = largest.spares.machines
        beside = f" beside its {counted(spares, 'spare')}" if spares else ""
        hint = f"not even one machine of pool {largest.pool.name!r} fits{beside}"
        if not most and any(_excesses(site, (), other)):
            drawn = f"its switches and storage servers alone draw {Watts(other)}"
            hint = f"{drawn}: fewer machines of pool {largest.pool.name!r} need fewer"
        elif most:
            hint = f"at most {counted(most, 'machine')} of pool {largest.pool.name!r} fit{beside}"
        where = Where(field=f"pools[{largest.index}].nodes")
        for code, message in excesses:
            yield Problem(code, f"site {site.name!r}: {message}", where, hint)
    if site.power.survive == "any-feed":
        yield from _supply_problems(index, site, pools)


def _excesses(site: Site, pools: Sequence[Shape], other: int) -> Iterator[tuple[str, str]]:
    """Yield code and message of each limit of budget and feeds that the servers exceed."""
    load = site_load(site, rack_groups(pools), other)
    if load.watts > site.power.it_budget.count:
        yield "over-budget", f"{Watts(load.watts)} at full load, and the budget is {site.power.it_budget}"
    names = sorted(site.power.feeds)
    for message in _overloaded(site, names, load.load.up):
        yield "over-budget", message
    if site.power.survive == "any-feed":
        for lost, feed in enumerate(names):
            for message in _overloaded(site, names, load.load.after[lost]):
                yield "feed-loss", f"without feed {feed}, {message}"


def _overloaded(site: Site, names: Sequence[str], watts: Sequence[Fraction]) -> Iterator[str]:
    """Yield which feeds carry more than they may, those with equal load and limit together."""
    feeds_by_load: dict[tuple[Watts, str], list[str]] = {}
    for name, carried in zip(names, watts, strict=True):
        if carried > feed_limit(site, name):
            key = (Watts(ceil_div(carried, 1)), _capacity(site, name))
            feeds_by_load.setdefault(key, []).append(name)
    for (load, most), feeds in feeds_by_load.items():
        if len(feeds) == 1:
            yield f"feed {feeds[0]} carries {load}, and may carry {most}"
        else:
            yield f"feeds {', '.join(feeds[:-1])} and {feeds[-1]} carry {load} each, and may carry {most}"


def _capacity(site: Site, name: str) -> str:
    """Format the load that a feed may carry."""
    capacity = site.power.feeds[name].capacity
    most = Watts(int(feed_limit(site, name)))
    return str(most) if most == capacity else f"{most} ({site.power.derating} of {capacity})"


def _most_nodes(factory: AIFactory, site: Site, largest: Shape, other_by_hall: Mapping[str, int]) -> int:
    """Return the most servers of a pool with which no limit is exceeded, all else as described."""
    # Bisection: load grows with the number of servers, and the described number is known not to fit.
    low, high = 0, largest.nodes
    other = sum(other_by_hall.get(hall.name, 0) for hall in site.halls)
    while high - low > 1:
        middle = (low + high) // 2
        fewer = pool_shapes(factory, {largest.pool.name: middle})
        limits = {pool: cap.watts for pool, cap in machine_caps(fewer, other_by_hall).items()}
        pools = shapes_at(limited_shapes(fewer, limits), site)
        if any(_excesses(site, pools, other)):
            high = middle
        else:
            low = middle
    return low


def _supply_problems(index: int, site: Site, pools: Sequence[Shape]) -> Iterator[Problem]:
    """Refuse servers that lose more supplies with a feed than they can spare."""
    feeds, pdus = len(site.power.feeds), site.power.rack_pdus
    seen: set[str] = set()
    for shape in pools:
        machine = shape.system
        decided = machine.decided_supplies
        if machine.name in seen or decided is None:
            continue
        seen.add(machine.name)
        supplies, required = decided
        left = fewest_left(supplies, pdus, feeds, shape.per_rack)
        if left < required:
            pdus_text = counted(pdus, "rack PDU")
            message = (
                f"a {machine.name} has {counted(supplies, 'supply', 'supplies')} and requires {required}; "
                f"on {counted(feeds, 'feed')} and {pdus_text} the loss of a feed leaves {left}"
            )
            change = _change(supplies, required, pdus, feeds, shape.per_rack)
            hint = f"{change}, or write 'survive: none'" if change else "write 'survive: none'"
            field = "rack_pdus" if change and "feeds" not in change else "feeds"
            yield Problem("feed-loss", message, Where(field=f"sites[{index}].power.{field}"), hint)


def fewest_left(supplies: int, pdus: int, feeds: int, machines: int) -> int:
    """Return the fewest supplies that the loss of a feed leaves to any server of any rack."""
    fewest = supplies
    # Racks differ in their first feed, and servers in their first PDU: after as many servers as PDUs all
    # repeats.
    for first in range(feeds):
        for place in range(min(machines, pdus)):
            fewest = min(fewest, *supplies_left(supplies, pdus, feeds, first, place))
    return fewest


def _change(supplies: int, required: int, pdus: int, feeds: int, machines: int) -> str:
    """Return the smallest change of feeds and rack PDUs with which a server survives, or the empty string."""
    for more_feeds in range(feeds, MOST_FEEDS + 1):
        for more_pdus in range(pdus, MOST_FEEDS + 1):
            if fewest_left(supplies, more_pdus, more_feeds, machines) >= required:
                steps: list[str] = []
                if more_feeds > feeds:
                    steps.append(f"give the site {counted(more_feeds, 'feed')}")
                if more_pdus > pdus:
                    steps.append(f"write rack_pdus {more_pdus}")
                return " and ".join(steps)
    return ""

"""Feeds: whether a site's budget and feeds carry its machines, with all of them up and with each of them lost.

The answer to too much is the largest number of machines that fits; to too few supplies it is the
smallest number of feeds and rack PDUs under which the machine keeps what it requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.loads import limit, rack_groups, site_load, supplies_left
from sovereign_ai.plan.shapes import Shape, shapes
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Site
from sovereign_ai.units import Watts

MOST_FEEDS = 8
"""Feeds and rack PDUs that a description may name."""


def power_problems(factory: AIFactory, index: int, site: Site, found: Sequence[Shape], other: int) -> Iterator[Problem]:
    """Hold a site's load against its budget and its feeds, with all of them up and with each of them lost."""
    here = [shape for shape in found if shape.site.name == site.name]
    if not here:
        return
    lacks = list(_lacks(site, here, other))
    if lacks:
        largest = max(here, key=lambda shape: (shape.nodes * shape.system.worst_power.count, -shape.index))
        most = _most_nodes(factory, site, largest, other)
        hint = (
            f"at most {most:,} machines of pool {largest.pool.name!r} fit"
            if most
            else f"not even one machine of pool {largest.pool.name!r} fits"
        )
        for code, message in lacks:
            yield Problem(code, f"site {site.name!r}: {message}", Where(field=f"pools[{largest.index}].nodes"), hint)
    if site.power.survive == "any-feed":
        yield from _supply_problems(index, site, here)


def _lacks(site: Site, here: Sequence[Shape], other: int) -> Iterator[tuple[str, str]]:
    """Say, with codes, what of budget and feeds the machines exceed."""
    load = site_load(site, rack_groups(here), other)
    if load.watts > site.power.it_budget.count:
        yield "over-budget", f"{Watts(load.watts)} at full load, and the budget is {site.power.it_budget}"
    names = sorted(site.power.feeds)
    for carried in _alike(site, names, load.load.up):
        yield "over-budget", carried
    if site.power.survive == "any-feed":
        for lost, gone in enumerate(names):
            for carried in _alike(site, names, load.load.after[lost]):
                yield "feed-loss", f"without feed {gone}, {carried}"


def _alike(site: Site, names: Sequence[str], watts: Sequence[Fraction]) -> Iterator[str]:
    """Say which feeds carry more than they may; those that carry alike and may carry alike are named together."""
    over: dict[tuple[Watts, str], list[str]] = {}
    for name, carried in zip(names, watts, strict=True):
        if carried > limit(site, name):
            over.setdefault((Watts(-(-carried // 1)), _capacity(site, name)), []).append(name)
    for (most, have), feeds in over.items():
        if len(feeds) == 1:
            yield f"feed {feeds[0]} carries {most}, and may carry {have}"
        else:
            yield f"feeds {', '.join(feeds[:-1])} and {feeds[-1]} carry {most} each, and may carry {have}"


def _capacity(site: Site, name: str) -> str:
    """Write what a feed may carry."""
    capacity = site.power.feeds[name].capacity
    most = Watts(int(limit(site, name)))
    return str(most) if most == capacity else f"{most} ({site.power.derating} of {capacity})"


def _most_nodes(factory: AIFactory, site: Site, largest: Shape, other: int) -> int:
    """Give the most machines of a pool with which nothing is exceeded, all else as described."""

    def fits(nodes: int) -> bool:
        here = [shape for shape in shapes(factory, {largest.pool.name: nodes}) if shape.site.name == site.name]
        return not any(_lacks(site, here, other))

    low, high = 0, largest.nodes
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _supply_problems(index: int, site: Site, here: Sequence[Shape]) -> Iterator[Problem]:
    """Give machines that lose more supplies with a feed than they can spare."""
    feeds, pdus = len(site.power.feeds), site.power.rack_pdus
    seen: set[str] = set()
    for shape in here:
        machine = shape.system
        if machine.name in seen or machine.supplies is None or machine.supplies_required is None:
            continue
        seen.add(machine.name)
        left = fewest_left(machine.supplies, pdus, feeds, shape.per_rack)
        if left < machine.supplies_required:
            message = (
                f"a {machine.name} has {machine.supplies} supplies and requires {machine.supplies_required}; on {feeds} feeds and "
                f"{pdus} rack PDUs the loss of a feed leaves {left}"
            )
            change = _change(machine.supplies, machine.supplies_required, pdus, feeds, shape.per_rack)
            hint = f"{change}, or write 'survive: none'" if change else "write 'survive: none'"
            field = "rack_pdus" if change and "feeds" not in change else "feeds"
            yield Problem("feed-loss", message, Where(field=f"sites[{index}].power.{field}"), hint)


def fewest_left(supplies: int, pdus: int, feeds: int, machines: int) -> int:
    """Give the fewest supplies that the loss of a feed leaves to any machine of any rack."""
    return min(
        left
        for first in range(feeds)
        for place in range(min(machines, pdus))
        for left in supplies_left(supplies, pdus, feeds, first, place)
    )


def _change(supplies: int, required: int, pdus: int, feeds: int, machines: int) -> str:
    """Give the smallest change of feeds and rack PDUs under which a machine survives; empty where none does."""
    for more_feeds in range(feeds, MOST_FEEDS + 1):
        for more_pdus in range(pdus, MOST_FEEDS + 1):
            if fewest_left(supplies, more_pdus, more_feeds, machines) >= required:
                steps = ([f"give the site {more_feeds} feeds"] if more_feeds > feeds else []) + (
                    [f"write rack_pdus {more_pdus}"] if more_pdus > pdus else []
                )
                return " and ".join(steps)
    return ""

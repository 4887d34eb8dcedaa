"""Circuits of racks: breakers and busways by their continuous rating, busbars with their power shelves.

AI load is continuous (three hours and more), so a breaker carries at most 80 % of its rated current under NEC
(NFPA 70) 210.20(A) and 215.3, and all of it where the assembly is listed for 100 % of its rating, or by IEC
60947-2, whose rated current is an uninterrupted duty. The description states which.

    P = U x I x continuous x power factor            one phase
    P = sqrt(3) x U x I x continuous x power factor  three phases, evenly loaded
    I = P / U / sections                             a busbar of direct current

A busway has a feed of its own and a run of neighbouring racks. Racks of switches and storage servers follow
the compute racks of a hall and are not part of these checks.

    >>> from sovereign_ai.spec import Circuit
    >>> breaker = Circuit(current="63 A", voltage="400 V", continuous="100 %")
    >>> circuit_limit(breaker, Percent(10_000)), circuit_limit(breaker, Percent(9_500))
    (43647, 41465)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isqrt, lcm

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.power.chain_elements import ChainElement, load_text
from sovereign_ai.plan.power.loads import (
    RackGroup,
    load_of_rack,
    planned_watts,
    shelf_rating,
    shelf_supplies,
    shelves_left,
    supplies_of,
)
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Circuit, RackBusbar, Site
from sovereign_ai.text import counted
from sovereign_ai.units import Percent

# Millivolts x milliamperes x two shares in hundredths of a percent make one watt of this many steps.
_CIRCUIT_STEPS = 10**14
# Milliamperes of a watt over a millivolt.
_CURRENT_STEPS = 10**6


@frozen_dataclass
class Busiest:
    """The busiest of some equal circuits.

    Attributes:
        up: watts with all feeds up.
        after: watts after the worst loss of another feed.
        what: what the busiest one supplies, in words.
    """

    up: Fraction
    after: Fraction
    what: str

    @property
    def most(self) -> Fraction:
        """The larger of the two."""
        return max(self.up, self.after)


def circuit_limit(circuit: Circuit, power_factor: Percent) -> int:
    """Return the watts that a circuit carries continuously, rounded down."""
    steps = circuit.voltage.count * circuit.current.count * circuit.continuous.count * power_factor.count
    if circuit.phases == 3:
        # The root of three is irrational: the whole root of three times the square rounds down once.
        return isqrt(3 * steps * steps) // _CIRCUIT_STEPS
    return steps // _CIRCUIT_STEPS


def circuit_elements(site: Site, groups: Sequence[RackGroup]) -> Iterator[ChainElement]:
    """Yield breakers, busways, busbars and shelves of a site's compute racks, as far as described."""
    chain = site.power.chain
    mine = [group for group in groups if group.shape.site.name == site.name]
    if chain is None or not mine:
        return
    if chain.breaker is not None:
        pdus = site.power.rack_pdus * sum(group.count for group in mine)
        yield _circuit("rack breaker", chain.breaker, chain.power_factor, busiest_pdu(site, mine), pdus)
    if chain.busway is not None:
        windows = _busways(site, mine, chain.busway.racks)
        busiest = busiest_busway(site, mine, chain.busway.racks)
        yield _circuit("busway", chain.busway, chain.power_factor, busiest, windows)
    if chain.busbar is not None:
        for group in busbar_racks(site, mine):
            yield _busbar(chain.busbar, group)
            yield _shelves(site, chain.busbar, group)


def _circuit(name: str, circuit: Circuit, factor: Percent, busiest: Busiest, count: int) -> ChainElement:
    """Return some equal circuits, of which the busiest decides."""
    limit, most = circuit_limit(circuit, factor), ceil_div(busiest.most, 1)
    root = "sqrt(3) x " if circuit.phases == 3 else ""
    why = {
        "rating": f"{root}{circuit.voltage} x {circuit.current} x {circuit.continuous} x {factor}; "
        "80 % of a breaker for a continuous load, or 100 % where it is listed or by IEC 60947-2 "
        "(NEC 210.20(A), 215.3)",
        "load": busiest.what,
    }
    return ChainElement(
        element=name,
        unit="W",
        rating=limit,
        needed=count,
        installed=count,
        load=most,
        each=ceil_div(busiest.up, 1),
        after_loss=ceil_div(busiest.after, 1),
        left=limit - most,
        why=why,
    )


def busiest_pdu(site: Site, groups: Sequence[RackGroup]) -> Busiest:
    """Return the busiest rack PDU of a site."""
    best = Busiest(Fraction(0), Fraction(0), "no rack")
    for group in groups:
        up, after = _pdu_loads(site, group)
        name = group.shape.system.name
        here = Busiest(up, after, f"the fullest PDU of a rack of {group.machines} {name}")
        if here.most > best.most:
            best = here
    return best


def _pdu_loads(site: Site, group: RackGroup) -> tuple[Fraction, Fraction]:
    """Return the watts of the fullest PDU of a rack, with all feeds up and after the worst loss of one."""
    pdus, feeds = site.power.rack_pdus, len(site.power.feeds)
    feed_of = [(group.first + pdu) % feeds for pdu in range(pdus)]
    up = max(_on_pdus(site, group, feed_of, None))
    after = Fraction(0)
    for lost in range(feeds):
        after = max(after, *_on_pdus(site, group, feed_of, lost))
    return up, after


def _on_pdus(site: Site, group: RackGroup, feed_of: Sequence[int], lost: int | None) -> list[Fraction]:
    """Return the watts of each PDU of a rack; `lost` is the feed that is gone, or None."""
    pdus = len(feed_of)
    live = [feed != lost for feed in feed_of]
    watts = planned_watts(group.shape, group.machines)
    loads = [Fraction(0)] * pdus
    for draw, supplies, required, place in supplies_of(site, group, watts):
        # Without known supplies each live PDU carries the same.
        plugs = [1] * pdus if not supplies else [0] * pdus
        for number in range(supplies):
            plugs[(place * supplies + number) % pdus] += 1
        left = sum(count for count, is_live in zip(plugs, live, strict=True) if is_live)
        if left < max(required, 1):
            continue
        for pdu in range(pdus):
            if live[pdu]:
                loads[pdu] += draw * plugs[pdu] / left
    return loads


def _busways(site: Site, groups: Sequence[RackGroup], racks: int) -> int:
    """Count the busways of a site: one a feed for each run of neighbouring racks of a row."""
    racks_in: defaultdict[str, int] = defaultdict(int)
    row_of: dict[str, int] = {}
    for group in groups:
        racks_in[group.shape.hall.name] += group.count
        row_of[group.shape.hall.name] = group.shape.hall.row
    runs = 0
    for hall, count in racks_in.items():
        rows, rest = divmod(count, row_of[hall])
        runs += rows * ceil_div(row_of[hall], racks) + ceil_div(rest, racks)
    return runs * len(site.power.feeds)


def busiest_busway(site: Site, groups: Sequence[RackGroup], racks: int) -> Busiest:
    """Return the busiest busway of a site: the sum of its racks on its feed.

    Args:
        site: the site.
        groups: the site's compute racks.
        racks: neighbouring racks on a busway.
    """
    best = Busiest(Fraction(0), Fraction(0), "no rack")
    for hall, row in _rows(site, groups):
        for start in range(0, len(row), racks):
            run = row[start : start + racks]
            here = _busway(site, run, f"{counted(len(run), 'neighbouring rack')} of hall {hall} on one feed")
            if here.most > best.most:
                best = here
    return best


def _busway(site: Site, run: Sequence[RackGroup], what: str) -> Busiest:
    """Return the load of the fullest busway of some neighbouring racks."""
    feeds = len(site.power.feeds)
    up = [Fraction(0)] * feeds
    after = [[Fraction(0)] * feeds for _ in range(feeds)]
    for group in run:
        load = load_of_rack(group, site)
        for feed in range(feeds):
            up[feed] += load.up[feed]
            for lost in range(feeds):
                after[lost][feed] += load.after[lost][feed]
    return Busiest(max(up), max(max(row) for row in after), what)


def _rows(site: Site, groups: Sequence[RackGroup]) -> Iterator[tuple[str, list[RackGroup]]]:
    """Yield the rows of racks of each hall, but for those that repeat others.

    Racks start at the next feed in turn. So equal racks repeat after as many as there are feeds, and rows of
    them after the least common multiple; of long stretches three times that is looked at.
    """
    halls: dict[str, list[RackGroup]] = {}
    for pool_groups in _by_pool(groups):
        hall = pool_groups[0].shape.hall
        period = lcm(hall.row, len(site.power.feeds))
        full = [group for group in pool_groups if group.machines == group.shape.per_rack]
        count = sum(group.count for group in full)
        if count > 3 * period:
            count = count % period + 2 * period
        racks = halls.setdefault(hall.name, [])
        for number in range(count):
            racks.append(full[number % len(full)])
        racks += [group for group in pool_groups if group.machines != group.shape.per_rack]
    row_of = {group.shape.hall.name: group.shape.hall.row for group in groups}
    for name, racks in halls.items():
        for start in range(0, len(racks), row_of[name]):
            yield name, racks[start : start + row_of[name]]


def _by_pool(groups: Sequence[RackGroup]) -> Iterator[list[RackGroup]]:
    """Yield the groups of each pool, in their order."""
    pools: dict[str, list[RackGroup]] = {}
    for group in groups:
        pools.setdefault(group.shape.pool.name, []).append(group)
    yield from pools.values()


def busbar_racks(site: Site, groups: Sequence[RackGroup]) -> Iterator[RackGroup]:
    """Yield one group of each system whose racks have a busbar, the one that draws most."""
    fullest: dict[str, RackGroup] = {}
    for group in groups:
        watts = planned_watts(group.shape, group.machines)
        if not shelf_supplies(site, group.shape.system, watts)[0]:
            continue
        name = group.shape.system.name
        before = fullest.get(name)
        if before is None or watts > planned_watts(before.shape, before.machines):
            fullest[name] = group
    yield from fullest.values()


def busbar_current(busbar: RackBusbar, watts: int) -> int:
    """Return the milliamperes of each section of a busbar, rounded up.

    >>> from sovereign_ai.spec import RackBusbar
    >>> bar = RackBusbar(voltage="50 V", current="1400 A", sections=2, shelf="gb200-power-shelf", shelves=8)
    >>> busbar_current(bar, 132_000)
    1320000
    """
    return ceil_div(Fraction(watts * _CURRENT_STEPS, busbar.voltage.count * busbar.sections), 1)


def _busbar(busbar: RackBusbar, group: RackGroup) -> ChainElement:
    """Return the busbar of a rack; each of its sections is an element."""
    watts = planned_watts(group.shape, group.machines)
    each = busbar_current(busbar, watts)
    sections = (
        "" if busbar.sections == 1 else f" over {counted(busbar.sections, 'section')} that shelves feed apart"
    )
    system = group.shape.system.name
    machines = f"{load_text(watts, 'W')} of {group.machines} {system}"
    why = {"load": f"I = P / U: {machines} at {busbar.voltage}{sections}"}
    rating = busbar.current.count
    return ChainElement(
        element=f"busbar of {system}",
        unit="mA",
        rating=rating,
        needed=busbar.sections,
        installed=busbar.sections,
        load=each * busbar.sections,
        each=each,
        after_loss=each,
        left=rating - each,
        why=why,
    )


def _shelves(site: Site, busbar: RackBusbar, group: RackGroup) -> ChainElement:
    """Return the power shelves of a rack; the loss is that of the feed that takes most of them along."""
    watts = planned_watts(group.shape, group.machines)
    rating = shelf_rating(busbar.shelf)
    shelves, needed = shelf_supplies(site, group.shape.system, watts)
    if site.power.survive == "any-feed":
        lost = "the loss of a feed"
        left = shelves_left(site, shelves)
    else:
        lost = "the loss of a shelf"
        left = shelves - 1
    after = ceil_div(watts, max(left, 1))
    load, most = load_text(watts, "W"), load_text(rating, "W")
    turn = f"on {counted(site.power.rack_pdus, 'PDU')} in turn"
    why = {
        "needed": f"{load} over {most} of a {busbar.shelf} are {needed:,}",
        "after_loss": f"{lost} leaves {left:,} of {shelves:,}, {turn}",
    }
    return ChainElement(
        element=f"shelf of {group.shape.system.name}",
        unit="W",
        rating=rating,
        needed=needed,
        installed=shelves,
        load=watts,
        each=ceil_div(watts, shelves),
        after_loss=after,
        left=left * rating - watts,
        why=why,
    )

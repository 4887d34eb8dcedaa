"""Loads: what racks draw through each feed, and what keeps running when a feed is lost, in exact fractions.

A rack's PDUs are connected to the site's feeds in turn (by name; each rack starts at the next feed), and the
servers' supplies to the rack's PDUs in turn. A server draws equally through each of its live supplies. It
runs while the supplies left are at least those that it requires. Fractions of a watt stay exact here;
`sites.py` rounds them.

Six supplies of which four are required, on two feeds, leave three: the server stops. On three feeds and three
PDUs they leave four.

    >>> [sum(stays) for stays in (supplies_left(6, pdus=2, feeds=2), supplies_left(6, pdus=3, feeds=3))]
    [6, 12]
    >>> min(supplies_left(6, pdus=2, feeds=2)), min(supplies_left(6, pdus=3, feeds=3))
    (3, 4)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from sovereign_ai.catalog.parts import part
from sovereign_ai.catalog.system import System
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import Site
from sovereign_ai.units import Watts


@frozen_dataclass
class RackGroup:
    """Equal compute racks.

    Attributes:
        shape: their pool.
        machines: servers in each.
        first: number of the feed of the first PDU.
        count: number of racks.
    """

    shape: Shape
    machines: int
    first: int
    count: int


@frozen_dataclass
class Load:
    """The load of one rack, or of a whole site, on each feed. Feeds are numbered in the order of their names.

    Attributes:
        up: watts by feed with all feeds up.
        after: lost feed to watts by feed.
        stopped: lost feed to servers that stop.
    """

    up: tuple[Fraction, ...]
    after: tuple[tuple[Fraction, ...], ...]
    stopped: tuple[int, ...]


@frozen_dataclass
class SiteLoad:
    """A site's load, exact.

    Attributes:
        load: the load on each feed.
        watts: all of it.
        stopped: lost feed to (system to servers that stop).
        unknown: systems whose supplies no source gives.
    """

    load: Load
    watts: int
    stopped: tuple[Mapping[str, int], ...]
    unknown: tuple[str, ...]


def rack_watts(machine: System, machines: int) -> int:
    """Return the watts of a rack of servers at full load, at the upper end of every range.

    A full rack as published draws its published power. Any other rack draws the sum of its servers and of
    what the rack shares.
    """
    if machines == machine.nodes_per_rack and machine.rack_power is not None:
        figure = machine.source_of("rack_power")
        return (figure.worst(Watts) if figure else machine.rack_power).count
    return machines * machine.worst_power.count + shared_watts(machine)


def machine_limit(shape: Shape) -> int | None:
    """Return the watts to which caps limit each machine of a pool; None where none does.

    All machines of a pool have the same limit, since a job runs as fast as its slowest machine.
    """
    limits: list[int] = []
    for limit in (rack_cap_limit(shape), shape.limit):
        if limit is not None:
            limits.append(limit)
    return min(limits, default=None)


def rack_cap_limit(shape: Shape) -> int | None:
    """Return the watts to which the cap on racks limits each machine of a pool; None where it limits none."""
    cap = shape.site.power.cap
    if cap is None or cap.rack is None:
        return None
    machines = min(shape.per_rack, shape.total)
    if rack_watts(shape.system, machines) <= cap.rack.count:
        return None
    return max(cap.rack.count - shared_watts(shape.system), 0) // machines


def planned_watts(shape: Shape, machines: int) -> int:
    """Return the watts of a rack of a pool that feeds must carry: at full load, or as the cap limits it."""
    watts = rack_watts(shape.system, machines)
    limit = machine_limit(shape)
    if limit is None:
        return watts
    return min(watts, limit * machines + shared_watts(shape.system))


def shared_watts(machine: System) -> int:
    """Return the watts of what the machines of a rack share."""
    return machine.rack_shared_power.count if machine.rack_shared_power else 0


def shares_supplies(machine: System) -> bool:
    """Return whether the machines of a rack take their power from its busbar."""
    return machine.supplies is None and machine.nodes_per_rack is not None


def shelf_supplies(site: Site, machine: System, watts: int) -> tuple[int, int]:
    """Return the power shelves of a rack, and how many of them carry it; zeros where none are described.

    Args:
        site: the site, whose chain may describe the shelves.
        machine: the system in the rack.
        watts: what the rack draws.
    """
    chain = site.power.chain
    if chain is None or chain.busbar is None or not shares_supplies(machine):
        return 0, 0
    rating = shelf_rating(chain.busbar.shelf)
    return chain.busbar.shelves, ceil_div(watts, rating)


def shelf_rating(name: str) -> int:
    """Return the output of a power shelf in watts, the lower end where it is a range."""
    shelf = part(name)
    figure = shelf.source_of("rating")
    if shelf.rating is None or figure is None:
        message = f"{name} has no rating"
        raise ValueError(message)
    return figure.least(Watts).count


def shelves_left(site: Site, shelves: int) -> int:
    """Return the fewest power shelves that the loss of a feed leaves to any rack of a site."""
    feeds = len(site.power.feeds)
    fewest = shelves
    for first in range(feeds):
        fewest = min(fewest, *supplies_left(shelves, site.power.rack_pdus, feeds, first))
    return fewest


def supplies_of(site: Site, group: RackGroup, watts: int) -> Iterator[tuple[Fraction, int, int, int]]:
    """Yield what draws power in a rack: watts, supplies, supplies that it requires, and its position.

    A busbar with its shelves counts as one. Without known supplies the supplies are 0.

    Args:
        site: the site.
        group: the rack.
        watts: what the rack draws.
    """
    machine = group.shape.system
    shelves, required = shelf_supplies(site, machine, watts)
    if shelves:
        yield Fraction(watts), shelves, required, 0
        return
    shared = shared_watts(machine)
    if machine.supplies is None or machine.supplies_required is None:
        yield Fraction(watts), 0, 0, 0
        return
    if shared:
        yield Fraction(shared), 0, 0, 0
    for place in range(group.machines):
        yield Fraction(watts - shared, group.machines), machine.supplies, machine.supplies_required, place


def supplies_left(supplies: int, pdus: int, feeds: int, first: int = 0, place: int = 0) -> tuple[int, ...]:
    """Return, for each lost feed, the supplies that a server has left.

    Args:
        supplies: supplies of the server.
        pdus: PDUs of its rack.
        feeds: feeds of the site.
        first: the feed of the rack's first PDU.
        place: the server's position in the rack; supplies continue in turn from server to server.
    """
    on_feed = _supplies_on(supplies, pdus, feeds, first, place)
    return tuple(supplies - count for count in on_feed)


def _supplies_on(supplies: int, pdus: int, feeds: int, first: int, place: int) -> list[int]:
    """Count a server's supplies on each feed."""
    on_feed = [0] * feeds
    for number in range(supplies):
        pdu = (place * supplies + number) % pdus
        on_feed[(first + pdu) % feeds] += 1
    return on_feed


def rack_groups(shapes: Iterable[Shape], whole: Mapping[str, int] | None = None) -> list[RackGroup]:
    """Return the compute racks of every hall, equal ones grouped, in the order in which they are numbered.

    Args:
        shapes: the pools.
        whole: pool to the racks that are kept for it, where it grows in phases.
    """
    racks_in: defaultdict[str, int] = defaultdict(int)
    groups: list[RackGroup] = []
    for shape in shapes:
        feeds = len(shape.site.power.feeds)
        full, rest = divmod(shape.total, shape.per_rack)
        start = racks_in[shape.hall.name]
        # Each rack starts at the next feed, so there are as many groups of full racks as feeds.
        for offset in range(min(feeds, full)):
            count = (full - offset - 1) // feeds + 1
            groups.append(RackGroup(shape, shape.per_rack, (start + offset) % feeds, count))
        if rest:
            groups.append(RackGroup(shape, rest, (start + full) % feeds, 1))
        racks_in[shape.hall.name] += (whole or {}).get(shape.pool.name, shape.racks)
    return groups


def site_load(site: Site, groups: Sequence[RackGroup], other: int = 0) -> SiteLoad:
    """Return a site's load.

    Args:
        site: the site.
        groups: compute racks; those of other sites are ignored.
        other: known watts of switches and storage servers, spread evenly over the feeds.
    """
    feeds = len(site.power.feeds)
    up = [Fraction(other, feeds)] * feeds
    after: list[list[Fraction]] = []
    for lost in range(feeds):
        # The feeds that are left share the other load; a site with one feed has none left.
        share = Fraction(other, max(feeds - 1, 1))
        loads = [share] * feeds
        loads[lost] = Fraction(0)
        after.append(loads)
    stopped: list[dict[str, int]] = [{} for _ in range(feeds)]
    watts, unknown = other, set()
    for group in groups:
        if group.shape.site.name != site.name:
            continue
        machine, rack = group.shape.system, load_of_rack(group, site)
        rack_draw = planned_watts(group.shape, group.machines)
        watts += group.count * rack_draw
        if machine.decided_supplies is None and not shelf_supplies(site, machine, rack_draw)[0]:
            unknown.add(machine.name)
        for feed in range(feeds):
            up[feed] += group.count * rack.up[feed]
            for lost in range(feeds):
                after[lost][feed] += group.count * rack.after[lost][feed]
            if rack.stopped[feed]:
                before = stopped[feed].get(machine.name, 0)
                stopped[feed][machine.name] = before + group.count * rack.stopped[feed]
    totals = [sum(counts.values()) for counts in stopped]
    load = _frozen_load(up, after, totals)
    return SiteLoad(load, watts, tuple(stopped), tuple(sorted(unknown)))


def load_of_rack(group: RackGroup, site: Site) -> Load:
    """Return the load of one rack of a group."""
    machine, watts = group.shape.system, planned_watts(group.shape, group.machines)
    shelves = shelf_supplies(site, machine, watts)
    feeds = len(site.power.feeds)
    if shelves[0]:
        # The busbar carries all machines of the rack through the shelves that are left, or none.
        rack = _rack_load(watts, 0, shelves, 1, group.first, site.power.rack_pdus, feeds)
        return replace(rack, stopped=tuple(stops * group.machines for stops in rack.stopped))
    supplies, required = machine.decided_supplies or (0, 0)
    return _rack_load(
        watts,
        shared_watts(machine),
        (supplies, required),
        group.machines,
        group.first,
        site.power.rack_pdus,
        feeds,
    )


def load_if_running(group: RackGroup, site: Site, watts: int) -> Load:
    """Return the load of one rack that draws some watts, with machines that run on any supply that is left.

    It is never below `load_of_rack` of the same watts, and grows in proportion to them.
    """
    machine = group.shape.system
    feeds, pdus = len(site.power.feeds), site.power.rack_pdus
    shelves, _ = shelf_supplies(site, machine, watts)
    if shelves:
        return _rack_load(watts, 0, (shelves, 1), 1, group.first, pdus, feeds)
    supplies, _ = machine.decided_supplies or (0, 0)
    shared = shared_watts(machine)
    return _rack_load(watts, shared, (supplies, 1), group.machines, group.first, pdus, feeds)


# Cached, since the search for the most servers of a pool asks for the same racks at every step.
@lru_cache(maxsize=4096)
def _rack_load(
    watts: int, shared: int, supplies: tuple[int, int], machines: int, first: int, pdus: int, feeds: int
) -> Load:
    """Return one rack's load.

    Args:
        watts: power of the rack.
        shared: part of it that no single server draws.
        supplies: supplies of a server and those that it requires; zeros where no source gives them. Then each
            PDU carries the same load and no server counts as stopped.
        machines: servers in the rack.
        first: number of the first PDU's feed.
        pdus: PDUs of the rack.
        feeds: feeds of the site.
    """
    each = Fraction(watts - shared, machines)
    pdus_on = [0] * feeds
    for pdu in range(pdus):
        pdus_on[(first + pdu) % feeds] += 1
    loads = [_part_load(Fraction(shared), pdus_on, 0)]
    if supplies[0]:
        for place in range(machines):
            on_feed = _supplies_on(supplies[0], pdus, feeds, first, place)
            loads.append(_part_load(each, on_feed, supplies[1]))
    else:
        loads.append(_part_load(each * machines, pdus_on, 0))
    return _sum_loads(loads, feeds)


def _sum_loads(loads: Sequence[Load], feeds: int) -> Load:
    """Return the sum of loads on the same feeds."""
    up = [Fraction(0)] * feeds
    after = [[Fraction(0)] * feeds for _ in range(feeds)]
    stopped = [0] * feeds
    for load in loads:
        for feed in range(feeds):
            up[feed] += load.up[feed]
            stopped[feed] += load.stopped[feed]
            for lost in range(feeds):
                after[lost][feed] += load.after[lost][feed]
    return _frozen_load(up, after, stopped)


def _frozen_load(up: Sequence[Fraction], after: Sequence[Sequence[Fraction]], stopped: Sequence[int]) -> Load:
    """Return a load that cannot be changed: racks of it are cached."""
    return Load(tuple(up), tuple(tuple(watts) for watts in after), tuple(stopped))


def _part_load(watts: Fraction, on_feed: Sequence[int], required: int) -> Load:
    """Return the load of one server, or of what a rack shares.

    Args:
        watts: its power.
        on_feed: its supplies on each feed.
        required: supplies that it requires; 0 where it never counts as stopped.
    """
    supplies = sum(on_feed)
    up = [watts * count / supplies for count in on_feed]
    after: list[list[Fraction]] = []
    stopped: list[int] = []
    for lost, lost_supplies in enumerate(on_feed):
        left = supplies - lost_supplies
        stops = left < max(required, 1)
        loads: list[Fraction] = []
        for feed, count in enumerate(on_feed):
            is_dead = stops or feed == lost
            loads.append(Fraction(0) if is_dead else watts * count / left)
        after.append(loads)
        stopped.append(int(stops and required > 0))
    return _frozen_load(up, after, stopped)


def feed_limit(site: Site, feed: str) -> Fraction:
    """Return the watts that may be planned on a feed: its capacity times the derating."""
    return site.power.derating.of(site.power.feeds[feed].capacity.count)

"""Loads: what racks draw through each feed, and what stays up when a feed is lost, in exact fractions.

A rack's PDUs hang on the site's feeds in turn (by name; each rack starts at the next feed), and the
machines' supplies on the rack's PDUs in turn. A machine draws alike through each of its supplies
that live. It runs on while those left are as many as it requires. Fractions
of a watt stay exact here; `power.py` rounds them.

Six supplies of which four are needed, on two feeds, leave three: the machine stops. On three
feeds and three PDUs they leave four.

    >>> [sum(stays) for stays in (supplies_left(6, pdus=2, feeds=2), supplies_left(6, pdus=3, feeds=3))]
    [6, 12]
    >>> min(supplies_left(6, pdus=2, feeds=2)), min(supplies_left(6, pdus=3, feeds=3))
    (3, 4)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import starmap

from sovereign_ai.catalog.systems import System
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.site import Site
from sovereign_ai.units import Watts


@dataclass(frozen=True, slots=True)
class RackGroup:
    """Compute racks that are alike.

    Attributes:
        shape: their pool.
        machines: machines in each.
        first: number of the feed that the first PDU hangs on.
        count: how many there are.
    """

    shape: Shape
    machines: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Load:
    """What one rack, or a whole site, draws through each feed, numbered in the order of their names.

    Attributes:
        up: watts by feed with all feeds up.
        after: lost feed to watts by feed.
        stopped: lost feed to machines that stop.
    """

    up: tuple[Fraction, ...]
    after: tuple[tuple[Fraction, ...], ...]
    stopped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """A site's load, exact.

    Attributes:
        load: what it draws through each feed.
        watts: all of it.
        stopped: lost feed to (system to machines that stop).
        unknown: systems whose supplies no source gives.
    """

    load: Load
    watts: int
    stopped: tuple[Mapping[str, int], ...]
    unknown: tuple[str, ...]


def rack_watts(machine: System, machines: int) -> int:
    """Give the watts of a rack of machines at full load, at the upper end of every range.

    A full rack as published draws its published power; any other the sum of its machines and of
    what the rack shares.
    """
    if machines == machine.nodes_per_rack and machine.rack_power is not None:
        figure = machine.source_of("rack_power")
        return (figure.worst(Watts) if figure else machine.rack_power).count
    shared = machine.rack_shared_power.count if machine.rack_shared_power else 0
    return machines * machine.worst_power.count + shared


def supplies_left(supplies: int, pdus: int, feeds: int, first: int = 0, place: int = 0) -> tuple[int, ...]:
    """Give, for each lost feed, the supplies that a machine has left.

    Args:
        supplies: supplies of the machine.
        pdus: PDUs of its rack.
        feeds: feeds of the site.
        first: the feed that the rack's first PDU hangs on.
        place: the machine's position in the rack; supplies go on in turn from machine to machine.
    """
    on = _supplies_on(supplies, pdus, feeds, first, place)
    return tuple(supplies - count for count in on)


def _supplies_on(supplies: int, pdus: int, feeds: int, first: int, place: int) -> list[int]:
    """Count a machine's supplies on each feed."""
    on = [0] * feeds
    for number in range(supplies):
        on[(first + (place * supplies + number) % pdus) % feeds] += 1
    return on


def rack_groups(shapes: Iterable[Shape]) -> list[RackGroup]:
    """Give the compute racks of every hall, alike ones together, in the order in which they are numbered."""
    taken: defaultdict[str, int] = defaultdict(int)
    found: list[RackGroup] = []
    for shape in shapes:
        feeds = len(shape.site.power.feeds)
        full, rest = divmod(shape.total, shape.per_rack)
        start = taken[shape.hall.name]
        found += [
            RackGroup(shape, shape.per_rack, (start + offset) % feeds, (full - offset - 1) // feeds + 1)
            for offset in range(min(feeds, full))
        ]
        if rest:
            found.append(RackGroup(shape, rest, (start + full) % feeds, 1))
        taken[shape.hall.name] += full + (rest > 0)
    return found


def site_load(site: Site, groups: Sequence[RackGroup], other: int = 0) -> SiteLoad:
    """Give a site's load.

    Args:
        site: the site.
        groups: compute racks; those of other sites are left out.
        other: known watts of switches and servers, spread evenly over the feeds.
    """
    feeds = len(site.power.feeds)
    up = [Fraction(other, feeds)] * feeds
    after = [[Fraction(0 if lost == feed else other, max(feeds - 1, 1)) for feed in range(feeds)] for lost in range(feeds)]
    stopped: list[dict[str, int]] = [{} for _ in range(feeds)]
    watts, unknown = other, set()
    for group in groups:
        if group.shape.site.name != site.name:
            continue
        machine, rack = group.shape.system, _rack_of(group, site)
        watts += group.count * rack_watts(machine, group.machines)
        if machine.supplies is None or machine.supplies_required is None:
            unknown.add(machine.name)
        for feed in range(feeds):
            up[feed] += group.count * rack.up[feed]
            for lost in range(feeds):
                after[lost][feed] += group.count * rack.after[lost][feed]
            if rack.stopped[feed]:
                stopped[feed][machine.name] = stopped[feed].get(machine.name, 0) + group.count * rack.stopped[feed]
    load = Load(tuple(up), tuple(map(tuple, after)), tuple(sum(counts.values()) for counts in stopped))
    return SiteLoad(load, watts, tuple(stopped), tuple(sorted(unknown)))


def _rack_of(group: RackGroup, site: Site) -> Load:
    """Give the load of one rack of a group."""
    machine = group.shape.system
    shared = machine.rack_shared_power.count if machine.rack_shared_power else 0
    known = machine.supplies is not None and machine.supplies_required is not None
    return _rack(
        rack_watts(machine, group.machines),
        shared,
        (machine.supplies or 0, machine.supplies_required or 0) if known else (0, 0),
        group.machines,
        group.first,
        site.power.rack_pdus,
        len(site.power.feeds),
    )


@lru_cache(maxsize=4096)
def _rack(watts: int, shared: int, supplies: tuple[int, int], machines: int, first: int, pdus: int, feeds: int) -> Load:
    """Give one rack's load; with supplies unknown, each PDU carries alike and nothing is said to stop."""
    each = Fraction(watts - shared, machines)
    by_pdu = [0] * feeds
    for pdu in range(pdus):
        by_pdu[(first + pdu) % feeds] += 1
    parts = [(Fraction(shared), by_pdu, 0)]
    if supplies[0]:
        parts += [(each, _supplies_on(supplies[0], pdus, feeds, first, place), supplies[1]) for place in range(machines)]
    else:
        parts += [(each * machines, by_pdu, 0)]
    loads = list(starmap(_part, parts))
    return Load(
        tuple(sum((load.up[feed] for load in loads), Fraction(0)) for feed in range(feeds)),
        tuple(tuple(sum((load.after[lost][feed] for load in loads), Fraction(0)) for feed in range(feeds)) for lost in range(feeds)),
        tuple(sum(load.stopped[lost] for load in loads) for lost in range(feeds)),
    )


def _part(watts: Fraction, on: Sequence[int], required: int) -> Load:
    """Give the load of one machine (or of what a rack shares) with `on` supplies on each feed."""
    whole = sum(on)
    up = tuple(watts * count / whole for count in on)
    after: list[tuple[Fraction, ...]] = []
    stopped: list[int] = []
    for lost, gone in enumerate(on):
        left = whole - gone
        stops = left < max(required, 1)
        after.append(tuple(Fraction(0) if stops or feed == lost else watts * count / left for feed, count in enumerate(on)))
        stopped.append(int(stops and required > 0))
    return Load(up, tuple(after), tuple(stopped))


def limit(site: Site, feed: str) -> Fraction:
    """Give the watts that may be planned on a feed: its capacity times the derating."""
    return site.power.derating.of(site.power.feeds[feed].capacity.count)

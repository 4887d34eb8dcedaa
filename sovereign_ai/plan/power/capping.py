"""Caps of rows, halls, feeds and sites: to how many watts each limits the machines below it.

Switches and storage servers are not limited, nor is what the machines of a rack share, so a cap leaves the
machines what these do not draw. The machines below a cap are limited in the same proportion of what they
would draw otherwise, and all machines of a pool alike, since a job runs as fast as its slowest machine:

    limit = what a machine draws x (cap - what is not limited) / what the machines draw, rounded down

Caps are applied from the inside out, rows first and the site last. A later cap only lowers limits, so
that the caps within it hold as well. Caps of racks are applied before (`loads.machine_limit`).

The cap of a feed holds with all feeds up and, where the site survives the loss of a feed, after each loss of
another. Machines that stop then draw nothing; here they are counted as if they ran, which is never less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.power.loads import (
    Load,
    RackGroup,
    load_if_running,
    planned_watts,
    rack_groups,
    rack_watts,
    shared_watts,
)
from sovereign_ai.plan.shapes import Shape, limited_shapes, shapes_at
from sovereign_ai.spec import Site


@frozen_dataclass
class MachineCap:
    """A cap that limits the machines of a pool.

    Attributes:
        watts: the limit of each machine.
        field: dotted field of the cap, below its site.
        text: the cap in words.
    """

    watts: int
    field: str
    text: str


@frozen_dataclass
class _CappedRack:
    """Equal racks below a cap, with the part of their power that passes there.

    Attributes:
        shape: their pool.
        machines: servers in each.
        flexible: watts of all their machines there.
        fixed: watts there that no limit lowers.
    """

    shape: Shape
    machines: int
    flexible: Fraction
    fixed: Fraction


def machine_caps(shapes: Sequence[Shape], other: Mapping[str, int]) -> dict[str, MachineCap]:
    """Return the cap that limits each pool's machines most, by pool; pools that only racks limit are absent.

    Args:
        shapes: all pools.
        other: hall to the watts of its switches and storage servers.
    """
    caps: dict[str, MachineCap] = {}
    sites = {shape.site.name: shape.site for shape in shapes}
    for site in sites.values():
        if not _has_caps(site):
            continue
        for stage in (_row_caps, _hall_caps, _feed_caps, _site_cap):
            # Limited anew before each stage, since what machines draw under one is what the next one divides.
            watts = {pool: cap.watts for pool, cap in caps.items()}
            for cap in stage(site, limited_shapes(shapes, watts), other):
                for pool, limit in _limits(cap):
                    if pool not in caps or limit < caps[pool].watts:
                        caps[pool] = MachineCap(limit, cap.field, cap.text)
    return caps


def _has_caps(site: Site) -> bool:
    """Return whether a site has a cap that is not one of racks."""
    cap = site.power.cap
    caps = [cap.site if cap else None]
    for hall in site.halls:
        caps += [hall.cap, hall.row_cap]
    for feed in site.power.feeds.values():
        caps.append(feed.cap)
    return any(caps)


@frozen_dataclass
class _Cap:
    """One cap of a site.

    Attributes:
        watts: what it permits.
        racks: the racks below it.
        fixed: watts of switches and storage servers below it.
        field: its dotted field, below the site.
        text: it in words.
    """

    watts: int
    racks: list[_CappedRack]
    fixed: Fraction
    field: str
    text: str


def _groups_at(site: Site, shapes: Sequence[Shape]) -> list[RackGroup]:
    """Return the compute racks of a site, equal ones grouped."""
    return [group for group in rack_groups(shapes) if group.shape.site.name == site.name]


def _row_caps(site: Site, shapes: Sequence[Shape], _other: Mapping[str, int]) -> Iterator[_Cap]:
    """Yield the cap of each row of each hall that has one."""
    for index, hall in enumerate(site.halls):
        if hall.row_cap is None:
            continue
        text = f"the compute racks of a row of hall {hall.name} draw at most {hall.row_cap}"
        for row in _rows(shapes_at(shapes, site), hall.name, hall.row):
            yield _Cap(hall.row_cap.count, row, Fraction(0), f"halls[{index}].row_cap", text)


def _hall_caps(site: Site, shapes: Sequence[Shape], other: Mapping[str, int]) -> Iterator[_Cap]:
    """Yield the caps of a site's halls."""
    groups = _groups_at(site, shapes)
    for index, hall in enumerate(site.halls):
        if hall.cap is None:
            continue
        racks = [_uncapped(group) for group in groups if group.shape.hall.name == hall.name]
        fixed = Fraction(other.get(hall.name, 0))
        text = f"hall {hall.name} draws at most {hall.cap}"
        yield _Cap(hall.cap.count, racks, fixed, f"halls[{index}].cap", text)


def _site_cap(site: Site, shapes: Sequence[Shape], other: Mapping[str, int]) -> Iterator[_Cap]:
    """Yield the cap of a whole site."""
    cap = site.power.cap.site if site.power.cap else None
    if cap is not None:
        racks = [_uncapped(group) for group in _groups_at(site, shapes)]
        fixed = Fraction(_support(site, other))
        yield _Cap(cap.count, racks, fixed, "power.cap.site", f"the site draws at most {cap}")


def _support(site: Site, other: Mapping[str, int]) -> int:
    """Return the watts of a site's switches and storage servers."""
    return sum(other.get(hall.name, 0) for hall in site.halls)


def _uncapped(group: RackGroup) -> _CappedRack:
    """Return equal racks with all of their power."""
    fixed = shared_watts(group.shape.system)
    flexible = planned_watts(group.shape, group.machines) - fixed
    return _CappedRack(
        group.shape, group.machines, Fraction(flexible * group.count), Fraction(fixed * group.count)
    )


def _rows(shapes: Sequence[Shape], hall: str, length: int) -> list[list[_CappedRack]]:
    """Return the compute racks of each row of a hall, in the order in which they are numbered."""
    rows: list[list[_CappedRack]] = []
    number = 0
    for shape in shapes:
        if shape.hall.name != hall:
            continue
        for start in range(0, shape.total, shape.per_rack):
            if number % length == 0:
                rows.append([])
            machines = min(shape.per_rack, shape.total - start)
            rows[-1].append(_uncapped(RackGroup(shape, machines, 0, 1)))
            number += 1
    return rows


def _feed_caps(site: Site, shapes: Sequence[Shape], other: Mapping[str, int]) -> Iterator[_Cap]:
    """Yield the caps of a site's feeds: with all feeds up, and after each survived loss of another."""
    groups = _groups_at(site, shapes)
    support = _support(site, other)
    names = sorted(site.power.feeds)
    for number, name in enumerate(names):
        cap = site.power.feeds[name].cap
        if cap is None:
            continue
        text = f"feed {name} carries at most {cap}"
        states: list[int | None] = [None]
        if site.power.survive == "any-feed":
            states += [lost for lost in range(len(names)) if lost != number]
        for lost in states:
            racks = [_through(group, site, number, lost) for group in groups]
            feeds = len(names) if lost is None else len(names) - 1
            words = text if lost is None else f"{text}, also without feed {names[lost]}"
            yield _Cap(cap.count, racks, Fraction(support, feeds), f"power.feeds.{name}.cap", words)


def _through(group: RackGroup, site: Site, feed: int, lost: int | None) -> _CappedRack:
    """Return equal racks with what they draw through one feed, after the loss of another or of none."""
    watts = planned_watts(group.shape, group.machines)
    shared = shared_watts(group.shape.system)
    whole = _on_feed(load_if_running(group, site, watts), feed, lost)
    fixed = _on_feed(load_if_running(group, site, shared), feed, lost)
    return _CappedRack(group.shape, group.machines, (whole - fixed) * group.count, fixed * group.count)


def _on_feed(load: Load, feed: int, lost: int | None) -> Fraction:
    """Return the watts of a load on one feed."""
    return load.up[feed] if lost is None else load.after[lost][feed]


def _limits(cap: _Cap) -> Iterator[tuple[str, int]]:
    """Yield pool and limit of each pool whose machines a cap limits."""
    kept = cap.fixed + sum(rack.fixed for rack in cap.racks)
    flexible = sum(rack.flexible for rack in cap.racks)
    if kept + flexible <= cap.watts or not flexible:
        return
    share = max((cap.watts - kept) / flexible, Fraction(0))
    least: dict[str, Fraction] = {}
    for rack in cap.racks:
        draw = planned_watts(rack.shape, rack.machines) - shared_watts(rack.shape.system)
        # The rack whose machines draw least decides, so that no rack exceeds its part.
        each = Fraction(draw, rack.machines)
        name = rack.shape.pool.name
        least[name] = min(each, least.get(name, each))
    for pool, each in least.items():
        yield pool, int(each * share)


def full_watts(shape: Shape) -> int:
    """Return what each machine of a pool may draw without a cap: its part of a rack as it is filled."""
    machines = min(shape.per_rack, shape.total)
    return (rack_watts(shape.system, machines) - shared_watts(shape.system)) // machines

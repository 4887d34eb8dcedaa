"""Rack elevations: each distinct rack drawn once, unit by unit, with how many there are like it.

Heights are the catalogue's; a device whose height nobody gives shares what is left of its rack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, words
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.racks import SERVER_UNITS, Rack, switch_units
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.spec.factory import AIFactory

_UNIT, _WIDE, _GAP, _TOP = 7, 178, 28, 56
_EACH_ROW = 4


@dataclass(frozen=True, slots=True)
class Elevation:
    """A rack and all that look like it.

    Attributes:
        first: the first of them.
        names: all of them, sorted as they stand.
        devices: name, words and height units of what stands in it, from the bottom; None for a height that nobody gives.
    """

    first: Rack
    names: tuple[str, ...]
    devices: tuple[tuple[str, str, int | None], ...]


def elevations(factory: AIFactory, plan: Plan) -> list[Elevation]:
    """Give every distinct rack: by hall, kind, power, and the sort and height of what stands in it."""
    sorts = _sorts(factory, plan)
    alike: defaultdict[tuple[object, ...], list[Rack]] = defaultdict(list)
    for rack in plan.racks:
        alike[rack.site, rack.hall, rack.kind, rack.power, tuple(sorts[device] for device in rack.devices)].append(rack)
    return [
        Elevation(racks[0], tuple(rack.name for rack in racks), tuple((device, *sorts[device]) for device in racks[0].devices))
        for racks in alike.values()
    ]


def _sorts(factory: AIFactory, plan: Plan) -> dict[str, tuple[str, int | None]]:
    """Give each device its words and its height."""
    fabrics = {fabric.name: fabric for fabric in factory.fabrics}
    found: dict[str, tuple[str, int | None]] = {
        node.name: (f"{node.system}, pool {node.pool}", system(node.system).rack_units) for node in plan.nodes
    }
    for plane in plan.fabrics:
        units = switch_units(fabrics[plane.fabric])
        found |= {one.name: (f"{plane.fabric} {one.tier}", units) for one in plane.switches}
    for tier in plan.storage:
        found |= dict.fromkeys(tier.servers, (f"storage {tier.tier}", SERVER_UNITS))
    return found


def picture(factory: AIFactory, plan: Plan) -> Markup:
    """Draw every distinct rack."""
    found = elevations(factory, plan)
    rows = [found[start : start + _EACH_ROW] for start in range(0, len(found), _EACH_ROW)]
    high = _TOP + RACK_UNITS * _UNIT + 34
    shapes = [shape for index, row in enumerate(rows) for shape in _row(row, index * high)]
    width = 16 + max((len(row) for row in rows), default=1) * (_WIDE + _GAP)
    return svg(max(width, 460), max(len(rows), 1) * high, f"{len(found)} distinct racks of {len(plan.racks):,}", *shapes)


def _row(row: Sequence[Elevation], y: float) -> Iterator[Markup]:
    """Draw a row of racks."""
    for index, one in enumerate(row):
        yield from _rack(one, 22 + index * (_WIDE + _GAP), y + _TOP)


def _rack(one: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Draw one rack with its names above, its units, and its power and PDUs below."""
    rack, count = one.first, len(one.names)
    span = one.names[0] if count == 1 else f"{one.names[0]} … {one.names[-1]}"
    yield words(x, y - 32, f"{count:,} x {rack.kind}, hall {rack.hall}", "strong")
    yield words(x, y - 16, clipped(span, 32), "small", title=", ".join(one.names[:40]) + (" …" if count > 40 else ""))
    yield box(x, y, _WIDE, RACK_UNITS * _UNIT, "frame")
    for unit in range(6, RACK_UNITS + 1, 6):
        yield words(x - 4, y + (RACK_UNITS - unit) * _UNIT + 8, unit, "tiny", "end")
    yield from _devices(one, x, y)
    bottom = y + RACK_UNITS * _UNIT
    yield words(x, bottom + 14, watts(rack), "small")
    yield words(x, bottom + 27, f"PDUs on {', '.join(rack.pdus)}; {rack.rack_units} U", "small")


def watts(rack: Rack) -> str:
    """Say what a rack draws; what nobody gives is no zero."""
    known = f"{rack.power / 1000:g} kW" if rack.power else ""
    dark = f"{len(rack.unknown_power)} of unknown power" if rack.unknown_power else ""
    return ", ".join(part for part in (known, dark) if part) or "0 kW"


def _devices(one: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Stack a rack's devices from the bottom."""
    known = sum(units or 0 for _, _, units in one.devices)
    blank = sum(not units for _, _, units in one.devices)
    share = (RACK_UNITS - known) / blank if blank else 0.0
    low = 0.0
    for name, what, units in one.devices:
        high = float(units or share)
        top = y + (RACK_UNITS - low - high) * _UNIT
        yield box(x + 3, top + 0.5, _WIDE - 6, high * _UNIT - 1, f"rack-{one.first.kind}", f"{name}: {what}, {units or 'unknown'} U")
        if high * _UNIT >= 12:
            yield words(x + 8, top + high * _UNIT / 2 + 4, clipped(name, 28), "tiny", title=f"{name}: {what}")
        low += high
    yield from _runs(one, x, y)


def _runs(one: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Write one line over neighbours that are too thin for a name each."""
    low = 0.0
    for (what, units), run in groupby(one.devices, key=lambda device: device[1:]):
        count = len(list(run))
        high = (units or 0) * count
        if units and units * _UNIT < 12 <= high * _UNIT:
            yield words(x + _WIDE / 2, y + (RACK_UNITS - low - high / 2) * _UNIT + 4, f"{count} x {what}", "tiny halo", "middle")
        low += high

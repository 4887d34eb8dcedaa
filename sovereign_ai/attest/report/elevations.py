"""Rack elevations: each distinct rack drawn once, unit by unit, with the number of racks like it.

Heights are the catalogue's. Devices whose height no source states share what is left of their rack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, words
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import RACK_UNITS, SERVER_UNITS, Plan, Rack, switch_units
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

# Lengths are in pixels: the height of a unit, the width of a rack, the gap between two, and the space above.
_UNIT, _WIDE, _GAP, _TOP = 7, 178, 28, 56
_EACH_ROW = 4
_LEAST_NAMED = 12
"""Height in pixels from which a device has its name in it."""
_MOST_NAMES = 40
"""Names of like racks in a title."""

Sort = tuple[str, int | None]
"""Words and height units of a device; None for a height that no source states."""


@frozen_dataclass
class Elevation:
    """A rack and all racks that look like it.

    Attributes:
        first: the first of them.
        names: all of them, in the plan's order.
        devices: name, words and height units of its devices, from the bottom; None for an unknown height.
    """

    first: Rack
    names: tuple[str, ...]
    devices: tuple[tuple[str, str, int | None], ...]


def elevations(factory: AIFactory, plan: Plan) -> list[Elevation]:
    """Return every distinct rack: by site, hall, kind, power, and the sort and height of its devices."""
    # Names do not count: most racks of a large plan are alike but for them.
    sorts = _sorts(factory, plan)
    alike: defaultdict[tuple[object, ...], list[Rack]] = defaultdict(list)
    for rack in plan.racks:
        looks = tuple(sorts[device] for device in rack.devices)
        alike[rack.site, rack.hall, rack.kind, rack.power, looks].append(rack)
    distinct: list[Elevation] = []
    for racks in alike.values():
        first = racks[0]
        names = tuple(rack.name for rack in racks)
        devices = tuple((device, *sorts[device]) for device in first.devices)
        distinct.append(Elevation(first, names, devices))
    return distinct


def _sorts(factory: AIFactory, plan: Plan) -> dict[str, Sort]:
    """Return each device's words and height."""
    fabrics = {}
    for fabric in factory.fabrics:
        fabrics[fabric.name] = fabric
    sorts: dict[str, Sort] = {}
    for node in plan.nodes:
        sorts[node.name] = (f"{node.system}, pool {node.pool}", system(node.system).rack_units)
    for plane in plan.fabrics:
        fabric = fabrics[plane.fabric]
        for switch in plane.switches:
            # Spines and cores may be of another model than leaves, and of another height.
            units = switch_units(fabric, switch.tier)
            sorts[switch.name] = (f"{plane.fabric} {switch.tier}", units)
    for tier in plan.storage:
        sorts.update(dict.fromkeys(tier.servers, (f"storage {tier.tier}", SERVER_UNITS)))
    return sorts


def picture(factory: AIFactory, plan: Plan) -> Markup:
    """Return a picture of every distinct rack."""
    distinct = elevations(factory, plan)
    row_height = _TOP + RACK_UNITS * _UNIT + 34
    shapes: list[Markup] = []
    for index, elevation in enumerate(distinct):
        row, column = divmod(index, _EACH_ROW)
        shapes += _rack(elevation, 22 + column * (_WIDE + _GAP), row * row_height + _TOP)
    # Even a page without racks has room for one row of one rack.
    rows = max(-(-len(distinct) // _EACH_ROW), 1)
    columns = min(max(len(distinct), 1), _EACH_ROW)
    width = 16 + columns * (_WIDE + _GAP)
    label = f"{counted(len(distinct), 'distinct rack')} of {len(plan.racks):,}"
    return svg(max(width, 460), rows * row_height, label, *shapes)


def _rack(elevation: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Yield the shapes of one rack: its names above, its units, and its power and PDUs below."""
    rack, names = elevation.first, elevation.names
    count = len(names)
    span = names[0] if count == 1 else f"{names[0]} … {names[-1]}"
    title = ", ".join(names[:_MOST_NAMES])
    if count > _MOST_NAMES:
        title += " …"
    yield words(x, y - 32, f"{count:,} x {rack.kind}, hall {rack.hall}", "strong")
    yield words(x, y - 16, clipped(span, 32), "small", title=title)
    yield box(x, y, _WIDE, RACK_UNITS * _UNIT, "frame")
    for unit in range(6, RACK_UNITS + 1, 6):
        yield words(x - 4, y + (RACK_UNITS - unit) * _UNIT + 8, unit, "tiny", "end")
    yield from _devices(elevation, x, y)
    bottom = y + RACK_UNITS * _UNIT
    yield words(x, bottom + 14, f"{rack.power / 1000:g} kW", "small")
    yield words(x, bottom + 27, f"PDUs on {', '.join(rack.pdus)}; {rack.rack_units} U", "small")


def _devices(elevation: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Yield a rack's devices from the bottom."""
    known = sum(units or 0 for _, _, units in elevation.devices)
    unknown = sum(not units for _, _, units in elevation.devices)
    share = (RACK_UNITS - known) / unknown if unknown else 0.0
    low = 0.0
    for name, what, units in elevation.devices:
        units_high = float(units or share)
        height = units_high * _UNIT
        top = y + (RACK_UNITS - low - units_high) * _UNIT
        title = f"{name}: {what}, {units or 'unknown'} U"
        yield box(x + 3, top + 0.5, _WIDE - 6, height - 1, f"rack-{elevation.first.kind}", title)
        if height >= _LEAST_NAMED:
            yield words(x + 8, top + height / 2 + 4, clipped(name, 28), "tiny", title=f"{name}: {what}")
        low += units_high
    yield from _runs(elevation, x, y)


def _runs(elevation: Elevation, x: float, y: float) -> Iterator[Markup]:
    """Yield one line of text over neighbours that are too thin for a name each."""
    low = 0.0
    for (what, units), run in groupby(elevation.devices, key=_sort_of):
        count = len(list(run))
        high = (units or 0) * count
        if units and units * _UNIT < _LEAST_NAMED <= high * _UNIT:
            middle = y + (RACK_UNITS - low - high / 2) * _UNIT + 4
            yield words(x + _WIDE / 2, middle, f"{count} x {what}", "tiny halo", "middle")
        low += high


def _sort_of(device: tuple[str, str, int | None]) -> Sort:
    """Return words and height of a device."""
    _, what, units = device
    return what, units

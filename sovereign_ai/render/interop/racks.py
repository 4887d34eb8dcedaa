"""What stands where in a rack, and the front view of one.

Devices stand one above the other from unit 1, in the rack's order. A device whose height no source gives has no place, and
neither has what stands above it: its rack's front view says so.

    >>> Stand("train-001", "dgx-h100", 1, 8).top
    8
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from sovereign_ai.catalog.switches import switch
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.racks import SERVER_UNITS, Rack, switch_units
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.spec.factory import AIFactory

OPEN = "unknown"
_UNIT, _WIDE, _LEFT, _HEAD = 16, 300, 34, 46
_COLOURS = {"compute": "#dbeafe", "network": "#dcfce7", "storage": "#fef3c7"}


@dataclass(frozen=True, slots=True)
class Model:
    """What a device is.

    Attributes:
        maker: its maker, or `unknown`.
        name: its model, or what it does where no catalogue knows it.
        units: its height; 0 beside the units, None where no source gives it.
    """

    maker: str
    name: str
    units: int | None


@dataclass(frozen=True, slots=True)
class Stand:
    """A device in its rack.

    Attributes:
        device: its name.
        model: its model.
        unit: its lowest unit, counted from 1 at the bottom; None where that is not known.
        units: its height; None where no source gives it.
    """

    device: str
    model: str
    unit: int | None
    units: int | None

    @property
    def top(self) -> int | None:
        """Give its highest unit."""
        return None if self.unit is None or self.units is None else self.unit + self.units - 1


def models(factory: AIFactory, plan: Plan) -> dict[str, Model]:
    """Give device to model; rack PDUs stand upright beside the units and take none of them."""
    found = {}
    for node in plan.nodes:
        machine = system(node.system)
        found[node.name] = Model(machine.vendor, machine.name, machine.rack_units)
    wished = {fabric.name: fabric for fabric in factory.fabrics}
    for plane in plan.fabrics:
        fabric = wished[plane.fabric]
        known = switch(fabric.switch) if fabric.switch else None
        maker, name = (known.vendor, known.name) if known else (OPEN, f"{plane.kind}-{plane.radix}-ports")
        found.update(dict.fromkeys((one.name for one in plane.switches), Model(maker, name, switch_units(fabric))))
    for tier in plan.storage:
        found.update(dict.fromkeys(tier.servers, Model(OPEN, f"{tier.protocol}-storage-server", SERVER_UNITS)))
    for rack in plan.racks:
        found.update(dict.fromkeys(rack.pdu_names, Model(OPEN, "rack-pdu", 0)))
    return found


def stands(rack: Rack, known: Mapping[str, Model]) -> Iterator[Stand]:
    """Give a rack's devices from the bottom."""
    unit: int | None = 1
    for device in rack.devices:
        model = known[device]
        yield Stand(device, model.name, unit, model.units)
        unit = None if unit is None or model.units is None else unit + model.units


def face(rack: Rack, known: Mapping[str, Model]) -> str:
    """Draw a rack's front as SVG: each device in its units, with its name, its model and its lowest unit."""
    high = _HEAD + RACK_UNITS * _UNIT + 12
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDE + 12}" height="{high}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(rack.name)}</title>",
        f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(rack.name)}, hall {escape(rack.hall)}, row {rack.row}</text>',
        f'<text x="{_LEFT}" y="34">{escape(rack.kind)}, {rack.rack_units} of {RACK_UNITS} U, PDUs on {escape(", ".join(rack.pdus))}</text>',
        f'<rect x="{_LEFT}" y="{_HEAD}" width="{_WIDE}" height="{RACK_UNITS * _UNIT}" fill="#f9fafb" stroke="#374151"/>',
    ]
    shapes += [
        f'<text x="{_LEFT - 6}" y="{_HEAD + (RACK_UNITS - unit) * _UNIT + 12}" text-anchor="end" fill="#6b7280" font-size="9">{unit}</text>'
        for unit in range(1, RACK_UNITS + 1)
    ]
    lost = []
    for one in stands(rack, known):
        if one.unit is None or one.units is None or one.top is None:
            lost.append(one.device)
            continue
        y = _HEAD + (RACK_UNITS - one.top) * _UNIT
        shapes.append(
            f'<rect x="{_LEFT + 2}" y="{y + 1}" width="{_WIDE - 4}" height="{one.units * _UNIT - 2}" '
            f'fill="{_COLOURS.get(rack.kind, "#e5e7eb")}" stroke="#6b7280"/>'
            f'<text x="{_LEFT + 8}" y="{y + one.units * _UNIT / 2 + 4:g}">{escape(one.device)}</text>'
            f'<text x="{_LEFT + _WIDE - 8}" y="{y + one.units * _UNIT / 2 + 4:g}" text-anchor="end" fill="#4b5563">{escape(one.model)}</text>'
        )
    if lost:
        said = f"without a known place: {', '.join(lost[:4])}" + (" …" if len(lost) > 4 else "")
        shapes.append(f'<text x="{_LEFT + 8}" y="{_HEAD + 14}" fill="#b91c1c">{escape(said)}</text>')
    return "\n".join([*shapes, "</svg>"]) + "\n"

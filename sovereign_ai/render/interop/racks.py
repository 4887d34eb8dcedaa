"""Devices in the units of their racks, and the front view of a rack.

Devices are mounted one above the other from unit 1, in the rack's order. A device whose height no source
states has no known unit, and neither has any device above it; the rack's front view lists them.

    >>> MountedDevice("train-001", "dgx-h100", 1, 8).top
    8
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import RACK_UNITS, SERVER_UNITS, Plan, Rack, switch_units
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.spec import AIFactory, Fabric

OPEN = "unknown"
# Lengths are in pixels: the height of a unit, the width of a rack, and the space left of it and above it.
_UNIT, _WIDE, _LEFT, _HEAD = 16, 300, 34, 46
_MOST_LOST = 4
"""Devices without a known unit that are listed by name."""
_COLOURS = {"compute": "#dbeafe", "network": "#dcfce7", "storage": "#fef3c7"}


@frozen_dataclass
class DeviceModel:
    """The model of a device.

    Attributes:
        maker: its maker, or `unknown`.
        name: its model, or its purpose where no catalogue knows it.
        units: its height; 0 where it is mounted beside the units, None where no source states it.
    """

    maker: str
    name: str
    units: int | None


@frozen_dataclass
class MountedDevice:
    """A device in its rack.

    Attributes:
        device: its name.
        model: its model.
        unit: its lowest unit, counted from 1 at the bottom; None where that is not known.
        units: its height; None where no source states it.
    """

    device: str
    model: str
    unit: int | None
    units: int | None

    @property
    def top(self) -> int | None:
        """Its highest unit; None where that is not known."""
        if self.unit is None or self.units is None:
            return None
        return self.unit + self.units - 1


def models(factory: AIFactory, plan: Plan) -> dict[str, DeviceModel]:
    """Return device to model; rack PDUs are mounted upright beside the units and use none of them."""
    models_of: dict[str, DeviceModel] = {}
    for node in plan.nodes:
        machine = system(node.system)
        models_of[node.name] = DeviceModel(machine.vendor, machine.name, machine.rack_units)
    fabrics = {}
    for fabric in factory.fabrics:
        fabrics[fabric.name] = fabric
    for plane in plan.fabrics:
        for device in plane.switches:
            models_of[device.name] = _switch_model(fabrics[plane.fabric], plane, device.tier)
    for tier in plan.storage:
        server = DeviceModel(OPEN, f"{tier.protocol}-storage-server", SERVER_UNITS)
        models_of.update(dict.fromkeys(tier.servers, server))
    pdu = DeviceModel(OPEN, "rack-pdu", 0)
    for rack in plan.racks:
        models_of.update(dict.fromkeys(rack.pdu_names, pdu))
    return models_of


def _switch_model(fabric: Fabric, plane: FabricPlan, tier: str) -> DeviceModel:
    """Return the model of a fabric's switches of a tier.

    A model that the description does not name is called by its number of ports.
    """
    units = switch_units(fabric, tier)
    name = fabric.switch_of(tier)
    known = switch(name) if name else None
    if known is not None:
        return DeviceModel(known.vendor, known.name, units)
    ports = plane.radix
    if tier == "border":
        ports = plane.border_ports
    elif tier != "leaf" and plane.spine_radix:
        ports = plane.spine_radix
    return DeviceModel(OPEN, f"{plane.kind}-{ports}-ports", units)


def mounted_devices(rack: Rack, known: Mapping[str, DeviceModel]) -> Iterator[MountedDevice]:
    """Yield a rack's devices from the bottom."""
    unit: int | None = 1
    for device in rack.devices:
        model = known[device]
        yield MountedDevice(device, model.name, unit, model.units)
        # The unit above a device of unknown height is unknown, and so is every unit after it.
        if unit is not None:
            unit = None if model.units is None else unit + model.units


def rack_front_svg(rack: Rack, known: Mapping[str, DeviceModel]) -> str:
    """Return a rack's front as SVG: each device in its units, with its name and its model."""
    width, height = _LEFT + _WIDE + 12, _HEAD + RACK_UNITS * _UNIT + 12
    pdus = escape(", ".join(rack.pdus))
    title = f"{escape(rack.name)}, hall {escape(rack.hall)}, row {rack.row}"
    facts = f"{escape(rack.kind)}, {rack.rack_units} of {RACK_UNITS} U, PDUs on {pdus}"
    size = f'width="{width}" height="{height}"'
    inside = f'x="{_LEFT}" y="{_HEAD}" width="{_WIDE}" height="{RACK_UNITS * _UNIT}"'
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        f"<title>{escape(rack.name)}</title>",
        f'<text x="{_LEFT}" y="16" font-weight="bold">{title}</text>',
        f'<text x="{_LEFT}" y="34">{facts}</text>',
        f'<rect {inside} fill="#f9fafb" stroke="#374151"/>',
    ]
    for unit in range(1, RACK_UNITS + 1):
        y = _top_of(unit) + 12
        place = f'x="{_LEFT - 6}" y="{y}" text-anchor="end"'
        shapes.append(f'<text {place} fill="#6b7280" font-size="9">{unit}</text>')
    lost: list[str] = []
    for stand in mounted_devices(rack, known):
        if stand.top is None:
            lost.append(stand.device)
        else:
            shapes.append(_device_shape(stand, stand.top, rack.kind))
    if lost:
        note = f"without a known place: {', '.join(lost[:_MOST_LOST])}"
        if len(lost) > _MOST_LOST:
            note += " …"
        shapes.append(f'<text x="{_LEFT + 8}" y="{_HEAD + 14}" fill="#b91c1c">{escape(note)}</text>')
    return "\n".join([*shapes, "</svg>"]) + "\n"


def _top_of(unit: int) -> int:
    """Return the y of a unit's upper edge: SVG counts downwards, a rack upwards."""
    return _HEAD + (RACK_UNITS - unit) * _UNIT


def _device_shape(stand: MountedDevice, top: int, kind: str) -> str:
    """Return the shapes of a device: a box over its units, its name and its model.

    Args:
        stand: the device.
        top: its highest unit.
        kind: the kind of its rack, which decides the colour.
    """
    y = _top_of(top)
    height = (stand.units or 0) * _UNIT
    middle = y + height / 2 + 4
    colour = _COLOURS.get(kind, "#e5e7eb")
    box = f'x="{_LEFT + 2}" y="{y + 1}" width="{_WIDE - 4}" height="{height - 2}"'
    model = f'x="{_LEFT + _WIDE - 8}" y="{middle:g}" text-anchor="end" fill="#4b5563"'
    return (
        f'<rect {box} fill="{colour}" stroke="#6b7280"/>'
        f'<text x="{_LEFT + 8}" y="{middle:g}">{escape(stand.device)}</text>'
        f"<text {model}>{escape(stand.model)}</text>"
    )

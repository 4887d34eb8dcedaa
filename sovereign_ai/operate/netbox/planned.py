"""The plan's inventory as objects of NetBox, from the same tables as its import files.

What an object refers to is named by kind and key, since numbers are NetBox's and exist only afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import netbox_tables
from sovereign_ai.spec import AIFactory

Key = tuple[str, ...]
"""What tells an object from others of its kind, such as site and name of a device."""

SHARED = ("manufacturers", "device-roles", "device-types")
"""Kinds that all factories of a NetBox share, in an order in which each refers to those before."""
OWNED = ("sites", "racks", "devices", "interfaces", "cables", "vrfs", "prefixes", "ip-addresses")
"""Kinds of which every object belongs to one factory, in such an order."""
KINDS = (*SHARED, *OWNED)


@frozen_dataclass
class Reference:
    """Another object.

    Attributes:
        kind: its kind.
        key: its key.
    """

    kind: str
    key: Key

    def __str__(self) -> str:
        return " ".join(self.key)


Value = str | int | bool | Decimal | Reference | None


@frozen_dataclass
class PlannedObject:
    """An object that the plan wants.

    Attributes:
        kind: its kind.
        key: its key.
        kept: fields that are compared, and put back where they differ.
        initial: fields of its creation: the key's own, and the status, which is the operators' from then on.
        ends: the two interfaces of a cable.
    """

    kind: str
    key: Key
    kept: Mapping[str, Value] = field(default_factory=dict)
    initial: Mapping[str, Value] = field(default_factory=dict)
    ends: tuple[Reference, ...] = ()

    @property
    def is_outside(self) -> bool:
        """Whether it is a port to the outside."""
        return self.kind == "interfaces" and "enabled" in self.initial


Planned = Mapping[str, Mapping[Key, PlannedObject]]
"""Kind to key to object."""
_Cells = Mapping[str, object]


def planned_objects(factory: AIFactory, plan: Plan) -> Planned:
    """Return everything that the plan wants in NetBox."""
    tables = netbox_tables(factory, plan)
    columns, rows = tables["devices"]
    name, site = columns.index("name"), columns.index("site")
    sites: dict[str, str] = {}
    for row in rows:
        sites[str(row[name])] = str(row[site])
    makers: dict[str, Callable[[_Cells], PlannedObject]] = {
        "manufacturers": lambda cells: _shared("manufacturers", cells, "slug"),
        "device-roles": lambda cells: _shared("device-roles", cells, "slug"),
        "device-types": _device_type,
        "sites": _site,
        "racks": _rack,
        "devices": _device,
        "interfaces": lambda cells: _interface(cells, sites),
        "cables": _cable,
        "vrfs": _vrf,
        "prefixes": _prefix,
        "ip-addresses": lambda cells: _address(cells, sites),
    }
    planned: dict[str, dict[Key, PlannedObject]] = {}
    for kind in KINDS:
        head, body = tables[kind]
        planned[kind] = _keyed(makers[kind](dict(zip(head, row, strict=True))) for row in body)
    # Ports to the outside are interfaces as well; a plan without any has no such table.
    head, body = tables.get("outside-ports", ((), ()))
    planned["interfaces"] |= _keyed(_outside_port(dict(zip(head, row, strict=True)), sites) for row in body)
    return planned


def cable_key(ends: Iterable[Key]) -> Key:
    """Return the key of a cable: its ends in order, since NetBox's sides A and B mean nothing here."""
    key: list[str] = []
    for end in sorted(ends):
        key += end
    return tuple(key)


def _keyed(objects: Iterable[PlannedObject]) -> dict[Key, PlannedObject]:
    keyed = {}
    for planned in objects:
        keyed[planned.key] = planned
    return keyed


def _text(cells: _Cells, name: str) -> str:
    return str(cells[name])


def _shared(kind: str, cells: _Cells, key: str) -> PlannedObject:
    initial = {name: str(value) for name, value in cells.items()}
    return PlannedObject(kind, (initial[key],), {}, initial)


def _device_type(cells: _Cells) -> PlannedObject:
    maker, model = _text(cells, "manufacturer"), _text(cells, "model")
    initial: dict[str, Value] = {"manufacturer": Reference("manufacturers", (maker,)), "model": model}
    initial |= {"slug": _text(cells, "slug"), "u_height": Decimal(_text(cells, "u_height"))}
    return PlannedObject("device-types", (maker, model), {}, initial)


def _site(cells: _Cells) -> PlannedObject:
    name = _text(cells, "name")
    initial = {"name": name, "slug": _text(cells, "slug"), "status": _text(cells, "status")}
    return PlannedObject("sites", (name,), {}, initial)


def _rack(cells: _Cells) -> PlannedObject:
    site, name = _text(cells, "site"), _text(cells, "name")
    initial: dict[str, Value] = {"site": Reference("sites", (site,)), "name": name}
    initial["status"] = _text(cells, "status")
    kept = {"width": int(_text(cells, "width")), "u_height": int(_text(cells, "u_height"))}
    return PlannedObject("racks", (site, name), kept, initial)


def _device(cells: _Cells) -> PlannedObject:
    site, name = _text(cells, "site"), _text(cells, "name")
    initial: dict[str, Value] = {"site": Reference("sites", (site,)), "name": name}
    initial["status"] = _text(cells, "status")
    model = (_text(cells, "manufacturer"), _text(cells, "device_type"))
    kept: dict[str, Value] = {"role": Reference("device-roles", (_text(cells, "role"),))}
    kept["device_type"] = Reference("device-types", model)
    kept["rack"] = Reference("racks", (site, _text(cells, "rack")))
    kept["position"] = Decimal(_text(cells, "position")) if cells["position"] else None
    kept["face"] = _text(cells, "face")
    return PlannedObject("devices", (site, name), kept, initial)


def _interface(cells: _Cells, sites: Mapping[str, str]) -> PlannedObject:
    device = _text(cells, "device")
    place = (sites[device], device)
    initial: dict[str, Value] = {"device": Reference("devices", place), "name": _text(cells, "name")}
    return PlannedObject(
        "interfaces", (*place, _text(cells, "name")), {"type": _text(cells, "type")}, initial
    )


def _outside_port(cells: _Cells, sites: Mapping[str, str]) -> PlannedObject:
    """Return a port to the outside: shut and described when it is created, and then its user's."""
    port = _interface(cells, sites)
    shut: dict[str, Value] = {"enabled": False, "description": _text(cells, "description")}
    return PlannedObject("interfaces", port.key, {}, {**port.initial, **port.kept, **shut})


def _cable(cells: _Cells) -> PlannedObject:
    keys = []
    for side in ("side_a", "side_b"):
        place = [_text(cells, f"{side}_{part}") for part in ("site", "device", "name")]
        keys.append(tuple(place))
    kept: dict[str, Value] = {"label": _text(cells, "label"), "length": Decimal(_text(cells, "length"))}
    kept["length_unit"] = _text(cells, "length_unit")
    ends = tuple(Reference("interfaces", key) for key in keys)
    return PlannedObject("cables", cable_key(keys), kept, {"status": _text(cells, "status")}, ends)


def _vrf(cells: _Cells) -> PlannedObject:
    name = _text(cells, "name")
    kept: dict[str, Value] = {"enforce_unique": True, "description": _text(cells, "description")}
    return PlannedObject("vrfs", (name,), kept, {"name": name})


def _prefix(cells: _Cells) -> PlannedObject:
    vrf, prefix = _text(cells, "vrf"), _text(cells, "prefix")
    initial: dict[str, Value] = {"prefix": prefix, "vrf": Reference("vrfs", (vrf,))}
    initial["status"] = _text(cells, "status")
    return PlannedObject("prefixes", (vrf, prefix), {"description": _text(cells, "description")}, initial)


def _address(cells: _Cells, sites: Mapping[str, str]) -> PlannedObject:
    vrf, address, device = _text(cells, "vrf"), _text(cells, "address"), _text(cells, "device")
    initial: dict[str, Value] = {"address": address, "vrf": Reference("vrfs", (vrf,))}
    initial["status"] = _text(cells, "status")
    port = Reference("interfaces", (sites[device], device, _text(cells, "interface")))
    return PlannedObject("ip-addresses", (vrf, address), {"interface": port}, initial)

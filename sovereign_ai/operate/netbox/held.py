"""What a NetBox holds of a factory, and what others have there under names that the plan needs.

Nothing is believed because of a filter: NetBox ignores one that it does not know, so each object's own mark
is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.netbox.answers import NetBoxRow, bad_answer, list_rows
from sovereign_ai.operate.netbox.connection import NetBoxConnection
from sovereign_ai.operate.netbox.planned import OWNED, SHARED, Key, Planned, PlannedObject, cable_key

MARK = "sovereign_ai_factory"
"""Custom field that holds the name of the factory that an object belongs to."""
CONTENT_TYPES = {
    "sites": "dcim.site",
    "racks": "dcim.rack",
    "devices": "dcim.device",
    "interfaces": "dcim.interface",
    "cables": "dcim.cable",
    "vrfs": "ipam.vrf",
    "prefixes": "ipam.prefix",
    "ip-addresses": "ipam.ipaddress",
}
"""Kind to NetBox's name of its model."""
_LEAST_MAJOR = 4
_CHUNK = 50
"""Values of one filter, so that no address gets too long."""
_DEVICE_PARTS = (
    "interface_count",
    "console_port_count",
    "console_server_port_count",
    "power_port_count",
    "power_outlet_count",
    "cooling_intake_count",
    "cooling_outflow_count",
    "front_port_count",
    "rear_port_count",
    "device_bay_count",
    "module_bay_count",
    "inventory_item_count",
)
_SITE_PARTS = (
    "circuit_count",
    "device_count",
    "prefix_count",
    "rack_count",
    "virtualmachine_count",
    "vlan_count",
)
_FIELDS = {
    "manufacturers": ("name", "slug"),
    "device-roles": ("name", "slug"),
    "device-types": ("manufacturer", "model", "slug"),
    "sites": ("name", "slug", *_SITE_PARTS, "custom_fields"),
    "racks": ("site", "name", "width", "u_height", "device_count", "powerfeed_count", "custom_fields"),
    "devices": (
        "site",
        "name",
        "role",
        "device_type",
        "rack",
        "position",
        "face",
        *_DEVICE_PARTS,
        "custom_fields",
    ),
    "interfaces": (
        "device",
        "name",
        "type",
        "enabled",
        "description",
        "cable",
        "count_ipaddresses",
        "custom_fields",
    ),
    "cables": (
        "a_terminations",
        "b_terminations",
        "label",
        "length",
        "length_unit",
        "status",
        "custom_fields",
    ),
    "vrfs": ("name", "enforce_unique", "description", "ipaddress_count", "prefix_count", "custom_fields"),
    "prefixes": ("prefix", "vrf", "description", "custom_fields"),
    "ip-addresses": ("address", "vrf", "assigned_object_type", "assigned_object_id", "custom_fields"),
}
"""Kind to the fields that are asked for; NetBox needs far longer for all of them."""
HeldValue = str | int | bool | Decimal | None
Owner = tuple[str, int]
"""Kind and number of an object that another one is part of."""


@frozen_dataclass
class NetBoxObject:
    """An object of NetBox that is the factory's.

    Attributes:
        kind: its kind.
        number: NetBox's number of it.
        key: its key.
        values: fields that are compared; what it refers to by number.
        owners: the objects that count it as their part.
        parts: how many parts NetBox counts, its own and others'.
    """

    kind: str
    number: int
    key: Key
    values: Mapping[str, HeldValue]
    owners: tuple[Owner, ...] = ()
    parts: int = 0


@frozen_dataclass
class ForeignObject:
    """An object of somebody else where the plan needs its name or its port.

    Attributes:
        kind: its kind.
        key: the key of the plan's object.
        number: NetBox's number of it.
        owner: the factory that its mark names; empty for nobody's.
    """

    kind: str
    key: Key
    number: int
    owner: str

    def to_problem(self, factory: str) -> Problem:
        """Return the problem that nothing can be written as long as it is there."""
        whose = f"belongs to the factory {self.owner}" if self.owner else "carries no mark of this program"
        what = f"{self.kind} {' '.join(self.key)}: NetBox's number {self.number} {whose}"
        hint = f"rename or remove it in NetBox; or set its field {MARK} to {factory}, if it is this factory's"
        return Problem("not-ours", what, hint=hint)


@dataclass(slots=True)
class Held:
    """What a NetBox holds.

    Attributes:
        version: its version.
        factory: the name whose objects were looked for.
        is_marked: whether the custom field exists.
        own: kind to key to object, of the factory's.
        surplus: further objects of the factory under a key that another one has.
        shared: kind to key to number, of what all factories share.
        foreign: what others have in the plan's places.
    """

    version: str
    factory: str
    is_marked: bool = False
    own: dict[str, dict[Key, NetBoxObject]] = field(default_factory=dict)
    surplus: list[NetBoxObject] = field(default_factory=list)
    shared: dict[str, dict[Key, int]] = field(default_factory=dict)
    foreign: list[ForeignObject] = field(default_factory=list)
    _keys: dict[Owner, Key] = field(default_factory=dict)

    def number(self, kind: str, key: Key) -> int | None:
        """Return the number of an object; None where NetBox has none."""
        if kind in self.shared:
            return self.shared[kind].get(key)
        held = self.own.get(kind, {}).get(key)
        return None if held is None else held.number

    def key_of(self, kind: str, number: int | None) -> Key:
        """Return the key of an object of the factory; of others only their number, which no plan has."""
        if number is None:
            return ("", "")
        return self._keys.get((kind, number), (f"#{number}",))

    def add(self, held: NetBoxObject) -> None:
        """Add an object of the factory."""
        objects = self.own.setdefault(held.kind, {})
        if held.key in objects:
            self.surplus.append(held)
        else:
            objects[held.key] = held
        self._keys[held.kind, held.number] = held.key

    def add_foreign(self, foreign: ForeignObject) -> None:
        """Add an object of somebody else, once: a cable is met at both of its ends."""
        if foreign not in self.foreign:
            self.foreign.append(foreign)

    def objects(self) -> Iterator[NetBoxObject]:
        """Yield every object of the factory."""
        for objects in self.own.values():
            yield from objects.values()
        yield from self.surplus


def read_held(
    connection: NetBoxConnection,
    factory: str,
    planned: Planned,
    progress: Callable[[str], None] = lambda _: None,
) -> Held:
    """Read what a NetBox holds of a factory, and what stands in its way.

    Raises:
        EnvironmentLacksError: NetBox cannot be read, is too old, or its custom field is another one.
    """
    held = Held(_version(connection), factory)
    held.is_marked = _is_marked(connection)
    for kind in SHARED:
        held.shared[kind] = _read_shared(connection, kind, planned[kind].values())
    for kind in OWNED:
        held.own[kind] = {}
        # NetBox ignores a filter by a field that does not exist, and would list everything.
        if held.is_marked:
            _read_own(connection, kind, held, progress)
    _find_foreign(connection, planned, held, progress)
    return held


def parts_of_others(held: Held) -> dict[Owner, int]:
    """Return how many parts each object of the factory has that are not the factory's; only where any."""
    own_parts: Counter[Owner] = Counter()
    for part in held.objects():
        own_parts.update(part.owners)
    others = {}
    for whole in held.objects():
        count = whole.parts - own_parts[whole.kind, whole.number]
        if count > 0:
            others[whole.kind, whole.number] = count
    return others


def _version(connection: NetBoxConnection) -> str:
    """Return NetBox's version.

    Raises:
        EnvironmentLacksError: it is no NetBox, or one before version 4.
    """
    status = connection.request("GET", "status/")
    if not isinstance(status, Mapping):
        raise bad_answer("no status")
    version = NetBoxRow("status", status).text("netbox-version")
    major = version.partition(".")[0]
    if not major.isdecimal() or len(major) > 3:
        raise bad_answer("no version")
    if int(major) < _LEAST_MAJOR:
        message = f"NetBox is of version {version[:20]}"
        raise EnvironmentLacksError(Problem("netbox-old", message, hint="version 4 or later is needed"))
    return version


def _is_marked(connection: NetBoxConnection) -> bool:
    """Return whether the custom field exists.

    Raises:
        EnvironmentLacksError: a field of its name exists, and is another one.
    """
    fields = ("name", "type", "object_types")
    for row in list_rows(connection, "custom-fields", [("name", MARK)], fields):
        if row.text("name") != MARK:
            continue
        kinds = row.data.get("object_types")
        missing = []
        for model in CONTENT_TYPES.values():
            if not isinstance(kinds, list) or model not in kinds:
                missing.append(model)
        if row.choice("type") != "text" or missing:
            lacks = f"; it lacks {', '.join(missing)}" if missing else ""
            message = f"NetBox's custom field {MARK} is no text of all kinds that are written{lacks}"
            hint = "correct it in NetBox, or rename it where it is somebody else's"
            raise EnvironmentLacksError(Problem("netbox-field", message, hint=hint))
        return True
    return False


def _chunks(values: Collection[object]) -> Iterator[list[object]]:
    """Yield values in lists that fit into an address."""
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _search(
    connection: NetBoxConnection, kind: str, name: str, values: Collection[object]
) -> Iterator[NetBoxRow]:
    """Yield the objects of which a field has one of some values."""
    for chunk in _chunks(values):
        query = [(name, value) for value in chunk]
        yield from list_rows(connection, kind, query, _FIELDS[kind])


def _read_shared(
    connection: NetBoxConnection, kind: str, planned: Collection[PlannedObject]
) -> dict[Key, int]:
    """Return the numbers of what is shared, which may have another's capitals or a slug of its own."""
    names = {}
    for wanted in planned:
        for part in ("slug", "model" if kind == "device-types" else "name"):
            names[_folded(wanted.key[:-1], str(wanted.initial[part]))] = wanted.key
    numbers: dict[Key, int] = {}
    rows = list_rows(connection, kind, [], _FIELDS[kind])
    for row in rows:
        maker = row.inner("manufacturer")
        above = () if maker is None else (maker.text("slug"),)
        for part in ("slug", "model" if kind == "device-types" else "name"):
            key = names.get(_folded(above, row.text(part)))
            if key is not None:
                numbers.setdefault(key, row.number())
    return numbers


def _folded(above: Sequence[str], name: str) -> Key:
    return (*(part.casefold() for part in above), name.casefold())


def _read_own(connection: NetBoxConnection, kind: str, held: Held, progress: Callable[[str], None]) -> None:
    """Read the factory's objects of a kind."""
    rows = list_rows(connection, kind, [(f"cf_{MARK}", held.factory)], _FIELDS[kind])
    for count, row in enumerate(rows, 1):
        if count % 1_000 == 0:
            progress(f"NetBox: read {count:,} {kind}")
        if row.mark(MARK) == held.factory:
            held.add(_READERS[kind](row, held))


def _site(row: NetBoxRow, _: Held) -> NetBoxObject:
    return NetBoxObject("sites", row.number(), (row.text("name"),), {}, (), row.count(*_SITE_PARTS))


def _rack(row: NetBoxRow, held: Held) -> NetBoxObject:
    site = row.reference("site")
    key = (*held.key_of("sites", site), row.text("name"))
    values = {"width": row.choice("width"), "u_height": row.number("u_height")}
    parts = row.count("device_count", "powerfeed_count")
    return NetBoxObject("racks", row.number(), key, values, _owners(("sites", site)), parts)


def _device(row: NetBoxRow, held: Held) -> NetBoxObject:
    site, rack = row.reference("site"), row.reference("rack")
    values: dict[str, HeldValue] = {"rack": rack, "role": row.reference("role")}
    values["device_type"] = row.reference("device_type")
    values["position"] = row.decimal("position")
    values["face"] = row.choice("face")
    key = (*held.key_of("sites", site), row.text("name"))
    owners = _owners(("sites", site), ("racks", rack))
    return NetBoxObject("devices", row.number(), key, values, owners, row.count(*_DEVICE_PARTS))


def _interface(row: NetBoxRow, held: Held) -> NetBoxObject:
    device = row.reference("device")
    key = (*held.key_of("devices", device), row.text("name"))
    parts = row.count("count_ipaddresses") + (row.inner("cable") is not None)
    values: dict[str, HeldValue] = {"type": row.choice("type"), "description": row.text("description")}
    values["enabled"] = row.data.get("enabled") is not False
    return NetBoxObject("interfaces", row.number(), key, values, _owners(("devices", device)), parts)


def _cable(row: NetBoxRow, held: Held) -> NetBoxObject:
    ends: list[Key] = []
    owners: list[Owner] = []
    for side in ("a_terminations", "b_terminations"):
        for end in row.inner_rows(side):
            number = end.number("object_id")
            is_port = end.text("object_type") == CONTENT_TYPES["interfaces"]
            ends.append(held.key_of("interfaces", number) if is_port else ("", str(number)))
            if is_port:
                owners.append(("interfaces", number))
    values: dict[str, HeldValue] = {"label": row.text("label"), "length": row.decimal("length")}
    values["length_unit"] = row.choice("length_unit")
    values["status"] = row.choice("status")
    return NetBoxObject("cables", row.number(), cable_key(ends), values, tuple(owners))


def _vrf(row: NetBoxRow, _: Held) -> NetBoxObject:
    is_unique = row.data.get("enforce_unique") is True
    values: dict[str, HeldValue] = {"enforce_unique": is_unique, "description": row.text("description")}
    parts = row.count("ipaddress_count", "prefix_count")
    return NetBoxObject("vrfs", row.number(), (row.text("name"),), values, (), parts)


def _prefix(row: NetBoxRow, held: Held) -> NetBoxObject:
    vrf = row.reference("vrf")
    key = (*held.key_of("vrfs", vrf), row.text("prefix"))
    values = {"description": row.text("description")}
    return NetBoxObject("prefixes", row.number(), key, values, _owners(("vrfs", vrf)))


def _address(row: NetBoxRow, held: Held) -> NetBoxObject:
    vrf = row.reference("vrf")
    port = None
    if row.text("assigned_object_type") == CONTENT_TYPES["interfaces"]:
        port = row.number("assigned_object_id")
    key = (*held.key_of("vrfs", vrf), row.text("address"))
    owners = _owners(("vrfs", vrf), ("interfaces", port))
    return NetBoxObject("ip-addresses", row.number(), key, {"interface": port}, owners)


def _owners(*candidates: tuple[str, int | None]) -> tuple[Owner, ...]:
    owners = []
    for kind, number in candidates:
        if number is not None:
            owners.append((kind, number))
    return tuple(owners)


_READERS: Mapping[str, Callable[[NetBoxRow, Held], NetBoxObject]] = {
    "sites": _site,
    "racks": _rack,
    "devices": _device,
    "interfaces": _interface,
    "cables": _cable,
    "vrfs": _vrf,
    "prefixes": _prefix,
    "ip-addresses": _address,
}


def _find_foreign(
    connection: NetBoxConnection, planned: Planned, held: Held, progress: Callable[[str], None]
) -> None:
    """Look for objects of others in the places of what the factory lacks.

    A place within something that does not exist yet is free: a rack of a site that is created, for example.
    """
    for kind in OWNED:
        missing: dict[Key, Key] = {}
        for key in planned[kind]:
            if key not in held.own[kind]:
                missing[_folded(key[:-1], key[-1])] = key
        if not missing:
            continue
        progress(f"NetBox: looking for {kind} of others")
        if kind == "cables":
            _find_foreign_cables(connection, planned, held)
            continue
        for row in _candidates(connection, kind, held, missing):
            if held.is_marked and row.mark(MARK) == held.factory:
                continue
            _note_foreign(row, held, missing)


def _candidates(
    connection: NetBoxConnection, kind: str, held: Held, missing: Mapping[Key, Key]
) -> Iterator[NetBoxRow]:
    """Yield what NetBox has near what is missing."""
    if kind in {"sites", "vrfs"}:
        names = sorted(key[-1] for key in missing.values())
        yield from _search(connection, kind, "name", names)
        if kind == "sites":
            yield from _search(connection, kind, "slug", names)
        return
    above, query = _ABOVE[kind]
    numbers = set()
    for key in missing.values():
        number = held.number(above, key[:-1])
        if number is not None:
            numbers.add(number)
    yield from _search(connection, kind, query, sorted(numbers))


_ABOVE = {
    "racks": ("sites", "site_id"),
    "devices": ("sites", "site_id"),
    "interfaces": ("devices", "device_id"),
    "prefixes": ("vrfs", "vrf_id"),
    "ip-addresses": ("vrfs", "vrf_id"),
}
"""Kind to what its objects are in, and NetBox's filter by that."""


def _note_foreign(row: NetBoxRow, held: Held, missing: Mapping[Key, Key]) -> None:
    """Note an object of somebody else, if it is in the place of one that is missing."""
    kind = row.kind
    if kind in {"sites", "vrfs"}:
        names = {row.text("name"), row.text("slug")}
        keys = [_folded((), name) for name in names]
    else:
        key = _READERS[kind](row, held).key
        keys = [_folded(key[:-1], key[-1])]
    for place in keys:
        if place in missing:
            held.add_foreign(ForeignObject(kind, missing[place], row.number(), row.mark(MARK)))


def _find_foreign_cables(connection: NetBoxConnection, planned: Planned, held: Held) -> None:
    """Note the cables of others in the factory's own ports."""
    taken = _ports_of_others(held)
    places: dict[int, Key] = {}
    for cable in planned["cables"].values():
        for end in cable.ends:
            number = held.number("interfaces", end.key)
            if number in taken:
                places[taken[number]] = cable.key
    for row in _search(connection, "interfaces", "id", sorted(places)):
        foreign = row.inner("cable")
        if foreign is not None:
            # The interface names the cable without its mark; that of another factory is one all the same.
            held.add_foreign(ForeignObject("cables", places[row.number()], foreign.number(), ""))


def _ports_of_others(held: Held) -> dict[int | None, int]:
    """Return the factory's ports without a cable of its own, in which NetBox counts something."""
    own: set[Owner] = set()
    for cable in held.objects():
        if cable.kind == "cables":
            own.update(cable.owners)
    taken: dict[int | None, int] = {}
    for port in held.own["interfaces"].values():
        if port.parts and ("interfaces", port.number) not in own:
            taken[port.number] = port.number
    return taken

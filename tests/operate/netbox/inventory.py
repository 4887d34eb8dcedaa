"""A small inventory: two machines and a leaf in one rack, two cables, two addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from sovereign_ai.operate.netbox import (
    NetBoxConnection,
    Push,
    PushOutcome,
    compare,
    parse_netbox_url,
    read_held,
)
from sovereign_ai.operate.netbox.difference import PushDifference
from sovereign_ai.operate.netbox.held import Held
from sovereign_ai.operate.netbox.planned import (
    KINDS,
    Key,
    Planned,
    PlannedObject,
    Reference,
    Value,
    cable_key,
)
from sovereign_ai.render.interop import OUTSIDE_PORT
from tests.operate.netbox.fake_netbox import TOKEN, FakeNetBox

FACTORY = "small"
Tables = dict[str, dict[Key, PlannedObject]]


def planned(machines: Iterable[str] = ("train-001", "train-002"), first: int = 1) -> Tables:
    """Return the plan: machines one above the other from a height unit on, each with a cable to the leaf."""
    tables: Tables = {kind: {} for kind in KINDS}
    put(tables, "manufacturers", ("nvidia",), name="nvidia", slug="nvidia")
    put(tables, "device-roles", ("gpu-node",), name="gpu-node", slug="gpu-node", color="9e9e9e")
    maker = Reference("manufacturers", ("nvidia",))
    put(
        tables,
        "device-types",
        ("nvidia", "dgx"),
        manufacturer=maker,
        model="dgx",
        slug="dgx",
        u_height=Decimal(1),
    )
    put(tables, "sites", ("fra1",), name="fra1", slug="fra1", status="planned")
    site = Reference("sites", ("fra1",))
    put(
        tables, "racks", ("fra1", "r1"), {"width": 19, "u_height": 48}, site=site, name="r1", status="planned"
    )
    put(tables, "vrfs", (FACTORY,), {"enforce_unique": True, "description": "addresses"}, name=FACTORY)
    put(
        tables,
        "prefixes",
        (FACTORY, "10.0.0.0/24"),
        {"description": "nodes train"},
        prefix="10.0.0.0/24",
        vrf=vrf(),
    )
    device(tables, "leaf", 40)
    for number, name in enumerate(machines):
        device(tables, name, first + number)
        port(tables, name, "compute0")
        port(tables, "leaf", f"swp{number + 1}")
        cable(tables, (name, "compute0"), ("leaf", f"swp{number + 1}"))
        kept: dict[str, Value] = {"interface": Reference("interfaces", ("fra1", name, "compute0"))}
        address = f"10.0.0.{number + 1}/32"
        put(tables, "ip-addresses", (FACTORY, address), kept, address=address, vrf=vrf(), status="active")
    return tables


def vrf() -> Reference:
    return Reference("vrfs", (FACTORY,))


def put(tables: Tables, kind: str, key: Key, kept: dict[str, Value] | None = None, **initial: Value) -> None:
    tables[kind][key] = PlannedObject(kind, key, kept or {}, initial)


def device(tables: Tables, name: str, unit: int) -> None:
    kept: dict[str, Value] = {"role": Reference("device-roles", ("gpu-node",))}
    kept["device_type"] = Reference("device-types", ("nvidia", "dgx"))
    kept |= {"rack": Reference("racks", ("fra1", "r1")), "position": Decimal(unit), "face": "front"}
    site = Reference("sites", ("fra1",))
    put(tables, "devices", ("fra1", name), kept, site=site, name=name, status="planned")


def port(tables: Tables, of: str, name: str) -> None:
    place = Reference("devices", ("fra1", of))
    put(tables, "interfaces", ("fra1", of, name), {"type": "400gbase-x-osfp"}, device=place, name=name)


def outside(tables: Tables, of: str, name: str) -> None:
    """Make a port one to the outside, whatever it was."""
    place = Reference("devices", ("fra1", of))
    shut: dict[str, Value] = {"enabled": False, "description": OUTSIDE_PORT, "type": "100gbase-x-qsfp28"}
    put(tables, "interfaces", ("fra1", of, name), device=place, name=name, **shut)


def cable(tables: Tables, near: tuple[str, str], far: tuple[str, str]) -> None:
    keys = [("fra1", *near), ("fra1", *far)]
    kept: dict[str, Value] = {"label": f"c-{near[0]}", "length": Decimal("9.40"), "length_unit": "m"}
    ends = tuple(Reference("interfaces", key) for key in keys)
    key = cable_key(keys)
    tables["cables"][key] = PlannedObject("cables", key, kept, {"status": "planned"}, ends)


def changed(tables: Tables, kind: str, key: Key, **kept: Value) -> None:
    """Change what the plan says of an object."""
    before = tables[kind][key]
    tables[kind][key] = replace(before, kept={**before.kept, **kept})


def connection(netbox: FakeNetBox, token: str = TOKEN, **more: Callable[[float], None]) -> NetBoxConnection:
    return NetBoxConnection(parse_netbox_url(netbox.url), token, **more)  # type: ignore[arg-type]


def looked(netbox: FakeNetBox, wanted: Planned) -> tuple[Held, PushDifference]:
    """Read and compare."""
    held = read_held(connection(netbox), FACTORY, wanted)
    return held, compare(wanted, held)


def pushed(netbox: FakeNetBox, wanted: Planned) -> PushOutcome:
    """Read, compare and write, as the command does."""
    held, difference = looked(netbox, wanted)
    assert not held.foreign
    return Push(connection(netbox), held).apply(difference)

"""The plan's tables as objects."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sovereign_ai.operate.netbox.planned import KINDS, Reference, cable_key, planned_objects
from sovereign_ai.render.interop import OUTSIDE_PORT, netbox_tables
from tests.outputs.designs import design
from tests.outputs.test_borders import BORDERS, outside_ports
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["stack lab", *(f"edge {border}" for border in BORDERS)])
def test_every_row_of_the_import_files_is_an_object_whose_references_exist(name: str) -> None:
    factory, plan = design(name)
    planned = planned_objects(factory, plan)
    assert list(planned) == list(KINDS)
    tables = netbox_tables(factory, plan)
    outside = tables.pop("outside-ports", ((), ()))[1]
    assert bool(outside) == (name != "stack lab")
    for kind, (_, rows) in tables.items():
        assert len(planned[kind]) == len(rows) + (len(outside) if kind == "interfaces" else 0)
    for objects in planned.values():
        for wanted in objects.values():
            values = (*wanted.kept.values(), *wanted.initial.values(), *wanted.ends)
            for value in values:
                assert not isinstance(value, Reference) or value.key in planned[value.kind]


@pytest.mark.parametrize("border", BORDERS)
def test_ports_to_the_outside_are_interfaces_shut_and_described_without_a_cable(border: str) -> None:
    factory, plan = design(f"edge {border}")
    planned = planned_objects(factory, plan)
    shut = {key for key, port in planned["interfaces"].items() if port.initial.get("enabled") is False}
    ends = {(port.switch, port.linux) for port in outside_ports(border)}
    assert {key[1:] for key in shut} == ends
    for key in shut:
        port = planned["interfaces"][key]
        assert (port.is_outside, port.kept, port.initial["description"]) == (True, {}, OUTSIDE_PORT)
    for cable in planned["cables"].values():
        assert not shut & {end.key for end in cable.ends}
    for address in planned["ip-addresses"].values():
        assert address.kept["interface"] not in shut


def test_a_cable_and_a_machine_of_the_lab_are_as_planned() -> None:
    planned = planned_objects(*stack("lab"))
    machine = planned["devices"]["fra1", "train-002"]
    assert machine.kept["position"] == Decimal(9)
    assert machine.kept["device_type"] == Reference("device-types", ("nvidia", "dgx-h100"))
    ends = (("fra1", "train-001", "compute0"), ("fra1", "compute-fra1-p0-leaf-r0-001", "swp1"))
    wanted = planned["cables"][cable_key(ends)]
    assert wanted.kept == {"label": "compute-fra1-p0-000001", "length": Decimal("9.40"), "length_unit": "m"}


def test_a_cable_has_the_same_key_from_both_ends() -> None:
    near, far = ("fra1", "b", "1"), ("fra1", "a", "2")
    assert cable_key([near, far]) == cable_key([far, near])

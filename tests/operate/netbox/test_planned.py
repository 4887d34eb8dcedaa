"""The plan's tables as objects."""

from __future__ import annotations

from decimal import Decimal

from sovereign_ai.operate.netbox.planned import KINDS, Reference, cable_key, planned_objects
from sovereign_ai.render.interop import netbox_tables
from tests.render.lab import stack


def test_every_row_of_the_import_files_is_an_object_whose_references_exist() -> None:
    factory, plan = stack("lab")
    planned = planned_objects(factory, plan)
    assert list(planned) == list(KINDS)
    for kind, (_, rows) in netbox_tables(factory, plan).items():
        assert len(planned[kind]) == len(rows)
    for objects in planned.values():
        for wanted in objects.values():
            values = (*wanted.kept.values(), *wanted.initial.values(), *wanted.ends)
            for value in values:
                assert not isinstance(value, Reference) or value.key in planned[value.kind]


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

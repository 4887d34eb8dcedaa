"""Whose an object is, and what of others stands in the plan's way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.operate.netbox.held import CONTENT_TYPES, MARK
from tests.operate.netbox.fake_netbox import FakeNetBox, fake_netbox, reply_json
from tests.operate.netbox.inventory import looked, planned, pushed


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


def unmark(netbox: FakeNetBox, kind: str, owner: str | None = None, **members: object) -> int:
    """Take an object's mark, or give it another."""
    number = netbox.number(kind, **members)
    netbox.of(kind)[number]["custom_fields"] = {MARK: owner}
    return number


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("racks", {"name": "r1"}),
        ("devices", {"name": "train-001"}),
        ("interfaces", {"name": "swp1"}),
        ("prefixes", {"prefix": "10.0.0.0/24"}),
        ("ip-addresses", {"address": "10.0.0.1/32"}),
    ],
)
@pytest.mark.parametrize("owner", [None, "another"])
def test_a_strangers_object_in_the_place_of_ours_is_a_problem(
    netbox: FakeNetBox, kind: str, members: dict[str, str], owner: str | None
) -> None:
    pushed(netbox, planned())
    number = unmark(netbox, kind, owner, **members)
    held, _ = looked(netbox, planned())
    foreign = held.foreign[0]
    assert (foreign.kind, foreign.number, foreign.owner) == (kind, number, owner or "")
    assert (owner or "carries no mark") in foreign.to_problem("small").message


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("sites", {"name": "fra1", "slug": "frankfurt"}),
        ("sites", {"name": "Frankfurt", "slug": "fra1"}),
        ("vrfs", {"name": "small"}),
    ],
)
def test_a_strangers_site_or_vrf_of_our_name_is_a_problem(
    netbox: FakeNetBox, kind: str, members: dict[str, str]
) -> None:
    number = netbox.add(kind, **members)
    (foreign,) = looked(netbox, planned())[0].foreign
    assert (foreign.kind, foreign.number) == (kind, number)


def test_a_strangers_cable_in_our_port_is_a_problem(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    number = unmark(netbox, "cables", label="c-train-001")
    (foreign,) = looked(netbox, planned())[0].foreign
    assert (foreign.kind, foreign.number) == ("cables", number)
    assert foreign.key == ("fra1", "leaf", "swp1", "fra1", "train-001", "compute0")


def test_strangers_elsewhere_are_neither_seen_nor_touched(netbox: FakeNetBox) -> None:
    site = netbox.add("sites", name="elsewhere", slug="elsewhere")
    rack = netbox.add("racks", site=site, name="r1")
    netbox.add("devices", site=site, rack=rack, position=1, name="train-001")
    netbox.add("vrfs", name="another")
    pushed(netbox, planned())
    assert pushed(netbox, planned([])).written == 10
    assert netbox.number("devices", name="train-001", site=site)


def test_without_the_custom_field_nothing_counts_as_ours_though_netbox_lists_everything(
    netbox: FakeNetBox,
) -> None:
    pushed(netbox, planned())
    # NetBox ignores a filter by a field that is gone, and then lists the objects of all.
    netbox.of("custom-fields").clear()
    held, difference = looked(netbox, planned([]))
    assert not difference.of("delete")
    assert {foreign.kind for foreign in held.foreign} == {"sites", "vrfs"}


def test_objects_that_a_filter_lets_through_wrongly_are_not_ours(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    site = netbox.add("sites", name="elsewhere", slug="elsewhere", custom_fields={MARK: "another"})
    netbox.script = lambda _method, path: (
        reply_json(200, {"count": 1, "results": [netbox.shown("sites", site)]})
        if "/sites/?cf_" in path
        else None
    )
    assert not looked(netbox, planned())[0].own["sites"]


@pytest.mark.parametrize(
    "field",
    [
        {"type": "integer", "object_types": list(CONTENT_TYPES.values())},
        {"type": "text", "object_types": ["dcim.site"]},
        {"type": "text", "object_types": None},
    ],
)
def test_another_field_of_the_marks_name_is_a_problem(netbox: FakeNetBox, field: dict[str, object]) -> None:
    netbox.add("custom-fields", name=MARK, **field)
    with pytest.raises(EnvironmentLacksError, match=MARK) as caught:
        looked(netbox, planned())
    assert caught.value.problems[0].code == "netbox-field"


def test_makers_roles_and_types_of_others_are_used_as_they_are(netbox: FakeNetBox) -> None:
    maker = netbox.add("manufacturers", name="NVIDIA", slug="nvidia-corporation")
    pushed(netbox, planned())
    assert netbox.of("manufacturers").keys() == {maker}
    (model,) = netbox.of("device-types").values()
    assert model["manufacturer"] == maker
    pushed(netbox, planned([]))
    assert netbox.of("manufacturers").keys() == {maker}


@pytest.mark.parametrize("version", ["3.7.8", "", "x", "12345.1"])
def test_an_old_netbox_or_none_is_refused(netbox: FakeNetBox, version: str) -> None:
    netbox.script = lambda _method, path: (
        reply_json(200, {"netbox-version": version}) if "status" in path else None
    )
    with pytest.raises(EnvironmentLacksError, match=r"NetBox (is of version 3|answers)"):
        looked(netbox, planned())


def test_two_objects_of_ours_under_one_name_become_one(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    netbox.add(
        "vrfs", name="small", enforce_unique=True, description="addresses", custom_fields={MARK: "small"}
    )
    assert pushed(netbox, planned()).written == 1
    assert len(netbox.of("vrfs")) == 1

from __future__ import annotations

import doctest

import pytest

from sovereign_ai.attest.report import atlas, markup, numbers, tables
from sovereign_ai.attest.report.elevations import elevations as drawn
from tests.attest.report.reports import changed, report


@pytest.mark.parametrize("stack", ["lab", "plural", "gigafactory"])
def test_every_rack_is_shown_by_exactly_one_elevation_with_all_that_stands_in_it(stack: str) -> None:
    found = report(stack)
    shown = drawn(found.factory, found.plan)
    assert sorted(name for one in shown for name in one.names) == sorted(
        rack.name for rack in found.plan.racks
    )
    for one in shown:
        assert tuple(name for name, _, _ in one.devices) == one.first.devices


def test_heights_are_those_that_the_plan_counts() -> None:
    found = report("lab")
    for one in drawn(found.factory, found.plan):
        assert sum(units or 0 for _, _, units in one.devices) == one.first.rack_units


def test_a_spine_of_another_model_has_its_own_height_and_not_that_of_the_leaves() -> None:
    mixed = changed(
        "kind: roce, rails: 8, radix: 32, link: 400 Gbps",
        "kind: roce, rails: 8, switch: arista-7060x6-64pe, spine_switch: arista-7060x7-64pe, link: 400 Gbps",
    )
    height: dict[str, int | None] = {}
    for elevation in drawn(mixed.factory, mixed.plan):
        assert sum(units or 0 for _, _, units in elevation.devices) == elevation.first.rack_units
        height.update({what: units for _, what, units in elevation.devices})
    assert (height["compute leaf"], height["compute spine"]) == (2, 4)


@pytest.mark.parametrize("module", [atlas, markup, numbers, tables])
def test_examples_in_the_words_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]

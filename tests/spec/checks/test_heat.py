"""Coolant and reused heat."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.spec.checks.heat import YEAR, reused_heat
from sovereign_ai.spec.site import HeatReuse
from tests.plan.factories import hall, site
from tests.spec.refusals import refusals

COOLANT = {"flow": "1200 L/min", "supply": "25 degC", "return": "40 degC"}


@pytest.mark.parametrize(
    ("kind", "coolant", "expected"),
    [
        ("air", {}, ("contradiction", "sites[0].halls[0].cooling.coolant")),
        ("rear-door", {"return": "25 degC"}, ("impossible", "sites[0].halls[0].cooling.coolant.return")),
        (
            "rear-door",
            {"rack_flow": "1300 L/min"},
            ("contradiction", "sites[0].halls[0].cooling.coolant.rack_flow"),
        ),
    ],
)
def test_coolant_that_carries_no_heat_is_refused(
    kind: str, coolant: dict[str, Any], expected: tuple[str, str]
) -> None:
    room = hall("ha", kind, cooling={"coolant": {**COOLANT, **coolant}})
    assert refusals(sites=[site(halls=[room])]) == [expected]


def test_liquid_cooling_needs_the_capacity_of_its_cdus() -> None:
    expected = [("missing-field", "sites[0].halls[0].cooling.cdu_capacity")]
    assert refusals(sites=[site(halls=[hall("ha", "liquid")])]) == expected


def test_a_mean_power_is_counted_over_a_year() -> None:
    reuse = HeatReuse(buyer="Works", power="1 kW", evidence="measured")
    assert reused_heat(reuse) == 1_000 * YEAR


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({}, ("missing-field", "sites[0].heat_reuse[0]")),
        ({"energy": "1 GWh", "power": "1 MW"}, ("contradiction", "sites[0].heat_reuse[0]")),
        ({"power": "30 MW"}, ("impossible", "sites[0].heat_reuse")),
    ],
)
def test_reused_heat_is_given_once_and_comes_in_as_power(
    amount: dict[str, Any], expected: tuple[str, str]
) -> None:
    buyer = {"buyer": "Works", "evidence": "planned", **amount}
    assert refusals(sites=[site(heat_reuse=[buyer])]) == [expected]


@pytest.mark.parametrize(
    ("kind", "unit", "expected"),
    [
        ("air", "cdu-1-3mw", ("contradiction", "sites[0].halls[0].cooling.cdus")),
        ("liquid", "cdu-1-3wm", ("unknown-name", "sites[0].halls[0].cooling.cdus.unit")),
        ("liquid", "connectx-7", ("unknown-name", "sites[0].halls[0].cooling.cdus.unit")),
    ],
)
def test_distribution_units_that_no_row_gives_or_no_loop_needs_are_refused(
    kind: str, unit: str, expected: tuple[str, str]
) -> None:
    room = hall("ha", kind, cooling={"cdus": {"unit": unit}})
    assert refusals(sites=[site(halls=[room])]) == [expected]


def test_counted_distribution_units_need_no_capacity() -> None:
    assert refusals(sites=[site(halls=[hall("ha", "liquid", cooling={"cdus": {"unit": "cdu-1-3mw"}})])]) == []


@pytest.mark.parametrize(("supply", "expected"), [("45 degC", 0), ("45.1 degC", 1), ("60 degC", 1)])
def test_air_that_cools_no_server_is_refused(supply: str, expected: int) -> None:
    found = refusals(sites=[site(halls=[hall("ha", cooling={"supply": supply})])])
    assert found == [("out-of-range", "sites[0].halls[0].cooling.supply")] * expected

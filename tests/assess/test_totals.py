"""Totals: none is below the sum of the low ends of its parts, capped or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.measure import Measure
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from tests.assess.stacks import stack
from tests.plan.campuses import on_campus
from tests.plan.factories import factory, hall, management, power, site

_ROUNDING = 1e-9


def _capped() -> AIFactory:
    """Eight machines under caps of a feed and of their site."""
    feeds = {"A": {"capacity": "6 MW", "cap": "32 kW"}, "B": "6 MW", "C": "6 MW"}
    own = site(halls=[hall("ha")], power=power(feeds=feeds, cap={"site": "90 kW"}))
    return factory(sites=[own], fabrics=management())


def _described(name: str) -> tuple[AIFactory, Plan]:
    """A stack, or one of the small factories of the tests, with its plan."""
    small = {"capped": _capped, "campus": on_campus}
    if name not in small:
        return stack(name)
    described = small[name]()
    return described, plan(described)


def _low(measure: Measure) -> float | None:
    """The lower end of a measure; its value where it has no range."""
    return measure.value if measure.low is None else measure.low


def _sums(measures: tuple[Measure, ...]) -> Iterator[tuple[Measure, float]]:
    """Each sum of numbers of one unit, with the sum of the low ends of its parts."""
    by_name = {measure.id: measure for measure in measures}
    for measure in measures:
        parts = [by_name[name] for name in measure.inputs]
        is_sum = measure.formula.startswith("sum of") or " + other equipment" in measure.formula
        if not is_sum or " - " in measure.formula or measure.value is None:
            continue
        if {part.unit for part in parts} == {measure.unit}:
            yield measure, sum(_low(part) or 0.0 for part in parts)


@pytest.mark.parametrize("name", ["lab", "plural", "capped", "campus"])
def test_no_total_is_below_the_sum_of_the_low_ends_of_its_parts(name: str) -> None:
    described, derived = _described(name)
    checked = 0
    for assessment in (
        assess_energy(described, derived),
        assess_cost(described, derived),
        assess_goodput(described, derived, runs=0),
    ):
        for measure, least in _sums(assessment.measures):
            low = _low(measure)
            assert low is not None
            assert low >= least * (1 - _ROUNDING), measure.id
            checked += 1
    assert checked > 3


@pytest.mark.parametrize("name", ["lab", "plural", "capped", "campus"])
def test_the_load_of_a_site_is_that_of_its_racks_and_not_below_what_its_devices_draw_least(name: str) -> None:
    described, derived = _described(name)
    energy = assess_energy(described, derived)
    for row in derived.power:
        racks = sum(rack.power for rack in derived.racks if rack.site == row.site)
        assert row.it_load == racks
        assert sum(row.feeds.values()) == row.it_load
        other = energy.measure(f"site.{row.site}.other")
        peak = energy.measure(f"site.{row.site}.it.peak")
        machines = sum(
            rack.power for rack in derived.racks if rack.kind == "compute" and rack.site == row.site
        )
        least = machines + (_low(other) or 0.0)
        assert (_low(peak) or 0.0) >= least * (1 - _ROUNDING)

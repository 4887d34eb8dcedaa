"""Sites, power and cooling."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.site import Coolant, Cooling, Feed, Power, Site
from tests.plan.factories import hall, power


def test_the_rise_of_a_coolant_is_in_tenths_of_a_degree() -> None:
    assert Coolant(flow="1200 L/min", supply="25 degC", back="40.5 degC").rise == 155  # type: ignore[call-arg]


def test_a_feed_is_short_for_its_capacity() -> None:
    assert Power(it_budget="1 kW", feeds={"A": "2 kW"}).feeds["A"] == Feed(capacity="2 kW")


def test_feeds_cannot_be_changed() -> None:
    feeds = Power(it_budget="1 kW", feeds={"A": "2 kW"}).feeds
    with pytest.raises(TypeError):
        feeds["A"] = Feed(capacity="3 kW")


@pytest.mark.parametrize("name", ["1", "A B", "x" * 17])
def test_a_feeds_name_is_short_and_starts_with_a_letter(name: str) -> None:
    with pytest.raises(SpecError):
        Power(it_budget="1 kW", feeds={name: "2 kW"})


def test_a_site_has_a_hall_and_lies_on_the_earth() -> None:
    with pytest.raises(SpecError) as caught:
        Site(name="a", country="DE", power=power(), halls=[], latitude=90.5)
    assert {problem.where.field for problem in caught.value.problems} == {"halls", "latitude"}
    assert Site(name="a", country="DE", power=power(), halls=[hall()]).halls[0].row == 16


def test_a_quantity_without_its_unit_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        Cooling(kind="air", supply=22)
    assert caught.value.problems[0].code == "bad-quantity"

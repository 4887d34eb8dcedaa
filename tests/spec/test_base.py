from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.operator import Certificate, Staff
from sovereign_ai.spec.reader import load
from sovereign_ai.spec.site import Feed, GridContract, Power
from sovereign_ai.spec.zone import Flow, ResidencyPolicy
from sovereign_ai.units import EuroPerMegawattHour

SMALL = Path(__file__).parent / "small.yaml"


def test_a_part_cannot_be_changed():
    factory = load(SMALL)
    with pytest.raises(ValidationError):
        factory.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        factory.sites[0].power.feeds["A"] = factory.sites[0].power.feeds["B"]
    with pytest.raises(TypeError):
        factory.sites[0].power.feeds.update({})


def test_a_feed_may_be_written_by_its_capacity_alone():
    assert Power(it_budget="1 kW", feeds={"A": "2 kW"}) == Power(
        it_budget="1 kW", feeds={"A": Feed(capacity="2 kW")}
    )


def test_a_day_is_neither_a_number_nor_a_time():
    assert Certificate(scheme="a", scope="b", expires=date(2026, 12, 31)) == Certificate(
        scheme="a", scope="b", expires="2026-12-31"
    )
    for wrong in (1_700_000_000, "2026-12-31T00:00:00", "31.12.2026", None):
        with pytest.raises(SpecError):
            Certificate(scheme="a", scope="b", expires=wrong)


@pytest.mark.parametrize("wrong", ["yes", "true", 1, "on", None])
def test_a_flag_is_true_or_false_alone(wrong: object):
    with pytest.raises(SpecError):
        Staff(location=["DE"], citizenship=["DE"], cleared=wrong)


def test_a_part_remembers_its_line_and_is_equal_wherever_it_was_made():
    one = Flow(to="a", ports=[1])
    other = Flow(to="a", ports=[1])
    assert one == other
    assert hash(one) == hash(other)
    assert one.made_at is not None
    assert other.made_at is not None
    assert one.made_at.file == __file__
    assert other.made_at.line == (one.made_at.line or 0) + 1


def test_python_writes_within_where_yaml_writes_in():
    assert ResidencyPolicy(data="x", within=["DE"], keys=["DE"], staff_access=["EU"]).within == ("DE",)  # type: ignore[call-arg]


def test_hidden_letters_are_refused_from_python_too():
    with pytest.raises(SpecError, match="RIGHT-TO-LEFT OVERRIDE"):
        Certificate(scheme="a\u202eb", scope="b", expires="2026-12-31")


def test_a_field_that_came_later_is_in_no_canonical_text_unless_it_is_given():
    whole = load(SMALL)
    assert b"renewable" not in whole.canonical()
    site = whole.sites[0]
    contract = GridContract(name="a", supplier="A", supplier_seat="DE", power="1 MW")
    assert set(contract.model_dump(mode="json")) == {"name", "supplier", "supplier_seat", "power", "source"}
    given = contract.model_copy(update={"price": EuroPerMegawattHour.parse("62.5 EUR/MWh")})
    data = whole.model_copy(update={"sites": (site.model_copy(update={"contracts": (given,)}),)}).to_data()
    assert data["sites"][0]["contracts"][0]["price"] == "62.5 EUR/MWh"

"""Country codes and amounts."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.spec.checks.values import check_alone
from sovereign_ai.spec.partial import Missing
from tests.plan.factories import hall, power, site
from tests.spec.refusals import refusals

HOLDER = {"name": "A", "seat": "DE", "share": "60 %"}


def operator(**more: Any) -> dict[str, Any]:
    staff = {"location": ["DE"], "citizenship": ["EU"]}
    return {"name": "Example", "seat": "DE", "parent": {"seat": "DE"}, "staff": staff, **more}


def test_a_set_of_countries_is_allowed_for_staff_and_not_for_a_seat() -> None:
    assert refusals(operator=operator()) == []
    assert refusals(operator=operator(seat="EU")) == [("bad-country", "operator.seat")]


def test_a_code_outside_iso_3166_is_refused() -> None:
    staff = {"location": ["DE", "XX"], "citizenship": ["EU"]}
    assert refusals(operator=operator(staff=staff)) == [("bad-country", "operator.staff.location[1]")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"it_budget": "0 W"}, "it_budget"),
        ({"derating": "101 %"}, "derating"),
        ({"it_budget": "2000 GW", "survive": "none"}, "it_budget"),
    ],
)
def test_an_amount_of_nothing_or_too_much_is_refused(changes: dict[str, Any], field: str) -> None:
    assert ("out-of-range", f"sites[0].power.{field}") in refusals(sites=[site(power=power(**changes))])


def test_a_temperature_that_cools_no_server_is_refused() -> None:
    room = hall("ha", cooling={"temperature_rise": "0.5 degC"})
    expected = [("out-of-range", "sites[0].halls[0].cooling.temperature_rise")]
    assert refusals(sites=[site(halls=[room])]) == expected


def test_shares_add_up_to_the_whole_at_most() -> None:
    holders = [HOLDER, {**HOLDER, "name": "B"}]
    assert refusals(operator=operator(shareholders=holders[:1])) == []
    assert refusals(operator=operator(shareholders=holders)) == [("out-of-range", "operator.shareholders")]


def test_a_missing_value_has_no_problem_of_its_own() -> None:
    assert list(check_alone((Missing(), Missing()), "sites")) == []

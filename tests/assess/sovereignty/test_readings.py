from __future__ import annotations

import pytest

from sovereign_ai.assess.sovereignty.answers import Answer
from sovereign_ai.assess.sovereignty.areas import reaching_laws
from tests.assess.sovereignty.described import Data, changed, report
from tests.assess.sovereignty.test_drill import stack
from tests.assess.sovereignty.test_mutation import put


def answer(name: str, data: Data) -> Answer:
    """One answer on the description alone."""
    return next(one for one in report(data).answers if one.criterion == name)


def test_an_admission_counts_on_the_operators_own_word(rich: Data) -> None:
    found = answer("SOV-3.1", changed(rich, put("keys", 0, "custodian", value="provider")))
    assert (found.number, found.grade) == (1, "self-attested")


def test_a_claim_does_not_count_on_the_operators_own_word(rich: Data) -> None:
    found = answer("SOV-4.2", rich)
    assert (found.open, found.claimed, found.best) == (True, 5, 5)
    assert "needs certified evidence" in found.why


def test_the_parents_law_is_named(rich: Data) -> None:
    found = answer("SOV-2.2", changed(rich, put("operator", "parent", "seat", value="US")))
    assert found.best == 3
    assert all(law in found.why for law in reaching_laws("US"))
    assert reaching_laws("US")


def test_a_member_state_has_no_extraterritorial_law_in_this_reading() -> None:
    assert reaching_laws("DE") == reaching_laws("NO") == ()


def test_owners_that_nobody_declares_leave_control_open(rich: Data) -> None:
    rich["operator"]["shareholders"] = []
    found = answer("SOV-1.1", rich)
    assert (found.open, found.claimed, found.best) == (True, 0, 4)


def test_undeclared_foreign_vendors_of_most_critical_parts_are_worse_than_declared_ones(rich: Data) -> None:
    single = {name: next(one for one in stack(name).answers if one.criterion == "SOV-5.6") for name in ("lab", "gigafactory")}
    assert single["lab"].number == 2
    assert "NVIDIA" in single["lab"].why
    assert single["gigafactory"].number == 3
    assert answer("SOV-5.6", rich).number == 3


@pytest.mark.parametrize(("share", "number"), [("10 %", 4), ("45 %", 3), ("60 %", 2), ("95 %", 1)])
def test_votes_abroad_bound_the_capital_at_home(rich: Data, share: str, number: int) -> None:
    rich["operator"]["shareholders"] = [{"name": "Example Fund", "seat": "US", "share": share}]
    assert answer("SOV-1.4", rich).best == number


def test_a_certificate_past_its_day_says_nothing(rich: Data) -> None:
    assert answer("SOV-7.1", rich).why == "a certificate of EAL4 is declared"
    rich["operator"]["certificates"][0]["expires"] = "2026-11-23"
    assert answer("SOV-7.1", rich).why == "the description says nothing to it"

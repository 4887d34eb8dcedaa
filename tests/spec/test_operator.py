"""The operator, its owners and its subcontractors."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.operator import Operator, Parent, Shareholder, Staff, SubProcessor

STAFF = Staff(location=["DE"], citizenship=["EU"])


def test_an_operator_without_further_fields_declares_no_exit_and_no_owners() -> None:
    operator = Operator(name="Example", seat="DE", parent=Parent(seat="DE"), staff=STAFF)
    assert (operator.exit_plan, operator.shareholders, operator.sub_processors) == ("none", (), ())
    assert operator.support == ("EU",)


def test_staff_works_from_at_least_one_country() -> None:
    with pytest.raises(SpecError) as caught:
        Staff(location=[], citizenship=["EU"])
    assert caught.value.problems[0].where.field == "location"


@pytest.mark.parametrize("seat", ["de", "EU ", "Germany", ""])
def test_a_seat_is_a_code_of_two_capital_letters(seat: str) -> None:
    with pytest.raises(SpecError) as caught:
        SubProcessor(name="Example", seat=seat, purpose="backups")
    assert caught.value.problems[0].code in ("bad-country", "bad-area")


def test_a_share_has_its_sign() -> None:
    assert str(Shareholder(name="A", seat="FR", share="12.5 %").share) == "12.5 %"
    with pytest.raises(SpecError):
        Shareholder(name="A", seat="FR", share=12.5)

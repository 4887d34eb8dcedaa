from __future__ import annotations

from sovereign_ai.rules.description.transfers import reaching
from tests.rules.deciding import messages_of
from tests.rules.test_described import ABROAD, NAMED, holders, operator, policy


def test_only_laws_that_follow_a_seat_and_are_applied_reach_abroad() -> None:
    assert reaching("US").startswith("CLOUD Act (18 U.S.C. 2713) (in-force), ")
    assert reaching("DE") == ""


def test_a_recipient_abroad_needs_a_mechanism_that_covers_it() -> None:
    contracts = policy(transfer="scc", **NAMED)
    assert messages_of("TRF-001", **ABROAD, **contracts) == []
    [message] = messages_of("TRF-001", **ABROAD, **policy(transfer="bcr", **NAMED))
    assert message.endswith("binding corporate rules cover the operator's own group alone")
    [message] = messages_of("TRF-001", **ABROAD, **policy(**NAMED))
    assert message.endswith("its policy forbids transfers")


def test_a_country_with_a_conditional_decision_is_a_weak_ground() -> None:
    assert messages_of("TRF-002") == []
    [message] = messages_of("TRF-002", **policy(logs=["DE", "IN"]))
    assert message == "IN is permitted for personal data: no adequacy decision covers it"


def test_a_parent_under_a_law_that_reaches_is_reported() -> None:
    [message] = messages_of("LAW-001", **operator(parent={"seat": "US"}))
    assert message.startswith("its parent sits in US, whose law reaches personal data: CLOUD Act")


def test_shares_that_nobody_declares_count_as_foreign() -> None:
    assert messages_of("LAW-003", **holders(("DE", "61 %"))) == []
    [message] = messages_of("LAW-003", **holders(("DE", "60 %")))
    assert "40 % are held outside the Union or not declared (40 %)" in message

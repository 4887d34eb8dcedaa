from __future__ import annotations

from tests.rules.deciding import messages_of
from tests.rules.test_described import FACTORY, key, operator


def test_an_operator_under_foreign_law_may_not_hold_a_key() -> None:
    held = {**key(custodian="operator"), **operator(parent={"seat": "US"})}
    [message] = messages_of("KEY-002", **held)
    assert message.startswith("the operator holds the key, and the law of US reaches it")
    assert messages_of("KEY-002", **operator(parent={"seat": "US"})) == []


def test_a_key_in_a_file_is_reported_with_the_data_that_it_encrypts() -> None:
    assert messages_of("KEY-003", **key(module="software")) == [
        "the key of personal data lies in a file that can be copied"
    ]


def test_a_revocation_may_last_a_day_and_no_longer() -> None:
    assert messages_of("KEY-004", **key(revocation="1 d")) == []
    assert len(messages_of("KEY-004", **key(revocation="25 h"))) == 1


def test_a_key_of_two_levels_of_trust_is_reported() -> None:
    [message] = messages_of("KEY-005")
    assert message.startswith("it encrypts tiers of high and low trust")
    assert messages_of("KEY-005", storage=FACTORY["storage"][:1]) == []

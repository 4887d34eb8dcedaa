"""Values in messages: short, visible, and without a secret."""

from __future__ import annotations

import pytest

from sovereign_ai.files.secrets import MOST_SHOWN, may_be_secret, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("opne", "'opne'"),
        ("a\u202eb", "'a\N{REPLACEMENT CHARACTER}b'"),
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (1.5, "1.5"),
        (10**18, "a number of more than 18 digits"),
        ([1], "a list"),
        ((1,), "a list"),
        ({}, "a mapping"),
        ({1}, "a set"),
    ],
)
def test_a_value_is_shown_by_its_text_or_its_type(value: object, text: str) -> None:
    assert shown(value) == text


def test_only_the_beginning_of_a_long_text_is_shown() -> None:
    assert shown("ab " * 40) == f"'{('ab ' * 40)[:MOST_SHOWN]}…'"


@pytest.mark.parametrize("value", ["hunter2", 12345])
def test_a_value_of_a_field_that_names_a_secret_is_not_shown(value: object) -> None:
    assert may_be_secret("", "registry.password")
    assert str(value) not in shown(value, "registry.password")

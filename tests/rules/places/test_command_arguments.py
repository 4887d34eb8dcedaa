from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.command_arguments import argument
from sovereign_ai.rules.places.named_settings import setting
from tests.rules.deciding import evaluated


@pytest.mark.parametrize(
    ("word", "is_permitted"),
    [
        ("127.0.0.1", True),
        ("::", True),
        ("203.0.113.7", True),
        ("1.2.3", True),
        ("a@b", True),
        ("198.51.100.7", False),
        ("@198.51.100.7", False),
        ("root@198.51.100.7", False),
        ("127.0.0.1, 198.51.100.7", False),
        ("2001:db8::53", False),
    ],
)
def test_an_address_alone_among_arguments_is_a_place(word: str, is_permitted: bool) -> None:
    assert evaluated(argument("object.a"), word) is is_permitted


_PLAIN_WORDS = some.from_regex(re.compile(r"[A-Za-z0-9_ ,+-]*"), fullmatch=True)
_TRICKY_WORDS = some.sampled_from(
    ["0x7f000001", "3405803781", "dev tcp redis", "localhost", "--dns", "a-version"]
)


@given(some.one_of(_PLAIN_WORDS, _TRICKY_WORDS, some.lists(_TRICKY_WORDS).map(" ".join)))
def test_a_text_that_is_answered_by_one_search_is_one_that_every_condition_permits(text: str) -> None:
    of_setting, of_argument = setting(literal("VALUE"), "object.a"), argument("object.a")
    assert evaluated(f"[{of_setting}, {of_argument}]", text) == [True, True]

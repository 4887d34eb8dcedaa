from __future__ import annotations

import cel
import pytest

from sovereign_ai.rules.cel.literals import literal


def test_a_literal_is_sorted_and_means_the_same_in_cel() -> None:
    value = {"b": ["x", 1, True, None], "a": 'a "quoted" text'}
    text = literal(value)
    assert text.index('"a"') < text.index('"b"')
    assert cel.compile(text).execute(cel.Context({})) == value


@pytest.mark.parametrize("value", [r"""["']\s""", r"""\s'"\"'""", r"""\s"'""", r"""\d"' x"""])
def test_a_text_with_backslashes_and_both_quotes_means_the_same_in_cel(value: str) -> None:
    assert cel.compile(literal(value)).execute(cel.Context({})) == value


def test_a_text_with_both_quotes_is_raw() -> None:
    assert literal(r"""["']\s""").startswith('r"""')

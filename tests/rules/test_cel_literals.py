from __future__ import annotations

import cel

from sovereign_ai.rules.cel_literals import literal


def test_a_literal_is_sorted_and_means_the_same_in_cel() -> None:
    value = {"b": ["x", 1, True, None], "a": 'a "quoted" text'}
    text = literal(value)
    assert text.index('"a"') < text.index('"b"')
    assert cel.compile(text).execute(cel.Context({})) == value

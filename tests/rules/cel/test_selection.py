"""Things chosen by an expression: what is true of them, and no crash by what is none."""

from __future__ import annotations

import pytest

from sovereign_ai.rules.cel.selection import ExpressionError, chosen_by

THINGS = {"b": {"gpus": 8, "pool": "x"}, "a": {"gpus": 0, "pool": "y"}}


def test_things_are_chosen_in_their_order() -> None:
    assert chosen_by("thing.gpus >= 0", "thing", THINGS) == ["b", "a"]
    assert chosen_by("thing.gpus > 0", "thing", THINGS) == ["b"]
    assert chosen_by("thing.gpus > 9", "thing", {}) == []


@pytest.mark.parametrize(
    "expression",
    ["", "(", "thing.", "thing.none", "1/0", "[][0]", "thing.pool", "null", "a" * 999, "\0", "f(1)"],
)
def test_what_cannot_be_decided_is_told_in_one_line(expression: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        chosen_by(expression, "thing", THINGS)
    assert str(caught.value).strip()
    assert "\n" not in str(caught.value)

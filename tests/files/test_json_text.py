"""JSON that a program wrote: bounded before it is built, with the place of each value."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.files.json_text import MOST_DEPTH, MOST_VALUES, parse_json
from sovereign_ai.files.kinds import OBSERVATION
from tests.hostile.contents import json_texts

TEXTS = dict(json_texts('{"a": [1, {"b": 2}]}'))
TAKEN = {"list", "number", "text", "null", "deep-inside"}


def parsed(text: str, **limits: int) -> Any:
    return parse_json(text.encode("utf-8", "surrogatepass"), "f.json", OBSERVATION, **limits).data


@pytest.mark.parametrize("name", sorted(set(TEXTS) - TAKEN))
def test_hostile_json_is_a_problem_of_the_file(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(TEXTS[name])
    (problem,) = caught.value.problems
    assert problem.where.file == "f.json"
    assert "Zq7L" not in str(caught.value)


def test_values_have_their_place() -> None:
    found = parse_json(b'{\n "a": [1,\n  {"b c": null}]}', "f.json", OBSERVATION)
    assert str(found.where("a[1].b c")) == "f.json:3:11: a[1].b c"
    assert str(found.where("a[7].x")).startswith("f.json:2:7")


@pytest.mark.parametrize("more", [0, 1])
def test_depth_is_counted_exactly(more: int) -> None:
    text = "[" * (MOST_DEPTH + more) + "]" * (MOST_DEPTH + more)
    if more:
        with pytest.raises(UsageError, match="too-deep"):
            parsed(text)
    else:
        assert parsed(text) is not None


def test_brackets_inside_texts_are_no_depth() -> None:
    assert parsed('["' + "[" * 5_000 + '\\"["]') == ["[" * 5_000 + '"[']


def test_values_are_counted() -> None:
    assert len(parsed("[" + "1," * 9 + "1]", most_values=10)) == 10
    with pytest.raises(UsageError, match="too-many-values"):
        parsed("[" + "1," * 11 + "1]", most_values=10)
    assert MOST_VALUES == 500_000


def test_a_name_that_occurs_twice_is_refused_at_any_depth() -> None:
    with pytest.raises(UsageError, match="'b' stands twice"):
        parsed('[{"a": {"b": 1, "b": 2}}]')
    assert parsed('[{"b": 1}, {"b": 2}]') == [{"b": 1}, {"b": 2}]

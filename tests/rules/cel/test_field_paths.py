from __future__ import annotations

import cel

from sovereign_ai.rules.cel.field_paths import lists_of, nested, steps_of


def test_values_at_a_path_are_listed_and_missing_ones_left_out() -> None:
    facts_of_object = cel.Context({"object": {"a": [{"b": [{"c": 1}, {}]}, {}], "m": {"k": {"v": 2}}}})
    assert cel.compile(nested("a[].b[].c")).execute(facts_of_object) == [[1], []]
    assert cel.compile(lists_of("m{}.v")).execute(facts_of_object) == [2]
    assert cel.compile(lists_of("x.y")).execute(facts_of_object) == []
    assert steps_of("a[].b{}.c") == ("a", "[]", "b", "{}", "c")

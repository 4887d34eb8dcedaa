"""YAML that other programs read too."""

from __future__ import annotations

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.files import MANIFESTS, parse_objects
from sovereign_ai.files.foreign_yaml import load_all_foreign, load_foreign, top_keys

IMPOSSIBLE = (
    "!!bool x",
    "!!int",
    "!!int ''",
    "!!int 0x",
    "!!float x",
    "!!timestamp x",
    "!!timestamp 2026-02-30",
    "!!timestamp 2026-01-01T25:00:00Z",
    "!!timestamp 2026-01-01T00:00:00+99:99",
    "[" * 20_000,
    "a: !!python/object/apply:os.system [id]",
    "? [a]\n: 1",
)


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_value_that_its_tag_does_not_allow_is_no_yaml_and_no_traceback(text: str) -> None:
    for load in (load_foreign, load_all_foreign):
        with pytest.raises((yaml.YAMLError, ValueError)) as refused:
            load(text)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_of_an_object_it_is_a_problem_in_words(text: str) -> None:
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  a:\n    {text}\n"
    with pytest.raises(SpecError) as refused:
        parse_objects(manifest, "a.yaml", MANIFESTS)
    assert refused.value.problems[0].where.file == "a.yaml"


def test_anchors_and_merge_keys_are_taken_as_other_programs_take_them() -> None:
    text = "a: &a {name: small}\nb: {<<: *a, c: 1}\n"
    assert load_foreign(text) == {"a": {"name": "small"}, "b": {"name": "small", "c": 1}}
    assert load_all_foreign("a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


def test_of_the_keys_of_a_mapping_those_that_it_has_twice_are_there_twice() -> None:
    assert top_keys("a: 1\nb: 2\na: 3\n") == ["a", "b", "a"]
    assert [top_keys(text) for text in ("", "[a]", "a")] == [[], [], []]

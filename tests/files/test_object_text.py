"""Kubernetes objects of other projects: several documents, bounded, without anchors."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import BadFileError
from sovereign_ai.files.kinds import DEFINITIONS
from sovereign_ai.files.object_text import MOST_DEPTH, parse_objects

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
NO_JSON = (
    *("{1: x}", "{null: x}", "{true: x}", "{yes: x}", "{1.5: x}", "{a: [{2: x}]}"),
    *(".inf", "-.inf", ".nan", "9" * 30, "-9223372036854775809", "1:59:59:59:59:59:59:59:59:59:59:59"),
    *("!!binary aGVsbG8=", "!!set {a, b}", "!!timestamp 2026-01-01", "!!omap [a: 1]"),
)


def test_documents_are_read_in_order_and_empty_ones_left_out() -> None:
    found = parse_objects(f"---\n{ONE}---\n---\n{ONE.replace('name: a', 'name: b')}", "f.yaml", DEFINITIONS)
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &a [x]\nb: *a\n", "yaml-feature"),
        ("[" * (MOST_DEPTH + 1), "too-deep"),
        ("a: [" + "1," * 300_001 + "]", "too-many-nodes"),
        ("a: [", "yaml-syntax"),
        ("kind: Secret\nkind: ConfigMap\n", "duplicate-key"),
        ('a: [{b: 1, c: {b: 2}, "b": [b, b]}]\n', "duplicate-key"),
        (ONE + "data: !!timestamp x\n", "yaml-syntax"),
        *((ONE + f"data: {value}\n", "no-json") for value in NO_JSON),
        ("!!python/object/apply:os.system [id]", "yaml-syntax"),
        ("a: \x00", "yaml-syntax"),
        ("just a text", "wrong-type"),
        ("kind: ConfigMap\nmetadata: {name: a}\n", "wrong-type"),
        ("apiVersion: v1\nkind: [x]\nmetadata: {name: a}\n", "wrong-type"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 1}\n", "wrong-type"),
    ],
)
def test_what_is_no_object_is_a_problem_of_the_file(text: str, code: str) -> None:
    with pytest.raises(BadFileError) as caught:
        parse_objects(text, "f.yaml", DEFINITIONS)
    assert {problem.code for problem in caught.value.problems} == {code}


def test_a_key_of_another_mapping_and_a_value_like_a_key_are_no_repetitions() -> None:
    data = "data: {a: a, b: [a, a, {a: a, b: b}], ? [a] : a, c: {a: {a: a}}}\n"
    with pytest.raises(BadFileError) as caught:
        parse_objects(ONE + data, "f.yaml", DEFINITIONS)
    # A list is no key, to the loader.
    assert [problem.code for problem in caught.value.problems] == ["yaml-syntax"]
    (read,) = parse_objects(ONE + data.replace("? [a] : a, ", ""), "f.yaml", DEFINITIONS)
    assert read["data"]["c"] == {"a": {"a": "a"}}


def test_every_document_that_is_none_is_told() -> None:
    with pytest.raises(BadFileError) as caught:
        parse_objects(f"a: 1\n---\n{ONE}---\nb: 1\n", "f.yaml", DEFINITIONS)
    assert [problem.where.line for problem in caught.value.problems] == [1, 6]


def test_a_list_of_objects_is_taken_apart() -> None:
    other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"
    inner = f"{{apiVersion: v1, kind: List, items: [{other}]}}"
    text = f"apiVersion: v1\nkind: List\nmetadata: {{}}\nitems: [{other}, {inner}]\n"
    read = parse_objects(f"{ONE}---\n{text}", "f.yaml", DEFINITIONS)
    assert [obj["metadata"]["name"] for obj in read] == ["a", "b", "b"]


@pytest.mark.parametrize("item", ["null", "7", "[x]", "{kind: ConfigMap}"])
def test_an_item_that_is_no_object_is_told_by_its_number(item: str) -> None:
    text = f"{ONE}---\napiVersion: v1\nkind: List\nitems: [{item}, {item}]\n"
    with pytest.raises(BadFileError) as caught:
        parse_objects(text, "f.yaml", DEFINITIONS)
    told = [(problem.where.line, problem.message[:18]) for problem in caught.value.problems]
    assert told == [(4, "item 1 of the list"), (4, "item 2 of the list")]


def test_a_date_is_a_text_as_it_is_to_kubernetes() -> None:
    [found] = parse_objects(f"{ONE}data: {{day: 2026-01-31, none: 2026-13-01}}\n", "f.yaml", DEFINITIONS)
    assert found["data"] == {"day": "2026-01-31", "none": "2026-13-01"}


def test_a_value_that_is_no_json_is_named_by_its_path_and_says_what_to_write() -> None:
    with pytest.raises(BadFileError) as caught:
        parse_objects(f"{ONE}data:\n  on: x\n  b: [1, .nan]\n", "f.yaml", DEFINITIONS)
    found = [(str(one.where), one.message, one.hint) for one in caught.value.problems]
    assert found == [
        ("f.yaml:1: data", "the key 'true' is no text", "put it in quotation marks: 'true'"),
        (
            "f.yaml:1: data.b[1]",
            "a number that is not finite is no JSON",
            "write a finite number, or a text in quotes",
        ),
    ]

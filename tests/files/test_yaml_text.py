"""The reader of YAML: one meaning for every reader, and a place for every problem."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sovereign_ai
from sovereign_ai.errors import SpecError
from sovereign_ai.files.yaml_text import MOST_DEPTH, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("1:1", "1:1"),
        ("2026-01-31", "2026-01-31"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-1.5", -1.5),
        ("'12'", "12"),
        ("1 GB", "1 GB"),
    ],
)
def test_a_scalar_means_the_same_to_every_reader(text: str, value: object) -> None:
    data, _, problems = parse(f"a: {text}\n", "f.yaml")
    assert (data, problems) == ({"a": value}, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 010\n", "bad-number"),
        ("a: 0x10\n", "bad-number"),
        ("a: 1e3\n", "bad-number"),
        ("a: .inf\n", "bad-number"),
        ("a: {b: 1,500}\n", "bad-number"),
        ("a: &x 1\n", "yaml-feature"),
        ("a: !!str 1\n", "yaml-feature"),
        ("<<: 1\n", "yaml-feature"),
        ("a: 1\na: 2\n", "duplicate-key"),
        ("a: 1\n---\nb: 2\n", "several-documents"),
    ],
)
def test_what_readers_read_in_different_ways_is_refused(text: str, code: str) -> None:
    problems = parse(text, "f.yaml").problems
    assert [problem.code for problem in problems] == [code]
    assert problems[0].where.line is not None


def test_other_programs_may_write_numbers_that_are_text() -> None:
    data, _, problems = parse("a: 0x10\n", "f.yaml", lenient=True)
    assert (data, problems) == ({"a": "0x10"}, [])


def test_a_text_that_nests_too_deeply_ends_the_reading() -> None:
    with pytest.raises(SpecError) as error:
        parse("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), "f.yaml")
    assert error.value.problems[0].code == "too-deep"


def test_a_secret_in_a_comment_is_refused_at_its_place() -> None:
    problems = parse("a: 1  # password: hunter22\n", "f.yaml").problems
    assert [(problem.code, problem.where.line) for problem in problems] == [("secret", 1)]


def test_marks_of_an_unfinished_merge_are_told_as_such_at_the_first() -> None:
    text = "zones: []\n<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> theirs\n"
    with pytest.raises(SpecError) as refused:
        parse(text, "f.yaml")
    [problem] = refused.value.problems
    assert (problem.code, problem.where.line) == ("unfinished-merge", 2)


def test_a_text_block_may_quote_such_marks() -> None:
    text = "note: |\n  <<<<<<< HEAD\n  =======\n"
    assert parse(text, "f.yaml").data == {"note": "<<<<<<< HEAD\n=======\n"}


LOADERS = {f"yaml.{name}" for name in ("load", "safe_load", "full_load", "unsafe_load", "compose", "parse")}
LOADERS |= {f"{name}_all" for name in LOADERS}


def _loads(tree: ast.Module) -> Iterator[int]:
    """Yield the line of each call of PyYAML that builds something of a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in LOADERS:
            yield node.lineno


def test_nothing_outside_the_room_of_readers_loads_yaml_by_itself() -> None:
    root = Path(sovereign_ai.__file__).parent
    inside, outside = [], []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text()
        if "yaml" in text:
            found = [f"{path.relative_to(root)}:{line}" for line in _loads(ast.parse(text))]
            (inside if path.is_relative_to(root / "files") else outside).extend(found)
    assert len(inside) > 2
    assert outside == []

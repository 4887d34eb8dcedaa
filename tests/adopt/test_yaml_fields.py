"""Fields of other programs' YAML: what each must be, and the place where it is not."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.standing import SiteDraft, SourceText
from sovereign_ai.adopt.yaml_fields import Document, document


def read(text: str) -> Document:
    return document(SourceText("t.yaml", text), SiteDraft())


def test_names_may_be_text_or_whole_numbers_and_no_other_number_is_built() -> None:
    doc = read("a: n1\nb: 1101\nc: 007\nd: 1e3\n")
    assert [doc.word(doc.data[key], key) for key in "abcd"] == ["n1", "1101", "007", "1e3"]
    assert doc.draft.problems == []


@pytest.mark.parametrize("text", ["a: [1]\n", "a: {b: 1}\n", "a: true\n", "a: 1.5\n"])
def test_another_value_than_a_name_is_a_problem_at_its_place(text: str) -> None:
    doc = read(text)
    assert doc.word(doc.data["a"], "a") == ""
    [problem] = doc.draft.problems
    assert (problem.code, problem.where.line, problem.where.field) == ("bad-field", 1, "a")


def test_what_is_missing_is_empty_and_a_needed_field_is_a_problem() -> None:
    doc = read("a: {}\n")
    assert (doc.word(None, "b"), doc.mapping(None, "b"), list(doc.entries(None, "b"))) == ("", {}, [])
    assert doc.draft.problems == []
    assert doc.needed(doc.data["a"], "name", "a") == ""
    assert [problem.code for problem in doc.draft.problems] == ["no-field"]


def test_what_the_reader_of_the_text_refused_has_one_problem() -> None:
    doc = read("a: &x 1\nb: *x\n")
    doc.word(doc.data["b"], "b")
    assert {problem.code for problem in doc.draft.problems} == {"yaml-feature"}


def test_host_lists_are_one_text_or_a_list_of_them() -> None:
    doc = read("a: n[1-2]\nb: [n1, 'm[3-4]']\nc: ['m[3']\n")
    assert doc.hosts(doc.data["a"], "a") == ["n1", "n2"]
    assert doc.hosts(doc.data["b"], "b") == ["n1", "m3", "m4"]
    assert doc.hosts(doc.data["c"], "c") == []
    assert [problem.where.field for problem in doc.draft.problems] == ["c[0]"]

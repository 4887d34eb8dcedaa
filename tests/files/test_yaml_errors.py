"""Errors of libyaml: known ones get a cause and a remedy, unknown ones a general message."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.files.yaml_errors import explain_error
from sovereign_ai.files.yaml_text import parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c\n", "a colon and a space stand where no new field can start"),
        ("a: [1, 2\nb: 3\n", "a '[' is not closed before this"),
        ("a: @b\n", "a value cannot start with this character"),
        ('a: "\\q"\n', "an escape in a double-quoted text that YAML does not know"),
    ],
)
def test_an_error_of_libyaml_names_its_cause(text: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(text, "f.yaml")
    [problem] = error.value.problems
    assert (problem.code, problem.message) == ("yaml-syntax", words)
    assert problem.hint


def test_an_unknown_error_gets_a_general_message() -> None:
    message, hint = explain_error("something that a later libyaml reports", "")
    assert message == "the YAML cannot be read here"
    assert hint


def test_a_missing_value_means_commas_only_between_brackets() -> None:
    problem = "did not find expected node content"
    assert "comma" in explain_error(problem, "while parsing a flow node")[1]
    assert "comma" not in explain_error(problem, "while parsing a block node")[1]

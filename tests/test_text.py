"""Texts of others, made safe to print: no control character, no forged line, no secret."""

from __future__ import annotations

import doctest
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai import text
from sovereign_ai.text import (
    HIDDEN_VALUE,
    clean,
    clean_data,
    clean_lines,
    clean_path,
    holds_secret,
    is_hidden,
    secret_at,
)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(text).failed == 0


@given(some.text())
def test_a_clean_text_is_one_line_without_hidden_characters(words: str) -> None:
    shown = clean(words)
    assert "\n" not in shown
    assert [char for char in shown if char != "\t" and is_hidden(char)] == []


@given(some.text())
def test_a_clean_text_stays_as_it_is(words: str) -> None:
    assert clean(clean(words)) == clean(words)


@pytest.mark.parametrize("char", ["\x1b", "\r", "\u202e", "\u00a0", "\u200b", "\ue000", "\ud800", "\u2800"])
def test_a_character_that_hides_is_written_as_an_escape(char: str) -> None:
    assert is_hidden(char)
    assert clean(f"a{char}b").startswith("a\\")


@pytest.mark.parametrize("char", [" ", "a", "é", "中", "-"])
def test_letters_and_the_plain_space_are_no_hidden_characters(char: str) -> None:
    assert unicodedata.name(char)
    assert not is_hidden(char)


@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter22",
        "ghp_0123456789abcdefABCDEF",
        "https://ci:hunter2@example.org/x",
        "Authorization: Bearer abcdef123456",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_a_secret_is_known_by_its_form_and_hidden(secret: str) -> None:
    assert secret_at(f"see {secret}") is not None
    assert HIDDEN_VALUE in "\n".join(clean_lines(f"see {secret}"))


@pytest.mark.parametrize(
    "sentence", ["token: expected a text", "password: none", "the secret is out", "a: b"]
)
def test_a_sentence_about_a_secret_holds_none(sentence: str) -> None:
    assert not holds_secret(sentence)


def test_plain_data_is_cleaned_in_its_texts_and_keys() -> None:
    data = clean_data({"password=hunter22": ["token=abcdef12", 3, None, "\ud800"]})
    assert data == {f"password={HIDDEN_VALUE}": [f"token={HIDDEN_VALUE}", 3, None, "\\ud800"]}


@pytest.mark.parametrize(
    "path",
    [
        "StorageClass/scratch1",
        "PriorityLevelConfiguration/sovereign-tenant-h100",
        "/api/v1/namespaces/startups/resourcequotas/tenant",
        "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/train",
        "ClusterRole/system:controller:node-pool2",
    ],
)
def test_the_name_of_an_object_with_a_digit_is_no_secret(path: str) -> None:
    assert clean_path(path) == path


@pytest.mark.parametrize(
    "secret",
    [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Secret/9f86d081884c7d659a2feaa0c55ad015",
        "abc/ghp_0123456789abcdefABCDEF",
        "token=hunter22/abc",
    ],
)
def test_a_secret_with_a_slash_in_a_path_is_hidden(secret: str) -> None:
    assert clean_path(f"labels.{secret}") == f"labels.{HIDDEN_VALUE}"


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_what_begins_a_formula_gets_an_apostrophe(start: str) -> None:
    assert text.spreadsheet_text(f"{start}A1") == f"'{start}A1"
    assert text.spreadsheet_text(f"A1{start}") == f"A1{start}"


def test_every_table_that_a_person_opens_passes_its_cells_through_what_disarms_formulas() -> None:
    package = Path(text.__file__).parent
    writers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)\(", path.read_text(encoding="utf-8"))
    }
    # NetBox reads these by its import, and would keep the apostrophe as a part of a name.
    writers.remove("render/interop/table.py")
    assert writers
    for path in sorted(writers):
        assert re.search(r"\b(spreadsheet_text|quoted)\(", (package / path).read_text(encoding="utf-8")), path

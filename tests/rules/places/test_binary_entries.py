"""Binary entries of a ConfigMap: the readable text in them, and what hides text."""

from __future__ import annotations

import base64
import random
from functools import cache

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.places.binary_entries import (
    LONGEST_BINARY,
    LONGEST_READABLE,
    are_judgeable,
    decoded_entries,
    readable_runs,
)

_program = cache(cel.compile)
_ANY = random.Random(14).randbytes  # noqa: S311 - no secret is made of it


def _answer(expression: str, content: bytes) -> object:
    text = base64.b64encode(content).decode("ascii")
    return _program(expression).execute(facts({"object": {"binaryData": {"a": text}}}))


def _decoded(content: bytes) -> str:
    """Return the text that is judged of an entry; lines of it may be parts of what is no text."""
    (entry,) = _answer(decoded_entries(f"({readable_runs()})"), content)  # type: ignore[misc,attr-defined]
    assert entry[0] == "a"
    return str(entry[1])


def _is_judgeable(content: bytes) -> bool:
    return _answer(are_judgeable(f"({readable_runs()})"), content) is True


@given(some.binary(max_size=64), some.binary(max_size=64))
def test_a_setting_is_read_whatever_stands_around_it(before: bytes, behind: bytes) -> None:
    line = b"\nhost=db.example.org\n"
    assert line.decode() in _decoded(before + line + behind)


@pytest.mark.parametrize("shift", range(6))
def test_a_short_setting_in_a_long_entry_is_read_at_every_offset(shift: int) -> None:
    content = _ANY(600 + shift) + b"\x00host=t.co\x00" + _ANY(600)
    assert "host=t.co\n" in _decoded(content)


@pytest.mark.parametrize("between", range(1, 8))
def test_a_setting_close_behind_other_text_is_read(between: int) -> None:
    content = _ANY(600) + b"some text" + b"\x01" * between + b"host=t.co\x01" + _ANY(600)
    assert "host=t.co\n" in _decoded(content)


def test_blanks_of_every_kind_divide_words_and_other_bytes_end_lines() -> None:
    assert _decoded(b"a\t=\x0b\x0cb\r\nc\x00d\xffe").rstrip("\n") == "a =  b\n\nc\nd\ne"


def test_most_of_what_is_no_text_is_left_out() -> None:
    assert len(_decoded(_ANY(9_000))) < 900


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_text_in_another_encoding_is_refused(encoding: str) -> None:
    wide = '{"host": "db.example.org"}'.encode(encoding)
    for shift in range(3):
        assert not _is_judgeable(_ANY(shift) + wide)


def test_what_is_too_long_is_refused_and_not_decoded() -> None:
    most = LONGEST_BINARY // 4 * 3
    assert _is_judgeable(_ANY(most))
    assert not _is_judgeable(_ANY(most + 3))
    readable = b"see more\n" * (LONGEST_READABLE // 12)
    assert _is_judgeable(readable[: LONGEST_READABLE // 4 * 3])
    assert not _is_judgeable(readable + b"see more\n" * 40)
    assert _answer(decoded_entries(f"({readable_runs()})"), readable * 2) == []


def test_base64_that_a_file_parts_into_lines_is_read() -> None:
    text = base64.encodebytes(b"x" * 90 + b"\nhost=db.example.org\n").decode("ascii")
    data = facts({"object": {"binaryData": {"a": text}}})
    ((_, decoded),) = _program(decoded_entries(f"({readable_runs()})")).execute(data)
    assert "\nhost=db.example.org\n" in decoded


def test_a_config_map_without_binary_entries_has_none() -> None:
    for held in ({}, {"binaryData": None}, {"binaryData": {}}):
        assert _program(readable_runs()).execute(facts({"object": held})) == []

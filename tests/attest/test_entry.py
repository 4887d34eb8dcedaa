"""One line of the log: any change of it is named, and half of a line is no entry."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest.entry import (
    FIRST,
    canonical,
    entry_fault,
    is_torn,
    make_entry,
    read_entry,
    subjects_with_prefix,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
STATEMENT = {"subject": [{"name": "spec", "digest": {"sha256": "1" * 64}}]}


def entry() -> dict[str, Any]:
    at, notes = "2026-11-24T12:00:00+00:00", {"torn/a": "2"}
    return make_entry(0, FIRST, at, canonical(STATEMENT), STATEMENT, KEY, notes)


def test_a_line_is_read_as_it_was_made_and_has_no_fault() -> None:
    line = canonical(entry())
    assert read_entry(line) == entry()
    assert entry_fault(entry(), 0, FIRST, KEY.public_key()) == ""


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"n": 1}, "it has the number of line 2"),
        ({"previous": "1" * 64}, "it does not follow from the line before"),
        ({"at": "2026-11-25T12:00:00+00:00"}, "its text was changed"),
        ({"sig": "?"}, "its signature is none"),
        ({"sig": "AAAA"}, "no signature of this key fits it"),
    ],
)
def test_each_change_of_a_line_is_named(changes: dict[str, Any], fault: str) -> None:
    assert entry_fault({**entry(), **changes}, 0, FIRST, KEY.public_key()) == fault


def test_half_of_a_line_is_torn_and_a_line_with_a_wrong_member_is_not() -> None:
    line = canonical(entry())
    assert is_torn(line[: len(line) // 2])
    assert not is_torn(line)
    for wrong in ({"n": "0"}, {"at": "2026-11-24"}, {"subjects": {"a": 1}}, {"more": 1}):
        assert read_entry(canonical({**entry(), **wrong})) is None


@pytest.mark.parametrize("depth", [1, 100, 253, 254, 255, 500, 1_000, 1_023, 1_024, 100_000])
@pytest.mark.parametrize("member", ["n", "subjects"])
def test_a_line_that_nests_however_deep_is_no_entry(depth: int, member: str) -> None:
    nested = b"[" * depth + b"]" * depth
    text = canonical({**entry(), member: 0}).replace(
        f'"{member}":0'.encode(), f'"{member}":'.encode() + nested
    )
    assert read_entry(text) is None


def test_subjects_are_chosen_by_their_prefix() -> None:
    assert subjects_with_prefix(entry(), "torn/") == {"a": "2"}
    assert subjects_with_prefix(entry(), "witness/") == {}


def _line() -> bytes:
    return canonical(entry())


SAME_DATA: dict[str, bytes] = {
    "a number twice": b'{"n":7,' + _line()[1:],
    "a hash twice": b'{"hash":"%s",' % (b"0" * 64) + _line()[1:],
    "a signature twice": b'{"sig":"AAAA",' + _line()[1:],
    "a time twice": b'{"at":"2020-01-01T00:00:00+00:00",' + _line()[1:],
    "a statement twice": b'{"evidence":"%s",' % (b"1" * 64) + _line()[1:],
    "all subjects twice": b'{"subjects":{},' + _line()[1:],
    "a subject twice": _line().replace(b'"spec":', b'"spec":"%s","spec":' % (b"2" * 64)),
    "another order": orjson.dumps(dict(sorted(entry().items(), reverse=True))),
    "a blank between": _line().replace(b",", b", ", 1),
    "a blank before": b" " + _line(),
    "a tab after": _line() + b"\t",
    "a carriage return after": _line() + b"\r\n",
    "two line ends": _line() + b"\n\n",
    "an escaped letter": _line().replace(b'"n"', b'"\\u006e"'),
    "an escaped slash": _line().replace(b"torn/a", b"torn\\/a"),
    "lines of its own": orjson.dumps(entry(), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2),
}
"""What reads as the same data to this program, and to another one perhaps as something else."""


@pytest.mark.parametrize("line", SAME_DATA.values(), ids=SAME_DATA)
def test_a_line_that_is_written_in_another_way_is_no_entry(line: bytes) -> None:
    assert orjson.loads(line) == entry()
    assert read_entry(line) is None
    assert not is_torn(line), "so it is never set aside"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_counts_with_and_without_its_line_end(end: bytes) -> None:
    assert read_entry(_line() + end) == entry()

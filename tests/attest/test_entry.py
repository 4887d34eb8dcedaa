"""One line of the log: any change of it is named, and half of a line is no entry."""

from __future__ import annotations

from typing import Any

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


def test_subjects_are_chosen_by_their_prefix() -> None:
    assert subjects_with_prefix(entry(), "torn/") == {"a": "2"}
    assert subjects_with_prefix(entry(), "witness/") == {}

"""The layout of signed statements: the first deviation is named."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.attest.layout import ACCESS, KEY, PREDICATE, first_deviation

DIGEST = "0123456789abcdef" * 4
GOOD: dict[str, Any] = {
    "subject": [{"name": "spec", "digest": {"sha256": DIGEST}}],
    "predicateType": PREDICATE,
    "predicate": {
        "factory": "lab",
        "log": {"entries": 0, "head": ""},
        "items": {"spec": {"name": "0"}},
        "date": "2026-11-24",
    },
}


WRONG: tuple[dict[str, Any], ...] = (
    {"name": "spec", "digest": {"sha256": DIGEST, "sha512": DIGEST * 2}},
    {"name": "spec", "digest": {"sha256": DIGEST, "SHA256": "0" * 64}},
    {"name": "spec", "digest": {"sha512": DIGEST * 2}},
    {"name": "spec", "digest": {"sha256": DIGEST.upper()}},
    {"name": "spec", "digest": {"sha256": DIGEST[:-1]}},
    {"name": "spec", "digest": {"sha256": f"{DIGEST}\n"}},
    {"name": "spec", "digest": {"sha256": DIGEST}, "uri": "https://example.com/"},
)
"""Subjects with something that a reader of another program compares, and this one would not."""


def changed(**members: Any) -> dict[str, Any]:
    return {**GOOD, "predicate": {**GOOD["predicate"], **members}}


def test_a_statement_about_a_run_is_accepted() -> None:
    assert first_deviation(GOOD) == ""


@pytest.mark.parametrize(
    ("statement", "deviation"),
    [
        ({**GOOD, "subject": None}, "subject is no list"),
        ({**GOOD, "subject": [{"name": "spec"}]}, "subject[0] has no name with a SHA-256 alone"),
        *(({**GOOD, "subject": [wrong]}, "subject[0] has no name with a SHA-256 alone") for wrong in WRONG),
        ({**GOOD, "subject": GOOD["subject"] * 2}, "subject[1] has the name of one before it"),
        ({**GOOD, "predicate": []}, "predicate is no object"),
        (changed(factory=1), "predicate.factory is no text"),
        (changed(log={"entries": True, "head": ""}), "predicate.log has no number of entries and head"),
        (changed(log={"entries": -1, "head": ""}), "predicate.log has no number of entries and head"),
        (changed(items={"spec": {"name": 1}}), "predicate.items.spec is no object of digests"),
        (changed(verdict=1), "predicate.verdict is no object"),
        (changed(date="24.11.2026"), "predicate.date is no day"),
        (changed(date="20261124"), "predicate.date is no day"),
        (changed(date="2026-W48-2"), "predicate.date is no day"),
        (changed(date="2026-11-24T00:00:00"), "predicate.date is no day"),
        (changed(date=20261124), "predicate.date is no day"),
        ({**changed(), "predicateType": ACCESS}, "predicate.cluster is no text"),
        ({**changed(), "predicateType": KEY}, "predicate.old is no text"),
    ],
)
def test_the_first_deviation_is_named(statement: dict[str, Any], deviation: str) -> None:
    assert first_deviation(statement) == deviation

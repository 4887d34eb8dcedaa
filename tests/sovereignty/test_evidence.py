from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.sovereignty.evidence import NONE, read_evidence, read_evidence_text

GOOD = b"answers:\n  - {criterion: SOV-7.7, answer: 5, grade: contractual, source: clause 7, dated: 2026-06-01, expires: 2027-06-01}\n"  # noqa: E501 - one literal text


def test_evidence_counts_from_its_day_to_its_last_day() -> None:
    found = read_evidence_text(GOOD, "evidence.yaml")
    assert found.on("SOV-7.7", date(2026, 5, 31)) is None
    assert found.on("SOV-7.7", date(2026, 6, 1)) is not None
    assert found.on("SOV-7.7", date(2027, 6, 1)) is not None
    assert found.on("SOV-7.7", date(2027, 6, 2)) is None
    assert found.on("SOV-1.1", date(2026, 11, 24)) is None


@pytest.mark.parametrize(
    ("grade", "more", "last"),
    [
        ("self-attested", "", date(2020, 6, 1)),
        ("technically-verified", ", expires: 2099-12-31", date(2020, 6, 1)),
        ("contractual", "", date(2022, 6, 1)),
        ("certified", ", expires: 2099-12-31", date(2022, 6, 1)),
        ("contractual", ", expires: 2027-06-01", date(2027, 6, 1)),
    ],
)
def test_evidence_of_years_ago_counts_no_more(grade: str, more: str, last: date) -> None:
    text = f"answers:\n  - {{criterion: SOV-7.7, answer: 1, grade: {grade}, source: x, dated: 2019-06-01{more}}}\n"  # noqa: E501 - one literal text
    found = read_evidence_text(text.encode(), "evidence.yaml")
    assert found.on("SOV-7.7", last) is not None
    assert found.on("SOV-7.7", last + timedelta(days=1)) is None


def test_evidence_that_expires_before_it_was_made_is_refused() -> None:
    with pytest.raises(SpecError, match="before it was made"):
        read_evidence_text(GOOD.replace(b"2027-06-01", b"2025-06-01"), "evidence.yaml")


def test_every_wrong_line_is_named_at_once_with_its_place() -> None:
    text = b"""answers:
  - {criterion: SOV-9.9, answer: 1, grade: certified, source: x}
  - {criterion: SOV-2.1, answer: 4, grade: certified, source: x}
  - {criterion: SOV-1.1, answer: 1, grade: certified, source: x}
  - {criterion: SOV-1.1, answer: 2, grade: certified, source: x}
"""
    with pytest.raises(SpecError) as caught:
        read_evidence_text(text, "evidence.yaml")
    assert [(problem.code, problem.where.line) for problem in caught.value.problems] == [
        ("unknown-name", 2),
        ("out-of-range", 3),
        ("duplicate-key", 5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"- 1",
        b"answers: 5",
        b"answers:\n  - {criterion: SOV-1.1}",
        b"answers: [{criterion: SOV-1.1, answer: 1, grade: sworn, source: x}]",
        b"a: &x 1",
    ],
)
def test_what_is_no_evidence_is_refused_with_a_hint(text: bytes) -> None:
    with pytest.raises(SpecError) as caught:
        read_evidence_text(text, "evidence.yaml")
    assert all(problem.hint for problem in caught.value.problems)


def test_a_folder_without_evidence_has_none_and_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert read_evidence(tmp_path) is NONE
    (tmp_path / "evidence.yaml").write_bytes(GOOD)
    assert list(read_evidence(tmp_path).by_criterion) == ["SOV-7.7"]
    with pytest.raises(SpecError):
        read_evidence(tmp_path / "other.yaml")

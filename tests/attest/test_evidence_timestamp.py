from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest.entry import FIRST, canonical, make_entry
from sovereign_ai.attest.evidence_timestamp import (
    NotedLine,
    compare_line,
    note_of,
    noted_line,
    require_time,
    signature_of,
    token_of,
    with_token,
)
from sovereign_ai.attest.timestamp import StampError, TimeStamp
from sovereign_ai.errors import UsageError

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
TOKEN = b"a token"
DIGEST = note_of(TOKEN)["timestamp/rfc3161"]
ENVELOPE = {"signatures": [{"sig": base64.b64encode(b"signed").decode()}]}
SECOND = timedelta(seconds=1)


def stamp(at: datetime, accuracy: timedelta = timedelta()) -> TimeStamp:
    return TimeStamp(at, accuracy, "1.2.3.4", 1, None, "CN=Example Time")


def codes(at: datetime, line: NotedLine, accuracy: timedelta = timedelta()) -> list[str]:
    return [problem.code for problem in compare_line(stamp(at, accuracy), TOKEN, line)]


def test_a_token_stands_beside_the_one_signature_that_it_is_about() -> None:
    assert token_of(with_token(ENVELOPE, TOKEN)) == TOKEN
    assert signature_of(ENVELOPE) == b"signed"
    assert token_of(ENVELOPE) is None


@pytest.mark.parametrize(
    "rows", [[], ENVELOPE["signatures"] * 2, [{}], [{"sig": "?"}], [{"sig": 7}], None, "ab"]
)
def test_an_envelope_without_exactly_one_signature_is_refused(rows: object) -> None:
    with pytest.raises(StampError):
        signature_of({"signatures": rows})


@pytest.mark.parametrize("value", ["?", 7, None, ["AA=="]])
def test_what_is_no_token_is_refused(value: object) -> None:
    with pytest.raises(StampError):
        token_of({"timestamp": value})


def test_a_stamp_lies_between_its_line_and_the_one_before_as_far_as_clocks_agree() -> None:
    line = NotedLine((AT - timedelta(hours=1)).isoformat(), AT.isoformat(), DIGEST)
    slack = timedelta(minutes=1)
    for at in (AT + slack, AT, AT - timedelta(hours=1) - slack):
        assert codes(at, line) == []
    late, early = AT + slack + SECOND, AT - timedelta(hours=1) - slack - SECOND
    assert codes(late, line) == codes(early, line) == ["timestamp-time"]
    assert codes(late, line, accuracy=SECOND) == codes(early, line, accuracy=SECOND) == []
    assert codes(early, NotedLine("", AT.isoformat(), DIGEST)) == []


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["+00:00", "+23:59", "-23:59"])
def test_a_line_of_the_first_or_last_year_is_compared_too(day: str, zone: str) -> None:
    at = f"{day}{zone}"
    is_early = day.startswith("0001")
    assert codes(AT, NotedLine("", at, DIGEST)) == (["timestamp-time"] if is_early else [])
    assert codes(AT, NotedLine(at, "", DIGEST)) == ([] if is_early else ["timestamp-time"])


def test_a_token_that_the_line_does_not_note_is_a_problem() -> None:
    for digest in ("", "0" * 64):
        assert codes(AT, NotedLine("", AT.isoformat(), digest)) == ["wrong-timestamp"]


def test_the_clock_and_the_authority_must_agree() -> None:
    require_time(stamp(AT), AT + timedelta(seconds=60))
    for apart in (61, -61):
        with pytest.raises(UsageError, match="timestamp-time"):
            require_time(stamp(AT), AT + timedelta(seconds=apart))
        require_time(stamp(AT, SECOND), AT + timedelta(seconds=apart))


def test_a_line_of_the_log_gives_its_time_that_of_the_one_before_and_its_note(tmp_path: Path) -> None:
    key, previous, lines = Ed25519PrivateKey.generate(), FIRST, []
    times = [(AT + timedelta(days=day)).isoformat() for day in range(3)]
    for number, at in enumerate(times):
        notes = note_of(TOKEN) if number == 1 else {}
        entry = make_entry(number, previous, at, b"", {"subject": []}, key, notes)
        previous = entry["hash"]
        lines.append(canonical(entry) + b"\n")
    log = tmp_path / "lab.jsonl"
    log.write_bytes(b"".join(lines))
    assert noted_line(log, 0) == NotedLine("", times[0], "")
    assert noted_line(log, 1) == NotedLine(times[0], times[1], DIGEST)
    assert noted_line(log, 2) == NotedLine(times[1], times[2], "")
    assert noted_line(log, 3).digest == ""

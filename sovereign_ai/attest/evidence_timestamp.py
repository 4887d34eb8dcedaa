"""The time stamp of evidence: where its token is in the envelope and in the log, and which time it must have.

The envelope holds the token beside its one signature, and the line of the run notes the token's digest, so
that a token cannot be taken out or exchanged unseen. The authority's time must lie between the line before
and the run's own line, as far as clocks agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sovereign_ai.attest.chain import entries_of
from sovereign_ai.attest.entry import read_entry, sha256, subjects_with_prefix
from sovereign_ai.attest.line_agreement import CLOCK_TOLERANCE, is_near
from sovereign_ai.attest.signing import base64_text
from sovereign_ai.attest.timestamp import StampError, TimeStamp
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, exact_base64

MEMBER = "timestamp"
"""Member of an envelope that holds the token; readers of DSSE pass over members that they do not know."""
_NOTE, _KIND = "timestamp/", "rfc3161"
"""Subject of a line that notes a token: prefix and kind."""


@frozen_dataclass
class NotedLine:
    """What a line of the log says of the time stamp of its run.

    Attributes:
        before: time of the line before; empty if there is none.
        at: its own time.
        digest: SHA-256 of the token; empty if it notes none.
    """

    before: str
    at: str
    digest: str


def signature_of(envelope: Mapping[str, Any]) -> bytes:
    """Return what is stamped: the signature of an envelope, which has one.

    Raises:
        StampError: it has none, or several, so that the token may be about another's.
    """
    try:
        [row] = envelope["signatures"]
        return exact_base64(row["sig"])
    except (KeyError, TypeError, ValueError):
        raise StampError("the envelope does not have exactly one signature") from None


def token_of(envelope: Mapping[str, Any]) -> bytes | None:
    """Return the token of an envelope; None where it has none.

    Raises:
        StampError: the member is no base64.
    """
    if MEMBER not in envelope:
        return None
    try:
        return exact_base64(envelope[MEMBER])
    except RefusedKeyError as error:
        raise StampError(str(error)) from None


def with_token(envelope: Mapping[str, Any], token: bytes) -> dict[str, Any]:
    """Return an envelope with a token."""
    return {**envelope, MEMBER: base64_text(token)}


def note_of(token: bytes) -> dict[str, str]:
    """Return the subject that notes a token in the line of its run."""
    return {f"{_NOTE}{_KIND}": sha256(token)}


def noted_line(log: Path, number: int) -> NotedLine:
    """Return what a line of a whole log says of the time stamp of its run; the first has number 0."""
    before = ""
    # Only the line and the one before it are read as JSON: a log may have a line for each run of many years.
    for line in islice(entries_of(log), max(0, number - 1), number + 1):
        entry = read_entry(line)
        if entry is None:
            break
        if entry["n"] == number:
            return NotedLine(before, entry["at"], subjects_with_prefix(entry, _NOTE).get(_KIND, ""))
        before = entry["at"]
    return NotedLine(before, "", "")


def require_time(stamp: TimeStamp, clock: datetime) -> None:
    """Check that this machine's clock and the authority's agree, before a line is signed by the first.

    Raises:
        UsageError: they do not.
    """
    apart = abs(stamp.at - clock)
    if apart > CLOCK_TOLERANCE + stamp.accuracy:
        message = f"the authority's time is {stamp.at.isoformat()}, and the clock shows {clock.isoformat()}"
        hint = "set the clock right; nothing was signed or added to the log"
        raise UsageError(Problem("timestamp-time", message, hint=hint))


def compare_line(stamp: TimeStamp, token: bytes, line: NotedLine) -> list[Problem]:
    """Compare a time stamp with the line of its run."""
    problems: list[Problem] = []
    if line.digest != sha256(token):
        message = "time stamp: the log notes another one for this run, or none"
        hint = "it was exchanged or added after the run; ask the operator for the evidence as it was"
        problems.append(Problem("wrong-timestamp", message, hint=hint))
    # The log's times are the signer's clock, the stamp's is the authority's.
    slack = CLOCK_TOLERANCE + stamp.accuracy
    # Differences, since a time of the first or last year plus a minute is none.
    if line.at and stamp.at - datetime.fromisoformat(line.at) > slack:
        problems.append(_out_of_order(stamp, "later", f"its line, which is of {line.at}"))
    if line.before and datetime.fromisoformat(line.before) - stamp.at > slack:
        problems.append(
            _out_of_order(stamp, "earlier", f"the line before its own, which is of {line.before}")
        )
    return problems


def compare_day(stamp: TimeStamp, statement: Mapping[str, Any]) -> list[Problem]:
    """Compare a time stamp with the day of a run, for a reader without the log.

    Args:
        stamp: the time stamp.
        statement: a statement about a run.
    """
    day = date.fromisoformat(statement["predicate"]["date"])
    if is_near(day, stamp.at):
        return []
    message = f"time stamp: it is of {stamp.at.isoformat(timespec='seconds')}, and the statement is for {day}"
    hint = "evidence is stamped when it is signed; ask the operator which of both days is right"
    return [Problem("timestamp-time", message, hint=hint)]


def _out_of_order(stamp: TimeStamp, word: str, than: str) -> Problem:
    """Return the problem that the authority's time contradicts the log's."""
    message = f"time stamp: it is of {stamp.at.isoformat(timespec='seconds')}, {word} than {than}"
    hint = "the log's clock and the authority's disagree; ask the operator which clock was wrong"
    return Problem("timestamp-time", message, hint=hint)


def removed_problem() -> Problem:
    """Return the problem that the log notes a token which the envelope does not hold."""
    message = "time stamp: the log notes one for this run, and the evidence holds none"
    return Problem(
        "no-timestamp", message, hint="it was taken out; ask the operator for the evidence as it was"
    )

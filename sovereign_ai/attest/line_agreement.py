"""What a statement and its line in the log both say: the time, the names and the place in the log.

Whoever holds the key can sign two things that contradict each other. A reader who sees one of them would
believe a day on which nothing was signed, or access that began before anybody agreed. So each pair is
compared where a line is added, and wherever a statement is read with its line.

>>> said = {"predicateType": PREDICATE, "predicate": {"date": "2026-11-24"}}
>>> list(time_differences(said, "2026-12-31T12:00:00+00:00"))
['the statement is for 2026-11-24, and its line is of 2026-12-31T12:00:00+00:00']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sovereign_ai.attest.layout import ACCESS, KEY, PREDICATE
from sovereign_ai.errors import Problem, Where

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far two clocks of one run may be apart: commands wait for each other, and clocks are corrected."""
MOST_DAYS = timedelta(days=1)
"""How far the day of a run may be from its line: a run around midnight, or in another time zone."""
OBSERVED_AHEAD = timedelta(minutes=5)
"""How far the clock of a computer that observed may be ahead of the signer's."""
_SIGNERS_HINT = "sign on the day that is stated, or state the day on which it is signed: leave out --on"
_READERS_HINT = "only one of both can be true: ask who signed it which, and believe neither until then"


def line_problems(statement: Mapping[str, Any], entry: Mapping[str, Any], where: Where) -> list[Problem]:
    """Return a problem for each thing in which a statement and its line contradict each other.

    Args:
        statement: a statement that was opened by `evidence.open_envelope`.
        entry: the line.
        where: the line's place.
    """
    differences = [*_place_differences(statement, entry), *time_differences(statement, str(entry["at"]))]
    problems: list[Problem] = []
    for difference in differences:
        message = f"log: line {entry['n'] + 1}: {difference}"
        problems.append(Problem("contradiction", message, where, _READERS_HINT))
    return problems


def refused_differences(statement: Mapping[str, Any], at: str) -> list[Problem]:
    """Return a problem for each two times that contradict each other, for who is about to add a line.

    Args:
        statement: the statement.
        at: the time that the line would have.
    """
    problems: list[Problem] = []
    for difference in time_differences(statement, at):
        problems.append(Problem("contradiction", difference, hint=_SIGNERS_HINT))
    return problems


def own_problems(statement: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each time of a statement that contradicts another of it, without its line.

    Args:
        statement: a statement that was opened by `evidence.open_envelope`.
    """
    predicate = statement["predicate"]
    if statement["predicateType"] == PREDICATE:
        differences = list(_observed_differences(predicate, date.fromisoformat(predicate["date"])))
    else:
        differences = list(_stated_differences(statement))
    problems: list[Problem] = []
    for difference in differences:
        problems.append(Problem("contradiction", f"envelope: {difference}", hint=_READERS_HINT))
    return problems


def future_problems(name: str, stated: datetime | None, now: datetime) -> list[Problem]:
    """Return the problem that something is of a time that is still to come, if it is.

    Args:
        name: what is of that time.
        stated: the time; None for none that can be read.
        now: the reader's clock.
    """
    if stated is None or stated - now <= MOST_DAYS:
        return []
    message = f"{name} is of {stated.isoformat()}, which is still to come"
    hint = "set this computer's clock right; if it is, ask who signed it by which clock"
    return [Problem("future", message, hint=hint)]


def stated_moment(statement: Mapping[str, Any]) -> datetime | None:
    """Return when a statement was made, as it says: the beginning of its day, or a moment.

    None where what it says is no time.
    """
    predicate = statement["predicate"]
    if statement["predicateType"] == PREDICATE:
        return datetime.combine(date.fromisoformat(predicate["date"]), time.min, UTC)
    return _moment(predicate["at"])


def time_differences(statement: Mapping[str, Any], at: str) -> Iterator[str]:
    """Yield in words each two times of a statement and its line that contradict each other.

    Args:
        statement: the statement.
        at: the line's time.
    """
    predicate = statement["predicate"]
    line = datetime.fromisoformat(at)
    if statement["predicateType"] == PREDICATE:
        yield from _run_differences(predicate, line, at)
        return
    stated = _moment(predicate["at"])
    if stated is not None and abs(line - stated) > CLOCK_TOLERANCE:
        yield f"the statement is of {predicate['at']}, and its line is of {at}"
    yield from _stated_differences(statement)


def _stated_differences(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield what contradicts itself in the times of a statement that is none of a run."""
    predicate = statement["predicate"]
    stated = _moment(predicate["at"])
    if stated is None:
        yield f"the statement is of {predicate['at'][:40]!r}, which is no time with an offset"
        return
    if statement["predicateType"] == ACCESS:
        yield from _access_differences(predicate, stated)
    if statement["predicateType"] == KEY and predicate["until"]:
        yield from _key_differences(predicate, stated)


def _run_differences(predicate: Mapping[str, Any], line: datetime, at: str) -> Iterator[str]:
    """Yield what contradicts itself in the times of a run."""
    day = date.fromisoformat(predicate["date"])
    if not is_near(day, line):
        yield f"the statement is for {day}, and its line is of {at}"
    yield from _observed_differences(predicate, day)
    observed = _moment(predicate.get("observation", {}).get("observed_at"))
    if observed is not None and observed - line > OBSERVED_AHEAD:
        stated = predicate["observation"]["observed_at"]
        yield f"the observation is of {stated}, after its line, which is of {at}"


def _observed_differences(predicate: Mapping[str, Any], day: date) -> Iterator[str]:
    """Yield what contradicts the day of a run in the time of what was observed."""
    observed_at = predicate.get("observation", {}).get("observed_at")
    if observed_at is None:
        return
    observed = _moment(observed_at)
    if observed is None:
        yield f"the observation is of {str(observed_at)[:40]!r}, which is no time with an offset"
        return
    if not is_near(day, observed):
        yield f"the observation is of {observed_at}, and the statement is for {day}"


def _access_differences(predicate: Mapping[str, Any], stated: datetime) -> Iterator[str]:
    """Yield what contradicts itself in the times of a grant or its early end."""
    access = predicate["access"]
    begins, ends = _moment(access["begins"]), _moment(access["ends"])
    if begins is None or ends is None:
        yield f"the access is from {access['begins'][:40]!r} to {access['ends'][:40]!r}: no two times"
        return
    if ends <= begins:
        yield f"the access ends at {access['ends']}, and begins at {access['begins']}"
    if predicate["event"] == "revoked":
        if begins - stated > CLOCK_TOLERANCE:
            yield f"the access was ended at {predicate['at']}, before it began at {access['begins']}"
    elif abs(stated - begins) > CLOCK_TOLERANCE:
        yield f"the access begins at {access['begins']}, and was recorded at {predicate['at']}"


def _key_differences(predicate: Mapping[str, Any], stated: datetime) -> Iterator[str]:
    """Yield what contradicts itself in the times of a hand-over whose key has a last day."""
    try:
        until = date.fromisoformat(predicate["until"])
    except ValueError:
        yield f"the last day of the new key is {predicate['until'][:40]!r}, which is no day"
        return
    if stated > datetime.combine(until, time.max, UTC):
        yield f"the last day of the new key is {until}, before the hand-over of {predicate['at']}"


def _place_differences(statement: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a statement says otherwise than its line about names, and its place in the log."""
    log = statement["predicate"]["log"]
    if log["entries"] != entry["n"]:
        yield f"the statement was signed for line {log['entries'] + 1}"
    elif log["entries"] and log["head"] != entry["previous"]:
        yield "the statement was signed after another line than the one before it"
    for subject in statement["subject"]:
        name, digest = subject["name"], subject["digest"]["sha256"]
        if entry["subjects"].get(name) != digest:
            yield f"the statement is about {name[:80]} {digest[:12]}, and its line is not"


def is_near(day: date, moment: datetime) -> bool:
    """Return whether a moment lies on a day in UTC, or on one beside it."""
    # As a difference, since a moment of the first or last year has no day in UTC.
    since = moment - datetime.combine(day, time.min, UTC)
    return -MOST_DAYS <= since < 2 * MOST_DAYS


def _moment(text: Any) -> datetime | None:
    """Return the moment of a text; None if it is no time with an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None

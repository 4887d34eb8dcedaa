"""What a repair controller has decided of a machine, kept on the machine's own Node.

The controller keeps nothing itself: whatever kills it, the next one reads where each repair stands. The
record is one annotation, written together with the cordon in one request, so that there is never one without
the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS

ANNOTATION = f"{KEYS.domain}/repair"
"""The annotation of a Node that has the record."""
ACCEPTANCE = f"{KEYS.domain}/acceptance"
"""The annotation of a Node that has the verdict of its acceptance: `passed` or `failed`, `at` a moment."""
REPLACES = f"{KEYS.domain}/stands-in-for"
"""The annotation of a spare that names the machine in whose place it works."""
REPAIRS = f"{KEYS.domain}/repairs"
"""The annotation of a Node with the moments of its earlier repairs."""
HOLD = f"{KEYS.domain}/hold"
"""The annotation of a Node by which a person keeps the controller from it, with the reason."""
CONTROLLER = "sovereign-ai-repair"
"""The name of the repair controller: as cordon's owner, field manager, lease holder and source of events."""
_MOST_LETTERS = 2048
_MOST_ATTEMPTS = 1000
_MOST_REPAIRS = 32


class Step(StrEnum):
    """Where the repair of a machine stands; in this order, unless a step fails."""

    DRAIN = "Drain"
    """No new pods; running ones are evicted as far as their disruption budgets let them."""
    RESET = "Reset"
    """No pods; the GPUs are being reset."""
    REBOOT = "Reboot"
    """No pods; the machine is being restarted."""
    ACCEPT = "Accept"
    """No fault is reported any more; the machine's acceptance is awaited."""
    TICKET = "Ticket"
    """Given up: a person has to look."""


@frozen_dataclass
class Record:
    """A repair that has begun.

    Attributes:
        step: where it stands.
        since: when this step began, UTC.
        cause: the faults with which it began, for a person.
        attempts: how often the machine was reset or restarted in this repair.
        gpus: the GPUs to reset; empty for all of them.
        drains: whether its pods are being evicted; False as long as the machine waits for its drain.
        partial: whether pods run on that hold none of the GPUs to reset: before a restart they have to go.
    """

    step: Step
    since: datetime
    cause: str
    attempts: int = 0
    gpus: tuple[int, ...] = ()
    drains: bool = False
    partial: bool = False

    def to_text(self) -> str:
        """Return the record as an annotation's value."""
        data = asdict(self) | {"since": self.since.astimezone(UTC).isoformat(timespec="seconds")}
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


def read_record(text: str | None) -> Record | None:
    """Return the record of an annotation.

    Anybody who may write Nodes may write one: what is not a record of this form counts as none, and the
    machine's repair begins anew. That is safe, since a repair only ever begins by cordoning and draining.

    Args:
        text: the annotation's value; None if the Node has none.
    """
    if text is None or len(text) > _MOST_LETTERS:
        return None
    try:
        data = orjson.loads(text)
        since = read_moment(data["since"])
        gpus = tuple(int(gpu) for gpu in data["gpus"])
        step, attempts = Step(data["step"]), int(data["attempts"])
        cause = str(data["cause"])
        # A controller of an older version does not write it, and began each drain at once.
        drains = data.get("drains", step is Step.DRAIN) is True
        partial = data.get("partial", False) is True
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    if since is None or not 0 <= attempts <= _MOST_ATTEMPTS:
        return None
    return Record(step, since, cause, attempts, gpus, drains, partial)


def read_moment(text: object) -> datetime | None:
    """Return a time stamp as the API server writes it, in UTC.

    None where it is none, has no time zone, or is none in UTC, such as the first hour of the year 1 in Asia.
    """
    try:
        moment = datetime.fromisoformat(str(text))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def write_repairs(moments: Iterable[datetime]) -> str:
    """Return the annotation's value of earlier repairs, the newest last."""
    texts = [moment.astimezone(UTC).isoformat(timespec="seconds") for moment in moments]
    return " ".join(texts[-_MOST_REPAIRS:])


def read_repairs(text: str | None) -> tuple[datetime, ...]:
    """Return the moments of earlier repairs; what is none is left out, since anybody may write there."""
    moments = [read_moment(word) for word in (text or "")[:_MOST_LETTERS].split()]
    return tuple(moment for moment in moments if moment is not None)[-_MOST_REPAIRS:]


def write_verdict(*, passed: bool, now: datetime) -> str:
    """Return the annotation's value of an acceptance that passed or failed."""
    return f"{'passed' if passed else 'failed'} at {now.astimezone(UTC).isoformat(timespec='seconds')}"


def read_verdict(text: str | None, since: datetime) -> bool | None:
    """Return whether an acceptance passed; None if there is none of a moment after the given one.

    Args:
        text: the annotation's value; None if the Node has none.
        since: when the acceptance was requested: an older verdict is of a machine before its repair.
    """
    word, _, moment = (text or "").partition(" at ")
    at = read_moment(moment)
    if word not in {"passed", "failed"} or at is None or at < since:
        return None
    return word == "passed"

"""What a look at hosts found, as Pulumi tells it: paths that name host and task, and the difference as their value.

>>> path("drift", "train-001", "baseline: Kernel parameters")
'drift["train-001"]["baseline: Kernel parameters"]'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.deploy.host_events import Change
from sovereign_ai.deploy.hosts import Outcome

MOST_TEXT = 2_000_000
"""Characters of differences that one resource carries; beyond it a task is named without its difference."""
_WORDS = {"cancelled": "the look was cancelled", "not-run": "no task reached it"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found.

    Attributes:
        drift: host to what would change on it: role and task, to the difference line by line.
        failed: host to why it could not be looked at, or not whole.
    """

    drift: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Tell whether every host was seen and none differs."""
        return not self.drift and not self.failed

    def to_data(self) -> dict[str, Any]:
        """Give the properties of a resource that hold it."""
        return {"drift": {host: dict(tasks) for host, tasks in self.drift.items()}, "failed": dict(self.failed)}

    def paths(self) -> Iterator[str]:
        """Give the property of each difference and of each host that could not be seen."""
        for host, tasks in self.drift.items():
            for task in tasks:
                yield path("drift", host, task)
        for host in self.failed:
            yield path("failed", host)

    def lines(self) -> Iterator[tuple[bool, str]]:
        """Give a line a host, and whether it is one that could not be seen."""
        for host, tasks in self.drift.items():
            yield False, f"{host} differs: {'; '.join(tasks)}"
        for host, reason in self.failed.items():
            yield True, f"{host} could not be looked at: {reason}"


def seen(outcome: Outcome) -> Seen:
    """Read a look's outcome; a host of which nothing was heard counts as not seen."""
    room = MOST_TEXT
    drift: dict[str, dict[str, str]] = {}
    failed: dict[str, str] = {}
    for one in outcome.results:
        for change in one.changes:
            tasks = drift.setdefault(one.host, {})
            said = change.diff if len(change.diff) <= room else ""
            room -= len(said)
            tasks[name_of(change)] = tasks.get(name_of(change), "") + (said or "would change\n")
        if one.failure or one.state not in ("ok", "drift"):
            failed[one.host] = one.failure or _WORDS.get(one.state, one.state)
    return Seen(drift, failed)


def name_of(change: Change) -> str:
    """Name what would change: role, task and item."""
    task = change.task.removeprefix(f"{change.role} : ")
    return f"{change.role}: {task}" + (f" ({change.item})" if change.item else "")


def path(*parts: str) -> str:
    """Write a property's path; every part but the first stands in quotes, since names have dots and spaces."""
    quoted = [part.replace("\\", "\\\\").replace('"', '\\"') for part in parts[1:]]
    return parts[0] + "".join(f'["{part}"]' for part in quoted)


def failures(outcome: Outcome) -> list[str]:
    """Say which hosts a run did not bring to the plan, each with its reason, and why it stopped where it did."""
    lines = [f"{one.host} {one.state}: {one.failure}" for one in outcome.bad]
    left = [one.host for one in outcome.results if one.state in ("cancelled", "not-run")]
    if left:
        shown = ", ".join(left[:10]) + (f" and {len(left) - 10:,} more" if len(left) > 10 else "")
        lines.append(f"not brought to the plan: {shown}")
    return [*lines, outcome.stopped] if outcome.stopped else lines

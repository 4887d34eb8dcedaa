"""The drift of hosts as Pulumi shows it: paths that name host and task, with the difference as their value.

>>> path("drift", "train-001", "baseline: Kernel parameters")
'drift["train-001"]["baseline: Kernel parameters"]'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from sovereign_ai.deploy.hosts.events import HostChange
from sovereign_ai.deploy.hosts.runner import HostRun
from sovereign_ai.frozen_dataclass import frozen_dataclass

MOST_TEXT = 2_000_000
"""Characters of differences that one resource carries; beyond it a task is named without its difference."""
_MOST_NAMED = 10
_WORDS = {"cancelled": "the check was cancelled", "not-run": "no task reached it"}


@frozen_dataclass
class HostDrift:
    """The result of a check of hosts.

    Attributes:
        drift: host to what would change on it: role and task, to the difference line by line.
        failed: host to why it could not be checked, or not in full.
    """

    drift: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every host was checked and none differs."""
        return not self.drift and not self.failed

    def to_data(self) -> dict[str, Any]:
        """Return the properties of a resource that hold the result."""
        drift = {host: dict(tasks) for host, tasks in self.drift.items()}
        return {"drift": drift, "failed": dict(self.failed)}

    def paths(self) -> Iterator[str]:
        """Yield the property path of each difference, and of each host that could not be checked."""
        for host, tasks in self.drift.items():
            for task in tasks:
                yield path("drift", host, task)
        for host in self.failed:
            yield path("failed", host)

    def lines(self) -> Iterator[tuple[bool, str]]:
        """Yield for each host whether its check failed, and a line for a person."""
        for host, tasks in self.drift.items():
            yield False, f"{host} differs: {'; '.join(tasks)}"
        for host, reason in self.failed.items():
            yield True, f"{host} could not be checked: {reason}"


def drift_of(outcome: HostRun) -> HostDrift:
    """Return the drift in the outcome of a check; a host that reported nothing counts as failed."""
    # One budget for all hosts, since their differences all become properties of one resource.
    room = MOST_TEXT
    drift: dict[str, dict[str, str]] = {}
    failed: dict[str, str] = {}
    for result in outcome.results:
        for change in result.changes:
            tasks = drift.setdefault(result.host, {})
            text = change.diff if len(change.diff) <= room else ""
            room -= len(text)
            name = name_of(change)
            tasks[name] = tasks.get(name, "") + (text or "would change\n")
        if result.failure or result.state not in ("ok", "drift"):
            failed[result.host] = result.failure or _WORDS.get(result.state, result.state)
    return HostDrift(drift, failed)


def name_of(change: HostChange) -> str:
    """Return the name of a change: role, task and item."""
    # Ansible prefixes a role's tasks with the role's name.
    task = change.task.removeprefix(f"{change.role} : ")
    item = f" ({change.item})" if change.item else ""
    return f"{change.role}: {task}{item}"


def path(*parts: str) -> str:
    """Return a property's path; every part but the first is quoted, since names have dots and spaces."""
    text = parts[0]
    for part in parts[1:]:
        quoted = part.replace("\\", "\\\\").replace('"', '\\"')
        text += f'["{quoted}"]'
    return text


def failures(outcome: HostRun) -> list[str]:
    """Return a line for each host that a run did not bring to the plan, and why the run stopped early."""
    lines = []
    for result in outcome.bad:
        line = f"{result.host} {result.state}: {result.failure}"
        lines.append(line)
    left = [result.host for result in outcome.results if result.state in ("cancelled", "not-run")]
    if left:
        shown = ", ".join(left[:_MOST_NAMED])
        if len(left) > _MOST_NAMED:
            shown += f" and {len(left) - _MOST_NAMED:,} more"
        lines.append(f"not brought to the plan: {shown}")
    if outcome.stopped:
        lines.append(outcome.stopped)
    return lines

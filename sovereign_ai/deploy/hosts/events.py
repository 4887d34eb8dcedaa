"""Read the events of an Ansible run into one result a host. The module is pure: it is tested without Ansible.

>>> events = HostEvents(("a",), check=True)
>>> data = {"host": "a", "task": "t", "role": "r", "res": {"changed": True}}
>>> events.take_event({"event": "runner_on_ok", "event_data": data})
>>> events.result("a").state
'drift'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean, clean_lines, counted

State = Literal["ok", "changed", "drift", "failed", "unreachable", "cancelled", "not-run"]
FAILED_STATES: tuple[State, ...] = ("failed", "unreachable")
MOST_DIFF = 4_000
"""Characters of one change that are kept; a longer one reports how many are left out."""
_LONGEST, _MOST_NOTES, _MOST_CHANGES = 600, 200, 20_000
"""Characters of a failure or a note that are kept, and notes and changes of one host."""


@frozen_dataclass
class HostChange:
    """One thing that was changed, or would be.

    Attributes:
        role: the role.
        task: the task's name.
        item: the item of a loop; empty where the task has no loop.
        diff: what differs, for a person.
    """

    role: str
    task: str
    item: str
    diff: str

    def to_data(self) -> dict[str, str]:
        """Return plain data for `--json`."""
        return {"role": self.role, "task": self.task, "item": self.item, "diff": self.diff}


@frozen_dataclass
class HostResult:
    """The result of a run on one host.

    Attributes:
        host: its name.
        state: `ok` nothing to do; `changed`; `drift` would be changed; `failed`; `unreachable`; `cancelled`;
            `not-run`.
        changes: every change, in order.
        failure: what failed, with the role and task; empty if nothing did.
        notes: what a role reports to a person, such as a driver that was not installed.
    """

    host: str
    state: State
    changes: tuple[HostChange, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        changes = [change.to_data() for change in self.changes]
        return {
            "host": self.host,
            "state": self.state,
            "changes": changes,
            "failure": self.failure,
            "notes": list(self.notes),
        }


@dataclass
class _HostState:
    """What the events have reported of a host so far."""

    changes: list[HostChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    unreachable: bool = False
    has_reported: bool = False


class HostEvents:
    """Collects the events of one run.

    Args:
        hosts: the hosts of the run; a host without any event was not run.
        check: whether the run only looks.
    """

    def __init__(self, hosts: Iterable[str], *, check: bool) -> None:
        """Start without any event."""
        self.check = check
        self.task = ""
        self.over = False
        self._hosts = {name: _HostState() for name in hosts}

    def take_event(self, event: Mapping[str, Any], *, ending: bool = False) -> None:
        """Read one event; unknown kinds of events are ignored.

        Args:
            event: the event, as ansible-runner passes it.
            ending: whether the run has been asked to end. A task whose process is killed then fails, and that
                is not the host's failure.
        """
        data = event.get("event_data")
        if not isinstance(data, Mapping):
            data = {}
        kind = str(event.get("event", ""))
        if kind == "playbook_on_task_start":
            self.task = str(data.get("name", "")).replace(" : ", ": ")
        if kind == "playbook_on_stats":
            # Ansible prints its statistics last: without them it ended before the play was over.
            self.over = True
        host = self._hosts.get(str(data.get("host", "")))
        if host is None:
            return
        host.has_reported = True
        result = data.get("res")
        if not isinstance(result, Mapping):
            # A module that crashes may leave plain text, or nothing, where its result should be.
            result = {"msg": result or ""}
        try:
            self._record(host, kind, data, result, ending=ending)
        except Exception as error:  # noqa: BLE001 - a malformed answer fails its host alone
            host.failure = f"{_task_name(data)}: its answer cannot be read ({type(error).__name__})"

    def _record(
        self,
        host: _HostState,
        kind: str,
        data: Mapping[str, Any],
        result: Mapping[str, Any],
        *,
        ending: bool,
    ) -> None:
        """Record what an event reports of a host."""
        if ending and kind in ("runner_on_unreachable", "runner_on_failed"):
            return
        if kind == "runner_on_unreachable":
            host.failure = _failure_text(result)
            host.unreachable = True
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            host.failure = f"{_task_name(data)}: {_failure_text(result)}"
        elif kind in ("runner_on_ok", "runner_item_on_ok"):
            self._record_success(host, data, result, is_item=kind == "runner_item_on_ok")

    def _record_success(
        self, host: _HostState, data: Mapping[str, Any], result: Mapping[str, Any], *, is_item: bool
    ) -> None:
        """Record the change and the note of a task that succeeded."""
        # A loop sends an event for each item and one for the whole, whose result has `results`: count items
        # alone.
        is_loop = "results" in result
        is_note = data.get("task_action") in ("debug", "ansible.builtin.debug")
        if is_note and not is_loop and result.get("msg") and len(host.notes) < _MOST_NOTES:
            host.notes.append(_shorten(result["msg"]))
        if not result.get("changed") or (is_loop and not is_item):
            return
        label = result.get("_ansible_item_label") or result.get("item") or ""
        diff = diff_text(result.get("diff"))
        if len(host.changes) >= _MOST_CHANGES:
            return
        role, task = str(data.get("role", "")), str(data.get("task", ""))
        item = _shorten(label) if is_item else ""
        host.changes.append(HostChange(role, task, item, diff))

    def result(self, host: str, *, cancelled: bool = False) -> HostResult:
        """Return the result of one host.

        Args:
            host: its name.
            cancelled: whether the run was cancelled before its end.
        """
        record = self._hosts[host]
        state: State = "ok"
        if record.unreachable:
            state = "unreachable"
        elif record.failure:
            state = "failed"
        elif cancelled and not self.over:
            # The host may have tasks left, whatever it reported so far.
            state = "cancelled" if record.has_reported else "not-run"
        elif not record.has_reported:
            state = "not-run"
        elif record.changes:
            state = "drift" if self.check else "changed"
        return HostResult(host, state, tuple(record.changes), record.failure, tuple(record.notes))

    def results(self, *, cancelled: bool = False) -> tuple[HostResult, ...]:
        """Return the result of every host, in the order of the run's hosts."""
        return tuple(self.result(host, cancelled=cancelled) for host in self._hosts)


def _task_name(data: Mapping[str, Any]) -> str:
    """Return the role and the task of an event, as `role: task`."""
    role, task = data.get("role"), data.get("task")
    return ": ".join(str(part) for part in (role, task) if part)


def _failure_text(result: Mapping[str, Any]) -> str:
    """Return the message of a failure; of a loop, that of the first item that failed."""
    items = result.get("results")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("failed"):
            return _failure_text({**item, "results": None})
    # `module_stderr` holds what a module printed that crashed before it could return a message.
    text = result.get("msg") or result.get("stderr") or result.get("module_stderr")
    return _shorten(text or "it gave no reason")


def _shorten(value: Any) -> str:
    """Return a host's text on one short line, without control characters and secrets."""
    text = value if isinstance(value, str) else str(value)
    # Cut before cleaning: a hostile or broken host may send megabytes, and most of them would be dropped
    # anyway.
    return clean(" ".join(text[: _LONGEST * 8].split()))[:_LONGEST]


def diff_text(diff: Any) -> str:
    """Return a module's diff as text: prepared text, or the lines that only one side has."""
    rows: Sequence[Any] = diff if isinstance(diff, list) else [diff]
    text = ""
    for row in rows:
        if isinstance(row, dict):
            text += _difference(row)
    kept = "\n".join(clean_lines(text[:MOST_DIFF]))
    if len(text) <= MOST_DIFF:
        return kept
    return f"{kept}\n… {counted(len(text) - MOST_DIFF, 'more character')}\n"


def _difference(row: Mapping[str, Any]) -> str:
    """Return one entry of a diff as text."""
    if row.get("prepared"):
        return str(row["prepared"])
    before, after = _side_lines(row.get("before")), _side_lines(row.get("after"))
    if before == after:
        return ""
    head = str(row.get("after_header") or row.get("before_header") or "")
    text = f"{head}\n" if head else ""
    # Looked up for every line, and a diff may be a whole file.
    kept, known = set(after), set(before)
    for line in before:
        if line not in kept:
            text += f"- {line}\n"
    for line in after:
        if line not in known:
            text += f"+ {line}\n"
    return text


def _side_lines(side: Any) -> list[str]:
    """Return one side of a diff as lines; a mapping gives a line for each key."""
    if isinstance(side, dict):
        return [f"{key}: {value}" for key, value in sorted(side.items())]
    return str(side or "").splitlines()

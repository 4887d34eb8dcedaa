"""What a run of Ansible said, read into one result a host: pure, so that it is tested without Ansible.

>>> heard = Heard(("a",), check=True)
>>> heard.hear({"event": "runner_on_ok", "event_data": {"host": "a", "task": "t", "role": "r", "res": {"changed": True}}})
>>> heard.result("a").state
'drift'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "changed", "drift", "failed", "unreachable", "cancelled", "not-run"]
BAD: tuple[State, ...] = ("failed", "unreachable")
MOST_DIFF = 4_000
"""Characters of one change that are kept; a longer one says how much is left out."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed, or would be.

    Attributes:
        role: the role.
        task: the task's name.
        item: which of several; empty where there is one.
        diff: what differs, for a person.
    """

    role: str
    task: str
    item: str
    diff: str

    def to_data(self) -> dict[str, str]:
        """Give plain data."""
        return {"role": self.role, "task": self.task, "item": self.item, "diff": self.diff}


@dataclass(frozen=True, slots=True)
class HostResult:
    """What came of one host.

    Attributes:
        host: its name.
        state: `ok` nothing to do; `changed`; `drift` would be changed; `failed`; `unreachable`; `cancelled`; `not-run`.
        changes: every change, in order.
        failure: what failed, with the role and task; empty if nothing did.
        notes: what a role wants a person to know, such as a driver that was not installed.
    """

    host: str
    state: State
    changes: tuple[Change, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        changes = [one.to_data() for one in self.changes]
        return {"host": self.host, "state": self.state, "changes": changes, "failure": self.failure, "notes": list(self.notes)}


@dataclass
class _Host:
    """What has been heard of a host so far."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    unreachable: bool = False
    heard: bool = False


class Heard:
    """Listens to the events of one run.

    Args:
        hosts: the hosts of the run; one of which nothing is heard was not run.
        check: whether the run only looks.
    """

    def __init__(self, hosts: Iterable[str], *, check: bool) -> None:
        """Begin with nothing heard."""
        self.check = check
        self.task = ""
        self.over = False
        self._hosts = {name: _Host() for name in hosts}

    def hear(self, event: Mapping[str, Any], *, ending: bool = False) -> None:
        """Take one event; what is not known is not minded.

        Args:
            event: the event, as ansible-runner gives it.
            ending: whether the run has been asked to end: a task whose process is taken away fails, and that is no host's failure.
        """
        data = event.get("event_data") or {}
        kind = str(event.get("event", ""))
        if kind == "playbook_on_task_start":
            self.task = str(data.get("name", "")).replace(" : ", ": ")
        if kind == "playbook_on_stats":
            self.over = True
        one = self._hosts.get(str(data.get("host", "")))
        if one is None:
            return
        one.heard = True
        result = data.get("res") or {}
        if ending and kind in ("runner_on_unreachable", "runner_on_failed"):
            return
        if kind == "runner_on_unreachable":
            one.unreachable, one.failure = True, _said(result)
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            one.failure = f"{_place(data)}: {_said(result)}"
        elif kind in ("runner_on_ok", "runner_item_on_ok"):
            self._went_well(one, data, result, item=kind == "runner_item_on_ok")

    def _went_well(self, one: _Host, data: Mapping[str, Any], result: Mapping[str, Any], *, item: bool) -> None:
        """Take what a task did; a loop is counted by its items and not again as a whole."""
        if data.get("task_action") in ("debug", "ansible.builtin.debug") and "results" not in result and result.get("msg"):
            one.notes.append(str(result["msg"]))
        if result.get("changed") and (item or "results" not in result):
            label = result.get("_ansible_item_label") or result.get("item") or ""
            diff = written(result.get("diff"))
            one.changes.append(Change(str(data.get("role", "")), str(data.get("task", "")), str(label) if item else "", diff))

    def result(self, host: str, *, cancelled: bool = False) -> HostResult:
        """Give what came of a host.

        Args:
            host: its name.
            cancelled: whether the run was ended before its time.
        """
        one = self._hosts[host]
        state: State = "ok"
        if one.unreachable:
            state = "unreachable"
        elif one.failure:
            state = "failed"
        elif cancelled and not self.over:
            state = "cancelled" if one.heard else "not-run"
        elif not one.heard:
            state = "not-run"
        elif one.changes:
            state = "drift" if self.check else "changed"
        return HostResult(host, state, tuple(one.changes), one.failure, tuple(one.notes))

    def results(self, *, cancelled: bool = False) -> tuple[HostResult, ...]:
        """Give what came of every host."""
        return tuple(self.result(host, cancelled=cancelled) for host in self._hosts)


def _place(data: Mapping[str, Any]) -> str:
    """Name role and task."""
    return ": ".join(str(part) for part in (data.get("role"), data.get("task")) if part)


def _said(result: Mapping[str, Any]) -> str:
    """Give a failure's own words, of the first item that failed where there are several."""
    failed = [one for one in result.get("results", ()) if isinstance(one, dict) and one.get("failed")]
    if failed:
        return _said(failed[0])
    text = str(result.get("msg") or result.get("stderr") or result.get("module_stderr") or "it gave no reason")
    return " ".join(text.split())[:600]


def written(diff: Any) -> str:
    """Write what a module says differs: prepared text, or before and after with the lines that both share left out."""
    rows: Sequence[Any] = diff if isinstance(diff, list) else [diff]
    text = "".join(_one(row) for row in rows if isinstance(row, dict))
    if len(text) <= MOST_DIFF:
        return text
    return f"{text[:MOST_DIFF]}\n… {len(text) - MOST_DIFF:,} more characters\n"


def _one(row: Mapping[str, Any]) -> str:
    """Write one difference."""
    if row.get("prepared"):
        return str(row["prepared"])
    before, after = _lines(row.get("before")), _lines(row.get("after"))
    if before == after:
        return ""
    head = str(row.get("after_header") or row.get("before_header") or "")
    body = [f"- {line}\n" for line in before if line not in after] + [f"+ {line}\n" for line in after if line not in before]
    return (f"{head}\n" if head else "") + "".join(body)


def _lines(side: Any) -> list[str]:
    """Give one side as lines; a mapping as one line a key."""
    if isinstance(side, dict):
        return [f"{key}: {value}" for key, value in sorted(side.items())]
    return str(side or "").splitlines()

"""Collect the engine's events of one run, and turn them into an error with its message and what to do."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.engine.causes import cause_of, is_crash, problems_of, reasons_in, without_advice
from sovereign_ai.deploy.objects import object_name
from sovereign_ai.errors import DeploymentError, ExitCode, Problem
from sovereign_ai.text import counted

_MOST_SHOWN = 8
"""Failures that an error shows; the log has all of them."""
_ADVICE = (
    (
        "incorrect passphrase",
        "the key file is not the one that the state was written under; put the right one back.",
    ),
    ("snapshot integrity failure", "`sovereign-ai state repair` puts the last good copy of the state back."),
)
"""Well-known failures by a part of their text, and what to do; the first match counts.

`engine_causes` has those of the engine's environment."""


@dataclass
class EngineEvents:
    """The content of the event stream so far."""

    waits: bool = True
    """Whether the run waits for objects.

    A preview does not. What the provider says there of an object is that a policy refuses it which the same
    change updates first, and each object was tried under the policies to come.
    """
    changes: Counter[str] = field(default_factory=Counter)
    same: int = 0
    steps: list[tuple[str, str]] = field(default_factory=list)
    shown: dict[str, None] = field(default_factory=dict)
    """Lines that a person was shown: of objects that were waited for, and of what the program itself did."""
    failures: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    ended_by: int = 0
    """The signal that ended the engine before its time; 0 if none did."""
    lost: Problem | None = None
    """Why the command ended the engine: the connection to the cluster was lost."""
    refused: DeploymentError | None = None
    """Why the program refused the deployment, before it declared a resource."""


def waiting_in(event: Mapping[str, Any]) -> str:
    """Return what an event says of an object that is waited for, as a line; empty for every other event.

    The provider tells once and again why a workload is not ready, and the engine marks such lines as ones
    that pass.
    """
    diag = event.get("diagnosticEvent") or {}
    message = " ".join(_clean(str(diag.get("message", ""))).split())
    if not message or not diag.get("ephemeral") or diag.get("severity") not in ("info", "warning"):
        return ""
    return f"{object_name(str(diag.get('urn', '')).rsplit('::', 1)[-1])}: {message}"


def program_line_in(event: Mapping[str, Any]) -> str:
    """Return what the program says that it does before the engine changes an object; empty for other events.

    Such a line belongs to no resource. What a program prints comes as the stack's.
    """
    diag = event.get("diagnosticEvent") or {}
    if diag.get("severity") != "info" or diag.get("urn") or diag.get("ephemeral"):
        return ""
    return " ".join(_clean(str(diag.get("message", ""))).split())


def errors_in(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of an event with an error, or with the provider's warning that explains one."""
    diag = event.get("diagnosticEvent")
    if not diag:
        return
    message = str(diag.get("message", ""))
    severity = diag.get("severity")
    if severity == "error" or (severity == "warning" and reasons_in(message)):
        name = diag.get("urn", "").rsplit("::", 1)[-1]
        yield f"{name} {message}".strip()


def failure(verb: str, events: EngineEvents, log: Path, kubeconfig: Path | None = None) -> DeploymentError:
    """Return the error for a failed run; policy violations and refusals keep their own exit code.

    Args:
        verb: the engine's command.
        events: the content of its event stream.
        log: the file with its whole output.
        kubeconfig: the cluster's file, whose identity is named where that is the cause.
    """
    if events.policies:
        violations = []
        for text in events.policies:
            hint = f"the whole log: {log}"
            violations.append(Problem("policy-violation", text, hint=hint))
        error = DeploymentError(violations)
        error.exit_code = ExitCode.FINDINGS
        return error
    if events.lost is not None:
        return connection_lost(verb, events.lost, events, log)
    if events.ended_by:
        return killed(verb, events, log)
    if events.refused is not None:
        return events.refused
    # The engine repeats errors, once for the resource and once for the run.
    texts = list(dict.fromkeys(_clean(text) for text in events.failures if text))
    problems, others = problems_of(verb, texts, kubeconfig, f"The whole log: {log}")
    if others or not problems:
        problems.append(_pulumi_failed(verb, others or ["it gave no reason"], log))
    return DeploymentError(problems)


def _pulumi_failed(verb: str, texts: Sequence[str], log: Path) -> Problem:
    """Return the problem with the engine's own messages about the deployed objects."""
    messages = list(dict.fromkeys(without_advice(text) for text in texts))
    shown = messages[:_MOST_SHOWN]
    if len(messages) > _MOST_SHOWN:
        shown.append(f"and {len(messages) - _MOST_SHOWN} more, in the log")
    joined = "\n".join(shown)
    hint = f"{advice(joined)} The whole log: {log}".strip()
    return Problem("pulumi-failed", f"`pulumi {verb}` failed: {joined}", hint=hint)


def connection_lost(verb: str, problem: Problem, events: EngineEvents, log: Path) -> DeploymentError:
    """Return the error for an engine that the command ended because the cluster does not answer.

    The engine's own errors are left out: they only report that it was ended.
    """
    changes = counted(events.changes.total(), "change")
    message = f"`pulumi {verb}` was ended after {changes}: {problem.message}"
    hint = f"{problem.hint}; it resumes from what was done. The whole log: {log}"
    return DeploymentError(Problem(problem.code, message, problem.where, hint))


def interrupted(verb: str, events: EngineEvents, log: Path) -> DeploymentError:
    """Return the error for a run that a person or a signal interrupted, with how far it came."""
    message = f"`pulumi {verb}` was interrupted; {_effect(verb, events)}"
    hint = f"run it again to go on. The whole log: {log}"
    error = DeploymentError(Problem("interrupted", message, hint=hint))
    error.exit_code = ExitCode.INTERRUPTED
    return error


def killed(verb: str, events: EngineEvents, log: Path) -> DeploymentError:
    """Return the error for an engine that was killed: by a person, or by a host without memory."""
    number = signal.Signals(events.ended_by).name
    message = f"the engine was ended by {number} in the middle of `pulumi {verb}`; {_effect(verb, events)}"
    if events.failures:
        message += f"; its last words: {last_lines(_clean(events.failures[-1]))}"
    hint = f"run it again to go on. The whole log: {log}"
    # The kernel's out-of-memory killer sends SIGKILL, and so does a person: the log of the kernel has the
    # answer.
    if events.ended_by == signal.SIGKILL:
        hint = f"the machine may have run out of memory; {hint}"
    return DeploymentError(Problem("engine-killed", message, hint=hint))


def _effect(verb: str, events: EngineEvents) -> str:
    """Return what a run that did not finish has changed, for a person."""
    if verb == "preview":
        return "it changes nothing"
    changes = counted(events.changes.total(), "change that was done stays", "changes that were done stay")
    return f"the {changes}"


def _clean(text: str) -> str:
    """Return a text without the engine's colour marks."""
    for mark in ("<{%reset%}>", "<{%fg 1%}>", "<{%bold%}>"):
        text = text.replace(mark, "")
    return text.strip()


def last_lines(text: str) -> str:
    """Return the last lines of an output that are not blank, as one line."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        # Behind the line of a crash, Go prints the stack of every thread.
        if is_crash(line):
            return line
    return " ".join(lines[-3:])


def advice(text: str) -> str:
    """Return what to do about a well-known failure; empty for any other."""
    lowered = text.lower()
    for words, hint in _ADVICE:
        if words in lowered:
            return hint
    cause = cause_of(text)
    return f"{cause.hint}." if cause is not None else ""

"""What the engine says, and what becomes of it: counts and steps, or an error in its own words with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovereign_ai.errors import DeploymentError, ExitCode, Problem

_LOCKED = "the stack is currently locked"
_MOST_SHOWN = 8
"""Failures that an error shows; the log holds them all."""


@dataclass
class Told:
    """What the event stream has said so far."""

    changes: Counter[str] = field(default_factory=Counter)
    same: int = 0
    steps: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)

    @property
    def is_unreachable(self) -> bool:
        """Tell whether the provider could not speak to the cluster that the state names."""
        return any("unreachable cluster" in text for text in self.failures)


def errors_in(event: Mapping[str, Any]) -> Iterator[str]:
    """Give what a diagnostic says, if it is an error."""
    diag = event.get("diagnosticEvent")
    if diag and diag.get("severity") == "error":
        yield f"{diag.get('urn', '').rsplit('::', 1)[-1]} {diag.get('message', '')}".strip()


def failure(verb: str, told: Told, log: Path) -> DeploymentError:
    """Turn what the engine said into one error; violations keep their own exit code."""
    if told.policies:
        error = DeploymentError([Problem("policy-violation", text, hint=f"the whole log: {log}") for text in told.policies])
        error.exit_code = ExitCode.FINDINGS
        return error
    if any(_LOCKED in text for text in told.failures):
        return busy(log)
    texts = list(dict.fromkeys(_clean(text) for text in told.failures if text)) or ["it said nothing"]
    joined = "\n".join([*texts[:_MOST_SHOWN], *([f"and {len(texts) - _MOST_SHOWN} more, in the log"] if len(texts) > _MOST_SHOWN else [])])
    return DeploymentError(
        Problem("pulumi-failed", f"`pulumi {verb}` failed: {joined}", hint=f"{advice(joined)} The whole log: {log}".strip())
    )


def interrupted(verb: str, told: Told, log: Path) -> DeploymentError:
    """Say that a run was ended before its time by a person or a signal, and how far it came."""
    done = "it changes nothing" if verb == "preview" else f"the {sum(told.changes.values())} changes that were done stay"
    message = f"`pulumi {verb}` was interrupted; {done}"
    error = DeploymentError(Problem("interrupted", message, hint=f"run it again to go on. The whole log: {log}"))
    error.exit_code = ExitCode.INTERRUPTED
    return error


def busy(log: Path) -> DeploymentError:
    """Say that another run holds the stack, which is nothing that failed."""
    hint = (
        "wait for it and run the command again; if it is dead, in the stack's folder: "
        f'eval "$(sovereign-ai env .)" && pulumi cancel. The whole log: {log}'
    )
    error = DeploymentError(Problem("stack-busy", "another run is at work on this stack; nothing was changed", hint=hint))
    error.exit_code = ExitCode.ENVIRONMENT
    return error


def _clean(text: str) -> str:
    """Drop the engine's colour marks."""
    for mark in ("<{%reset%}>", "<{%fg 1%}>", "<{%bold%}>"):
        text = text.replace(mark, "")
    return text.strip()


def last_lines(text: str) -> str:
    """Give the last lines of an output that hold a message."""
    lines = [line for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:])


def advice(text: str) -> str:
    """Say what to do about failures that are well known."""
    if "incorrect passphrase" in text:
        return "the key file is not the one that the state was written under; put the right one back."
    if "connection refused" in text or "unreachable" in text:
        return "the cluster does not answer; `sovereign-ai cluster status` says why."
    return ""

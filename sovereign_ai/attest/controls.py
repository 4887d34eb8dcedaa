"""Each control's state under a verdict: the line a reviewer looks for first.

>>> from sovereign_ai.rules.judge import Finding, Verdict
>>> wrong = Finding("LNK-001", "critical", "Site/a", "f", "not encrypted", "encrypt it")
>>> [str(one) for one in states(Verdict((wrong,))) if one.control.id == "Article 21(2)(h)"]
['NIS2 Article 21(2)(h)                     VIOLATED LNK-001']
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sovereign_ai.rules.controls import Control
from sovereign_ai.rules.judge import Verdict
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule

State = Literal["VIOLATED", "waived", "undecided", "noted", "held"]
_WORDS: dict[str, State] = {"violation": "VIOLATED", "waived": "waived", "undecidable": "undecided", "notice": "noted"}
_NAME = 41
"""Columns of the longest name of a control: `NSA-CISA Authentication and authorization`."""
_ORDER: tuple[State, ...] = ("VIOLATED", "waived", "undecided", "noted")


@dataclass(frozen=True, slots=True)
class ControlState:
    """One control under a verdict.

    Attributes:
        control: the requirement.
        state: the worst that was found by a rule that serves it: `VIOLATED`, `waived` (it does not hold,
            and somebody agreed to that), `undecided`, `noted` (advice), or `held`.
        rules: ids of all rules that serve it, sorted.
        because: ids of those that brought it into this state, sorted.
    """

    control: Control
    state: State
    rules: tuple[str, ...]
    because: tuple[str, ...]

    def __str__(self) -> str:
        """Write one line of at most 80 columns."""
        name = f"{self.control.framework} {self.control.id}"
        shown = ", ".join(self.because) or f"{len(self.rules)} rule{'s' * (len(self.rules) > 1)}"
        line = f"{name:<{_NAME}} {self.state:<8} {shown}"
        return line if len(line) <= 80 else f"{line[:79]}…"

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "framework": self.control.framework,
            "id": self.control.id,
            "summary": self.control.summary,
            "status": self.control.status,
            "state": self.state,
            "rules": list(self.rules),
            "because": list(self.because),
        }


def served(rules: Iterable[Rule] = REGISTRY) -> dict[Control, tuple[str, ...]]:
    """Give every control with the ids of the rules that serve it, sorted by framework and id."""
    found: dict[Control, list[str]] = {}
    for rule in rules:
        for control in rule.controls:
            found.setdefault(control, []).append(rule.id)
    return {control: tuple(sorted(found[control])) for control in sorted(found)}


def states(verdict: Verdict, rules: Iterable[Rule] = REGISTRY) -> tuple[ControlState, ...]:
    """Give every control's state, sorted by framework and id."""
    by_rule: dict[str, set[State]] = {}
    for finding in verdict.findings:
        by_rule.setdefault(finding.rule, set()).add(_WORDS[finding.status])
    return tuple(_state(control, ids, by_rule) for control, ids in served(rules).items())


def _state(control: Control, ids: tuple[str, ...], by_rule: dict[str, set[State]]) -> ControlState:
    """Give one control's state."""
    for state in _ORDER:
        because = tuple(one for one in ids if state in by_rule.get(one, set()))
        if because:
            return ControlState(control, state, ids, because)
    return ControlState(control, "held", ids, ())

"""Each control's state under a verdict: the line that a reviewer looks for first.

>>> from sovereign_ai.rules import RuleFinding, RuleVerdict
>>> finding = RuleFinding("LNK-001", "critical", "Site/a", "f", "not encrypted", "encrypt it")
>>> states = control_states(RuleVerdict((finding,)))
>>> [str(state) for state in states if state.control.id == "Article 21(2)(h)"]
['NIS2 Article 21(2)(h)                     VIOLATED LNK-001']
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules import REGISTRY, Control, Rule, RuleVerdict
from sovereign_ai.text import counted

State = Literal["VIOLATED", "waived", "undecided", "noted", "held"]
_WORDS: dict[str, State] = {
    "violation": "VIOLATED",
    "waived": "waived",
    "undecidable": "undecided",
    "notice": "noted",
}
_NAME = 41
"""Columns of the longest name of a control: `NSA-CISA Authentication and authorization`."""
_ORDER: tuple[State, ...] = ("VIOLATED", "waived", "undecided", "noted")
"""States from the worst on; a control has the worst of its rules."""
_WIDTH = 80


@frozen_dataclass
class ControlState:
    """One control under a verdict.

    Attributes:
        control: the requirement.
        state: the worst state among the rules that serve it: `VIOLATED`, `waived` (it does not hold, and
            somebody agreed to that), `undecided`, `noted` (advice), or `held` (satisfied).
        rules: ids of all rules that serve it, sorted.
        because: ids of the rules that it owes this state to, sorted.
    """

    control: Control
    state: State
    rules: tuple[str, ...]
    because: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line of at most 80 columns."""
        name = f"{self.control.framework} {self.control.id}"
        shown = ", ".join(self.because)
        if not shown:
            shown = counted(len(self.rules), "rule")
        # `undecided`, the longest state, is nine letters wide, and may move what follows by one column.
        line = f"{name:<{_NAME}} {self.state:<8} {shown}"
        if len(line) > _WIDTH:
            line = f"{line[: _WIDTH - 1]}…"
        return line

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "framework": self.control.framework,
            "id": self.control.id,
            "summary": self.control.summary,
            "status": self.control.status,
            "state": self.state,
            "rules": list(self.rules),
            "because": list(self.because),
        }


def rules_by_control(rules: Iterable[Rule] = REGISTRY) -> dict[Control, tuple[str, ...]]:
    """Return every control with the ids of the rules that serve it, sorted by framework and id."""
    ids: dict[Control, list[str]] = {}
    for rule in rules:
        for control in rule.controls:
            ids.setdefault(control, []).append(rule.id)
    return {control: tuple(sorted(ids[control])) for control in sorted(ids)}


def control_states(verdict: RuleVerdict, rules: Iterable[Rule] = REGISTRY) -> tuple[ControlState, ...]:
    """Return every control's state, sorted by framework and id."""
    by_rule: dict[str, set[State]] = {}
    for finding in verdict.findings:
        by_rule.setdefault(finding.rule, set()).add(_WORDS[finding.status])
    return tuple(_state(control, ids, by_rule) for control, ids in rules_by_control(rules).items())


def _state(control: Control, ids: tuple[str, ...], by_rule: dict[str, set[State]]) -> ControlState:
    """Return one control's state."""
    for state in _ORDER:
        because = tuple(id_ for id_ in ids if state in by_rule.get(id_, ()))
        if because:
            return ControlState(control, state, ids, because)
    return ControlState(control, "held", ids, ())

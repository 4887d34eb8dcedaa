"""What a rule is: an id that never changes, its reasons, and how it is decided.

An object rule holds checks: CEL expressions for kinds of objects. `variables.pod` and its like are
named parts (see `kinds.py`), `$name` a constant of the factory (see `context.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import Control
from sovereign_ai.rules.judge import Finding, Severity
from sovereign_ai.rules.kinds import KINDS, Kind
from sovereign_ai.spec.factory import AIFactory

Place = Literal["bundle", "pulumi", "admission", "live", "plan"]
OBJECT_PLACES: frozenset[Place] = frozenset({"bundle", "pulumi", "admission", "live"})
"""Where an object rule in CEL is decided."""

Decide = Callable[["Rule", AIFactory, Plan], Iterable[Finding]]
DecideOn = Callable[["Rule", AIFactory, Plan, date], Iterable[Finding]]
DecideLive = Callable[["Rule", Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One expression of an object rule.

    Attributes:
        kinds: names of the kinds it is for, as in `kinds.KINDS`.
        field: the decided field; below the pod's own part where the kind holds a pod.
        expression: CEL; true means allowed.
        message: what is wrong where it is not.
    """

    kinds: tuple[str, ...]
    field: str
    expression: str
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: stable, `PLC-001`; never reused.
        title: what must hold, as a sentence.
        severity: how bad a violation is.
        rationale: why it exists.
        remediation: what to do about a violation.
        controls: requirements that it serves.
        places: where it can be decided.
        checks: CEL expressions; empty for a plan rule.
        decide: decides a plan rule; None for any other.
        decide_on: decides a plan rule whose answer hangs on the day; None for any other.
        decide_live: decides on all live objects together, given them and the rendered ones; None for any other.
        elsewhere: each place for objects that cannot decide an object rule, and why.
    """

    id: str
    title: str
    severity: Severity
    rationale: str
    remediation: str
    controls: tuple[Control, ...]
    places: frozenset[Place]
    checks: tuple[Check, ...] = ()
    decide: Decide | None = None
    decide_on: DecideOn | None = None
    decide_live: DecideLive | None = None
    elsewhere: tuple[tuple[Place, str], ...] = ()

    @property
    def applies(self) -> tuple[Kind, ...]:
        """The kinds that it looks at, sorted by name; empty for a plan rule."""
        names = {name for check in self.checks for name in check.kinds}
        return tuple(KINDS[name] for name in sorted(names))

    def to_data(self) -> dict[str, Any]:
        """Give plain data with sorted lists."""
        return {
            "id": self.id,
            "title": self.title,
            "severity": self.severity,
            "rationale": self.rationale,
            "remediation": self.remediation,
            "controls": [{name: getattr(control, name) for name in control.__dataclass_fields__} for control in sorted(self.controls)],
            "places": sorted(self.places),
            "kinds": [kind.name for kind in self.applies],
            "checks": [
                {"kinds": list(check.kinds), "field": check.field, "expression": check.expression, "message": check.message}
                for check in self.checks
            ],
        }

"""Rules and checks: a rule has an id that never changes, its reasons, and the way in which it is decided.

An object rule holds checks: CEL expressions on kinds of objects, of which true means allowed. `variables.pod`
and the like are named parts (see `expressions.py`), `$name` is a constant of the factory (see `context.py`).

A plan rule is decided on the description and its plan, a live rule on all live objects together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import Control
from sovereign_ai.rules.expressions import is_about_pods, on_each_template
from sovereign_ai.rules.judgement import RuleFinding, Severity
from sovereign_ai.rules.kinds import OTHER, ResourceKind, kind_named
from sovereign_ai.spec import AIFactory

DecisionPlace = Literal["bundle", "pulumi", "admission", "live", "plan"]
OBJECT_PLACES: frozenset[DecisionPlace] = frozenset({"bundle", "pulumi", "admission", "live"})
"""The places in which an object rule in CEL is decided."""

_TEMPLATE = "PodTemplate"
"""The kind whose checks apply to every pod template, in whatever object."""
Decide = Callable[["Rule", AIFactory, Plan], Iterable[RuleFinding]]
DecideOn = Callable[["Rule", AIFactory, Plan, date], Iterable[RuleFinding]]
DecideLive = Callable[
    ["Rule", Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], Iterable[RuleFinding]
]


@frozen_dataclass
class RuleCheck:
    """One expression of an object rule.

    Attributes:
        kinds: names of the kinds that it applies to, as in `kinds.KINDS`.
        field: the decided field; without a dot, a field of the pod's specification.
        expression: CEL; true means allowed.
        message: what is wrong if it is not.
        late: whether a value that is not known yet passes, since admission decides it once it is known.
        rows: each kind of an add-on with its own part of the expression; empty if the expression applies to
            every kind.
    """

    kinds: tuple[str, ...]
    field: str
    expression: str
    message: str
    late: bool = False
    rows: tuple[tuple[str, str], ...] = ()

    def on_key(self, key: str) -> str:
        """Return the part of the expression for one kind of an add-on; `true` if it has none."""
        return dict(self.rows).get(key, "true") if self.rows else self.expression


@frozen_dataclass
class Rule:
    """One rule.

    Attributes:
        id: stable, `PLC-001`; never reused.
        title: the requirement, as a sentence.
        severity: how bad a violation is.
        rationale: why it exists.
        remediation: how to fix a violation.
        controls: requirements of frameworks that it serves.
        places: the places in which it can be decided.
        checks: CEL expressions; empty for a plan rule.
        decide: decides a plan rule; None for any other.
        decide_on: decides a plan rule whose answer depends on the day; None for any other.
        decide_live: decides a live rule, given the live objects and the rendered ones; None for any other.
        elsewhere: each place that holds objects and cannot decide the rule, with the reason.
        only_with: the constant without which it refuses nothing, and is left out of policies and programs.
    """

    id: str
    title: str
    severity: Severity
    rationale: str
    remediation: str
    controls: tuple[Control, ...]
    places: frozenset[DecisionPlace]
    checks: tuple[RuleCheck, ...] = ()
    decide: Decide | None = None
    decide_on: DecideOn | None = None
    decide_live: DecideLive | None = None
    elsewhere: tuple[tuple[DecisionPlace, str], ...] = ()
    only_with: str = ""

    @property
    def applies(self) -> tuple[ResourceKind, ...]:
        """Return the kinds that it applies to, sorted by name; none for a plan rule."""
        names: set[str] = set()
        for check in self.checks:
            names.update(check.kinds)
        return tuple(kind_named(name) for name in sorted(names))

    def checks_on(self, kind: ResourceKind) -> tuple[RuleCheck, ...]:
        """Return the checks on one kind.

        Kinds that are not listed by themselves may hold pod templates, so each check on a template is among
        theirs.
        """
        checks = [check for check in self.checks if kind.name in check.kinds]
        if kind is OTHER:
            for check in self.checks:
                # What is asked about the object, such as its namespace, is not asked about its templates.
                if _TEMPLATE in check.kinds and is_about_pods(check.expression):
                    expression = on_each_template(check.expression)
                    checks.append(replace(check, kinds=(OTHER.name,), expression=expression))
        return tuple(checks)

    def to_data(self) -> dict[str, Any]:
        """Return plain data with sorted lists.

        The digest of the registry covers it, and rendered objects carry that digest.
        """
        return {
            "id": self.id,
            "title": self.title,
            "severity": self.severity,
            "rationale": self.rationale,
            "remediation": self.remediation,
            "controls": [_control_data(control) for control in sorted(self.controls)],
            "places": sorted(self.places),
            "kinds": [kind.name for kind in self.applies],
            "checks": [_check_data(check) for check in self.checks],
        }


def _control_data(control: Control) -> dict[str, Any]:
    """Return a control as plain data."""
    return {name: getattr(control, name) for name in control.__dataclass_fields__}


def _check_data(check: RuleCheck) -> dict[str, Any]:
    """Return a check as plain data."""
    return {
        "kinds": list(check.kinds),
        "field": check.field,
        "expression": check.expression,
        "message": check.message,
    }

"""The one call of the gate: plan rules and object rules together, judged.

verdict = check(factory, plan, bundle.objects, now=date(2026, 11, 24))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sovereign_ai.errors import Where
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.judge import ADVISORY, Finding, Verdict, judge
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory

_PARTS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}
"""Component kind to the field of the description that holds its parts."""


def check(
    factory: AIFactory,
    plan: Plan,
    objects: Iterable[Mapping[str, Any]],
    *,
    now: date,
    cluster: str | None = None,
    where: Callable[[str], Where] | None = None,
) -> Verdict:
    """Judge a description, its plan and rendered objects.

    Args:
        factory: the description.
        plan: what follows from it.
        objects: rendered objects of one cluster, or of several.
        now: the day on which waivers are judged.
        cluster: the cluster they are for; left out, what any cluster of the plan allows is allowed.
        where: gives a field of the description its place in the user's file.
    """
    listed = list(objects)
    found = [*decide(factory, plan, now), *evaluate(listed, factory_context(factory, plan, cluster))]
    return judge(placed(found, factory, listed, where), factory.waivers, now)


def placed(
    findings: Iterable[Finding], factory: AIFactory, objects: Iterable[Mapping[str, Any]], where: Callable[[str], Where] | None
) -> list[Finding]:
    """Point findings into the user's text: those about an object at the part of the description that it comes from."""
    fields = _fields(factory, objects)
    return [_placed(finding, fields, where) for finding in findings]


def decide(factory: AIFactory, plan: Plan, now: date | None = None) -> list[Finding]:
    """Decide every plan rule; a rule that fails is itself a violation, even one whose findings are advice.

    Each finding's `where` names the field of the description.

    Args:
        factory: the description.
        plan: what follows from it.
        now: the day that counts; without one, a rule that hangs on it says `undecidable`.
    """
    found: set[Finding] = set()
    for rule in REGISTRY:
        if rule.decide is None and rule.decide_on is None:
            continue
        try:
            found.update(_decided(rule, factory, plan, now))
        except Exception as error:  # noqa: BLE001 - a crash is a violation that names the rule
            message = f"cannot be decided: {type(error).__name__}: {error}"
            severity = "high" if rule.severity in ADVISORY else rule.severity
            found.add(Finding(rule.id, severity, f"Factory/{factory.name}", "", message, rule.remediation))
    return sorted(found, key=lambda finding: finding.order)


def _decided(rule: Rule, factory: AIFactory, plan: Plan, now: date | None) -> Iterable[Finding]:
    """Decide one plan rule; findings of an advisory severity are notices from the start."""
    if rule.decide is not None:
        found = rule.decide(rule, factory, plan)
    elif rule.decide_on is not None and now is not None:
        found = rule.decide_on(rule, factory, plan, now)
    else:
        return [Finding(rule.id, rule.severity, "", "", "undecidable here (no day was given)", rule.remediation, status="undecidable")]
    return [replace(one, status="notice") if one.severity in ADVISORY and one.status == "violation" else one for one in found]


def _placed(finding: Finding, fields: Mapping[str, str], where: Callable[[str], Where] | None) -> Finding:
    """Point a finding into the user's text."""
    field = finding.where.field or fields.get(finding.resource, "")
    if not field:
        return finding
    return replace(finding, where=where(field) if where is not None else Where(field=field))


def _fields(factory: AIFactory, objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give each object the field of the description that it comes from, by its component label."""
    numbers = {
        f"{kind}.{part.name}": f"{field}[{number}]" for kind, field in _PARTS.items() for number, part in enumerate(getattr(factory, field))
    }
    found = {}
    for obj in objects:
        metadata = obj.get("metadata") or {}
        field = numbers.get((metadata.get("labels") or {}).get(KEYS.component, ""))
        if field:
            found["/".join(part for part in (obj.get("kind"), metadata.get("namespace"), metadata.get("name")) if part)] = field
    return found

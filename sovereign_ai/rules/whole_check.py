"""The check of a description, its plan and rendered objects: plan rules and object rules together, judged.

verdict = check(factory, plan, bundle.objects, now=date(2026, 11, 24))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sovereign_ai.errors import Where
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan, plan_manifests
from sovereign_ai.rules.approval import approved_waivers
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.judgement import ADVISORY, RuleFinding, RuleVerdict, judge
from sovereign_ai.rules.platform_objects import evaluate_deployed
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory

_PARTS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}
"""Kind in the component label to the field of the description that lists its parts."""


def check(
    factory: AIFactory,
    plan: Plan,
    objects: Iterable[Mapping[str, Any]],
    *,
    now: date,
    cluster: str | None = None,
    where: Callable[[str], Where] | None = None,
) -> RuleVerdict:
    """Judge a description, its plan and rendered objects.

    Args:
        factory: the description.
        plan: what follows from it.
        objects: rendered objects of one cluster, or of several.
        now: the day on which waivers are judged.
        cluster: the cluster that the objects are for. If None, what any cluster of the plan allows is
            allowed.
        where: returns the place of a field of the description in the user's file.
    """
    listed = list(objects)
    findings = decide(factory, plan, now)
    findings += evaluate_deployed(factory, plan, listed, factory_context(factory, plan, cluster))
    return judge(locate_findings(findings, factory, listed, where), approved_waivers(factory), now)


def locate_findings(
    findings: Iterable[RuleFinding],
    factory: AIFactory,
    objects: Iterable[Mapping[str, Any]],
    where: Callable[[str], Where] | None,
) -> list[RuleFinding]:
    """Return findings that point into the user's text.

    A finding about an object points at the part of the description that the object comes from.
    """
    fields = _fields_of_objects(factory, objects)
    return [_point_into_text(finding, fields, where) for finding in findings]


def decide(factory: AIFactory, plan: Plan, now: date | None = None) -> list[RuleFinding]:
    """Return the findings of every plan rule, sorted; the `where` of each names a field of the description.

    A rule that fails is itself a violation, even one whose findings are advice.

    Args:
        factory: the description.
        plan: what follows from it.
        now: the day that counts. If None, a rule that depends on the day is `undecidable`.
    """
    findings: set[RuleFinding] = set()
    for rule in REGISTRY:
        if rule.decide is None and rule.decide_on is None:
            continue
        try:
            findings.update(_decide_rule(rule, factory, plan, now))
        except Exception as error:  # noqa: BLE001 - a crash is a violation that names the rule
            findings.add(_crash(rule, factory, error))
    return sorted(findings, key=lambda finding: finding.order)


def _crash(rule: Rule, factory: AIFactory, error: Exception) -> RuleFinding:
    """Return the violation of a rule that failed."""
    message = f"cannot be decided: {type(error).__name__}: {error}"
    # Advice fails nothing, and a rule that nobody could decide must not pass.
    severity = "high" if rule.severity in ADVISORY else rule.severity
    return RuleFinding(rule.id, severity, f"Factory/{factory.name}", "", message, rule.remediation)


def _decide_rule(rule: Rule, factory: AIFactory, plan: Plan, now: date | None) -> Iterable[RuleFinding]:
    """Decide one plan rule; findings of an advisory severity are notices from the start."""
    if rule.decide is not None:
        findings = rule.decide(rule, factory, plan)
    elif rule.decide_on is not None and now is not None:
        findings = rule.decide_on(rule, factory, plan, now)
    else:
        message = "undecidable here (no day was given)"
        return [RuleFinding(rule.id, rule.severity, "", "", message, rule.remediation, status="undecidable")]
    return [_advise(finding) for finding in findings]


def _advise(finding: RuleFinding) -> RuleFinding:
    """Return a violation of an advisory severity as a notice, any other finding as it is."""
    if finding.severity in ADVISORY and finding.status == "violation":
        return replace(finding, status="notice")
    return finding


def _point_into_text(
    finding: RuleFinding, fields: Mapping[str, str], where: Callable[[str], Where] | None
) -> RuleFinding:
    """Return a finding that points into the user's text, if a field of the description is known for it."""
    field = finding.where.field or fields.get(finding.resource, "")
    if not field:
        return finding
    location = where(field) if where is not None else Where(field=field)
    return replace(finding, where=location)


def _fields_of_objects(factory: AIFactory, objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the field of the description that each object comes from, by its component label."""
    field_by_component = {}
    for kind, field in _PARTS.items():
        for number, part in enumerate(getattr(factory, field)):
            field_by_component[f"{kind}.{part.name}"] = f"{field}[{number}]"
    fields = {}
    for manifest in plan_manifests(factory):
        fields[manifest.title] = manifest.field
    for obj in objects:
        # The objects need not be valid: a policy pack and an audit judge what they are given.
        metadata = obj.get("metadata") or {}
        component = (metadata.get("labels") or {}).get(KEYS.component, "")
        component_field = field_by_component.get(component)
        if component_field:
            parts = (obj.get("kind"), metadata.get("namespace"), metadata.get("name"))
            resource = "/".join(part for part in parts if part)
            fields[resource] = component_field
    return fields

"""OSCAL 1.2.1: the controls as a catalog, the rules as components, a verdict as results and plan of action.

Identifiers are UUIDs of version 5 made from what they name, so that the same verdict at the same time gives
the same bytes, and a finding keeps its name from run to run. The catalog holds ids and summaries in this
project's own words; the source of each requirement, its edition and its status are beside it.

    at = datetime(2026, 11, 24, tzinfo=UTC)
    documents(verdict, factory, at)["assessment-results"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sovereign_ai import __version__
from sovereign_ai.attest.controls import ControlState, control_states, rules_by_control
from sovereign_ai.names import KEYS
from sovereign_ai.rules import (
    REGISTRY,
    Control,
    Rule,
    RuleFinding,
    RuleVerdict,
    as_counted,
    registry_digest,
)
from sovereign_ai.spec import AIFactory, Waiver
from sovereign_ai.text import counted

OSCAL_VERSION = "1.2.1"
NAMESPACE = f"https://{KEYS.domain}/ns/oscal"
_ROOT = UUID("8d3f9c52-55f6-5a0c-9a1e-3f6f0a5f8f10")
"""The namespace of all identifiers; a constant of this project."""
CATALOG_FILE = "catalog.json"
COMPONENTS_FILE = "component-definition.json"
RESULTS_FILE = "assessment-results.json"
PLAN_FILE = "plan-of-action-and-milestones.json"
_WHOLE = "the whole"
"""The subject of findings that are about no single resource."""


def documents(verdict: RuleVerdict, factory: AIFactory, at: datetime) -> dict[str, dict[str, Any]]:
    """Return every document by its file's name.

    Without a finding there is no plan of action, since OSCAL has no empty one.

    Args:
        verdict: the verdict.
        factory: the description that it was judged on.
        at: when, with its time zone.
    """
    by_file = {
        CATALOG_FILE: catalog(at),
        COMPONENTS_FILE: component_definition(at),
        RESULTS_FILE: assessment_results(verdict, factory, at),
    }
    plan = plan_of_action(verdict, factory, at)
    if plan:
        by_file[PLAN_FILE] = plan
    return by_file


def control_id(control: Control) -> str:
    """Return the name of a control as OSCAL's tokens permit it.

    >>> from sovereign_ai.rules.controls import GDPR_TRANSFER
    >>> control_id(GDPR_TRANSFER)
    'gdpr-article-44'
    """
    return _token(f"{control.framework}-{control.id}")


def catalog(at: datetime) -> dict[str, Any]:
    """Return the catalog of every control that a rule serves, grouped by framework."""
    by_framework: dict[str, list[Control]] = {}
    for control in rules_by_control():
        by_framework.setdefault(control.framework, []).append(control)
    groups: list[dict[str, Any]] = []
    editions: dict[str, dict[str, Any]] = {}
    for name, controls in by_framework.items():
        rows = []
        for control in controls:
            row = _control(control)
            rows.append(row)
        groups.append({"id": _token(name), "title": name, "controls": rows})
        # Controls of one edition refer to the same resource.
        for control in controls:
            editions.setdefault(_edition_id(control), _edition(control))
    document = {
        "uuid": _id("catalog", registry_digest()),
        "metadata": _metadata("Controls that the rules of sovereign-ai serve", at),
        "groups": groups,
        "back-matter": {"resources": list(editions.values())},
    }
    return {"catalog": document}


def _edition_id(control: Control) -> str:
    """Return the name of the text that a control comes from."""
    return _id("edition", control.source, control.version)


def _edition(control: Control) -> dict[str, Any]:
    """Return the resource of the text that a control comes from."""
    text = f"{control.source}, {control.version} ({control.date}); {control.status}"
    return {
        "uuid": _edition_id(control),
        "title": control.framework,
        "citation": {"text": text},
    }


def _control(control: Control) -> dict[str, Any]:
    """Return one control, summarised in this project's own words."""
    # Findings refer to the statement of a control, whose id has the suffix that NIST's catalogs use.
    name = control_id(control)
    props = [{"name": "label", "value": control.id}]
    for field in ("version", "date", "status"):
        prop = _prop(field, getattr(control, field))
        props.append(prop)
    return {
        "id": name,
        "class": control.status,
        "title": f"{control.framework} {control.id}",
        "props": props,
        "links": [{"href": f"#{_edition_id(control)}", "rel": "reference"}],
        "parts": [{"id": f"{name}_smt", "name": "statement", "prose": control.summary}],
    }


def component_definition(at: datetime) -> dict[str, Any]:
    """Return the rules as two components: those on the description and those on objects."""
    on_description = [rule for rule in REGISTRY if not rule.checks]
    on_objects = [rule for rule in REGISTRY if rule.checks]
    components: list[dict[str, Any]] = []
    # OSCAL has no empty component.
    if on_description:
        title = "Rules on the description and its plan"
        components.append(_component("description", title, on_description))
    if on_objects:
        title = "Rules on Kubernetes objects: rendered, previewed, admitted and live"
        components.append(_component("objects", title, on_objects))
    document = {
        "uuid": _id("component-definition", registry_digest()),
        "metadata": _metadata("Rules of sovereign-ai and the controls that they serve", at),
        "components": components,
    }
    return {"component-definition": document}


def _component(name: str, title: str, rules: list[Rule]) -> dict[str, Any]:
    """Return the component of one set of rules."""
    props: list[dict[str, str]] = []
    for rule in rules:
        group = f"rule_{rule.id}"
        props.append(_prop("Rule_Id", rule.id, group))
        props.append(_prop("Rule_Description", rule.title, group))
        props.append(_prop("Rule_Places", " ".join(sorted(rule.places)), group))
    requirements: list[dict[str, Any]] = []
    for control, ids in rules_by_control(rules).items():
        requirement = _requirement(name, control, ids)
        requirements.append(requirement)
    implementation = {
        "uuid": _id("implementation", name),
        "source": CATALOG_FILE,
        "description": "Each requirement names the rules that decide it, as far as rules can.",
        "implemented-requirements": requirements,
    }
    return {
        "uuid": _id("component", name),
        "type": "validation",
        "title": title,
        "description": f"{title}; registry {registry_digest()[:16]}, sovereign-ai {__version__}",
        "props": props,
        "control-implementations": [implementation],
    }


def _requirement(component: str, control: Control, ids: Iterable[str]) -> dict[str, Any]:
    """Return a control as a component implements it: by rules."""
    name = control_id(control)
    return {
        "uuid": _id("requirement", component, name),
        "control-id": name,
        "description": control.summary,
        "props": [_prop("Rule_Id", rule_id, f"rule_{rule_id}") for rule_id in ids],
    }


def assessment_results(verdict: RuleVerdict, factory: AIFactory, at: datetime) -> dict[str, Any]:
    """Return the results: an observation for each finding, a finding for each control."""
    result = _result(verdict, factory, at)
    plan = _id("assessment-plan", registry_digest())
    # OSCAL requires a reference to an assessment plan.
    method = {
        "uuid": plan,
        "title": "How it was assessed",
        "description": (
            "Every rule of the registry was decided on the description, its plan and the rendered objects "
            "by `sovereign-ai check`; there is no separate assessment plan."
        ),
    }
    document = {
        "uuid": _id("assessment-results", result["uuid"]),
        "metadata": _metadata(f"Assessment of {factory.name}", at, factory),
        "import-ap": {"href": f"#{plan}"},
        "results": [result],
        "back-matter": {"resources": [method]},
    }
    return {"assessment-results": document}


def _result(verdict: RuleVerdict, factory: AIFactory, at: datetime) -> dict[str, Any]:
    """Return the single result of an assessment."""
    judged = control_states(verdict)
    observations = []
    resources = []
    for finding in verdict.findings:
        observations.append(_observation(finding, at))
        resources.append(finding.resource)
    for state in judged:
        if not _related(state, verdict):
            observations.append(_nothing_found(state, at))
            resources.append("")
    description = (
        f"{counted(len(verdict.violations), 'violation')}, {len(verdict.waived)} waived, "
        f"{len(verdict.undecidable)} undecidable, {counted(len(verdict.notices), 'notice')}. "
        "Satisfied means: every rule that serves the control was decided and none was violated."
    )
    digests = [
        _prop("description-sha256", factory.digest),
        _prop("waivers-sha256", factory.waivers_digest),
        _prop("registry-sha256", registry_digest()),
    ]
    included = []
    findings = []
    for state in judged:
        included.append({"control-id": control_id(state.control)})
        findings.append(_finding(state, verdict))
    # The time is part of the name: two assessments of one description are two results.
    uuid = _id("result", factory.digest, factory.waivers_digest, registry_digest(), at.isoformat())
    return {
        "uuid": uuid,
        "title": f"Rules of sovereign-ai on {factory.name}",
        "description": description,
        "start": at.isoformat(),
        "end": at.isoformat(),
        "props": digests,
        "reviewed-controls": {"control-selections": [{"include-controls": included}]},
        "findings": findings,
        "observations": observations,
        "local-definitions": {"components": _subjects(resources)},
    }


def _finding(state: ControlState, verdict: RuleVerdict) -> dict[str, Any]:
    """Return one control's outcome; a waived or undecided control is not satisfied."""
    control, name = state.control, control_id(state.control)
    is_satisfied = state.state in {"held", "noted"}
    reason = "other"
    if is_satisfied:
        reason = "pass"
    elif state.state == "VIOLATED":
        reason = "fail"
    description = f"{control.summary}: {state.state.lower()}"
    if state.because:
        description += f" ({', '.join(state.because)})"
    status = {
        "state": "satisfied" if is_satisfied else "not-satisfied",
        "reason": reason,
        "remarks": f"rules: {', '.join(state.rules)}",
    }
    related = [_observation_id(finding) for finding in _related(state, verdict)]
    # A satisfied control rests on an observation, too: that its rules found nothing.
    if not related:
        related = [_nothing_found_id(state)]
    return {
        "uuid": _id("finding", name),
        "title": f"{control.framework} {control.id}",
        "description": description,
        "target": {"type": "objective-id", "target-id": f"{name}_smt", "status": status},
        "related-observations": [{"observation-uuid": uuid} for uuid in related],
    }


def _related(state: ControlState, verdict: RuleVerdict) -> list[RuleFinding]:
    """Return the findings of a control's rules."""
    return [finding for finding in verdict.findings if finding.rule in state.rules]


def _nothing_found_id(state: ControlState) -> str:
    """Return the name of the observation that the rules of a control found nothing."""
    return _id("observation", "nothing", control_id(state.control), *state.rules)


def _nothing_found(state: ControlState, at: datetime) -> dict[str, Any]:
    """Return the observation behind a control whose rules found nothing."""
    rules = ", ".join(state.rules)
    props = []
    for rule in state.rules:
        prop = _prop("Rule_Id", rule)
        props.append(prop)
    props.append(_prop("status", "nothing-found"))
    return {
        "uuid": _nothing_found_id(state),
        "title": f"{state.control.framework} {state.control.id}: nothing found",
        "description": (
            f"{rules}: decided on the description, its plan and the rendered objects; nothing was found."
        ),
        "props": props,
        "methods": ["TEST"],
        "types": ["control-objective"],
        "subjects": [_subject("")],
        "collected": at.isoformat(),
    }


def _subject_id(resource: str) -> str:
    """Return the name of the resource that a finding is about."""
    return _id("subject", resource or _WHOLE)


def _subject(resource: str) -> dict[str, str]:
    """Return the reference to the resource that an observation is about."""
    return {"subject-uuid": _subject_id(resource), "type": "component", "title": resource or _WHOLE}


def _subjects(resources: Iterable[str]) -> list[dict[str, Any]]:
    """Return the components that findings are about, each once."""
    names = set()
    for resource in resources:
        names.add(resource or _WHOLE)
    components: list[dict[str, Any]] = []
    for name in sorted(names):
        component = {
            "uuid": _subject_id(name),
            "type": "this-system" if name == _WHOLE else "software",
            "title": name,
            "description": f"{name}, as described or rendered",
            "status": {"state": "operational"},
        }
        components.append(component)
    return components


def _observation_id(finding: RuleFinding) -> str:
    """Return the name of a finding; its status is no part of it, so that a waived finding keeps its name."""
    return _id("observation", finding.rule, finding.resource, finding.field, finding.message)


def _observation(finding: RuleFinding, at: datetime) -> dict[str, Any]:
    """Return one finding as an observation."""
    props = [
        _prop("Rule_Id", finding.rule),
        _prop("severity", finding.severity),
        _prop("status", finding.status),
    ]
    if finding.waiver:
        props.append(_prop("waiver", finding.waiver))
    for name in ("file", "line", "column", "field"):
        value = getattr(finding.where, name)
        if value:
            props.append(_prop(name, str(value)))
    observation: dict[str, Any] = {
        "uuid": _observation_id(finding),
        "title": f"{finding.rule} {finding.resource}".strip(),
        "description": finding.message,
        "props": props,
        "methods": ["TEST"],
        "types": ["finding"],
        "subjects": [_subject(finding.resource)],
        "collected": at.isoformat(),
    }
    if finding.remediation:
        observation["remarks"] = finding.remediation
    return observation


def plan_of_action(verdict: RuleVerdict, factory: AIFactory, at: datetime) -> dict[str, Any] | None:
    """Return the plan of action: an item for each open finding; None if there is none."""
    open_findings = [finding for finding in verdict.findings if _is_open(finding)]
    if not open_findings:
        return None
    waivers = {}
    for waiver in factory.waivers:
        waivers[waiver.id] = as_counted(factory, waiver)
    observations: list[dict[str, Any]] = []
    risks: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for finding in open_findings:
        observations.append(_observation(finding, at))
        risks.append(_risk(finding, waivers, at))
        items.append(_item(finding))
    components = _subjects(finding.resource for finding in open_findings)
    system = {"identifier-type": NAMESPACE, "id": factory.name}
    document = {
        "uuid": _id("plan-of-action", factory.digest, factory.waivers_digest, at.isoformat()),
        "metadata": _metadata(f"Plan of action for {factory.name}", at, factory),
        "system-id": system,
        "local-definitions": {"components": components},
        "observations": observations,
        "risks": risks,
        "poam-items": items,
    }
    return {"plan-of-action-and-milestones": document}


def _is_open(finding: RuleFinding) -> bool:
    """Return whether a finding is open: a violation, a waived finding, or a warning."""
    return finding.status in {"violation", "waived"} or finding.severity == "warning"


def _item(finding: RuleFinding) -> dict[str, Any]:
    """Return the item of a plan of action for one finding."""
    observation = _observation_id(finding)
    return {
        "uuid": _id("item", observation),
        "title": f"{finding.rule} {finding.resource}".strip(),
        "description": finding.remediation or finding.message,
        "related-observations": [{"observation-uuid": observation}],
        "related-risks": [{"risk-uuid": _id("risk", observation)}],
    }


def _risk(finding: RuleFinding, waivers: Mapping[str, Waiver], at: datetime) -> dict[str, Any]:
    """Return one finding's risk.

    The risk of a waived finding is an approved deviation, with the waiver's last day as its deadline.
    """
    observation = _observation_id(finding)
    # OSCAL requires a statement; for a rule that the registry does not have it is the message.
    statement = finding.message
    for rule in REGISTRY:
        if rule.id == finding.rule:
            statement = rule.rationale
            break
    risk: dict[str, Any] = {
        "uuid": _id("risk", observation),
        "title": f"{finding.rule} {finding.resource}".strip(),
        "description": finding.message,
        "statement": statement,
        "props": [_prop("severity", finding.severity)],
        "status": "deviation-approved" if finding.status == "waived" else "open",
        "related-observations": [{"observation-uuid": observation}],
    }
    waiver = waivers.get(finding.waiver)
    if waiver is not None:
        deadline = datetime.combine(waiver.expires, datetime.min.time(), at.tzinfo)
        mitigation = {
            "uuid": _id("mitigation", waiver.id, observation),
            "description": waiver.compensating_control,
        }
        risk["deadline"] = deadline.isoformat()
        risk["mitigating-factors"] = [mitigation]
        for name in ("owner", "requester", "approver", "reason"):
            prop = _prop(name, getattr(waiver, name))
            risk["props"].append(prop)
    return risk


def _metadata(title: str, at: datetime, factory: AIFactory | None = None) -> dict[str, Any]:
    """Return the metadata that every document begins with."""
    metadata: dict[str, Any] = {
        "title": title,
        "last-modified": at.isoformat(),
        "version": __version__,
        "oscal-version": OSCAL_VERSION,
    }
    if factory is not None:
        party = _id("party", factory.operator.name)
        metadata["roles"] = [{"id": "operator", "title": "Operator"}]
        metadata["parties"] = [{"uuid": party, "type": "organization", "name": factory.operator.name}]
        metadata["responsible-parties"] = [{"role-id": "operator", "party-uuids": [party]}]
    return metadata


def _prop(name: str, value: str, group: str = "") -> dict[str, str]:
    """Return a property in this project's namespace."""
    # OSCAL's values are one line, not empty, without blanks at their ends.
    line = " ".join(value.split()) or "-"
    prop = {"name": name, "ns": NAMESPACE, "value": line}
    if group:
        prop["group"] = group
    return prop


def _token(text: str) -> str:
    """Return a text as a token."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")


def _id(*parts: str) -> str:
    """Return the identifier of something that the parts name, always the same."""
    # No part contains a NUL, so no two lists of parts become one text.
    return str(uuid5(_ROOT, "\0".join(parts)))

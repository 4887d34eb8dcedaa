"""OSCAL 1.2.1: the controls as a catalog, the rules as components, a verdict as results and plan of action.

Identifiers are UUIDs of version 5 made from what they name, so that the same verdict at the same
time gives the same bytes, and one finding keeps its name from run to run. The catalog holds ids and
our own words alone; whose requirement it is, in which edition and of which status stands beside.

    at = datetime(2026, 11, 24, tzinfo=UTC)
    documents(verdict, factory, at)["assessment-results"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sovereign_ai import __version__
from sovereign_ai.attest.controls import ControlState, served, states
from sovereign_ai.names import KEYS
from sovereign_ai.rules.controls import Control
from sovereign_ai.rules.judge import Finding, Verdict
from sovereign_ai.rules.registry import REGISTRY, registry_digest
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory

OSCAL_VERSION = "1.2.1"
NAMESPACE = f"https://{KEYS.domain}/ns/oscal"
_ROOT = UUID("8d3f9c52-55f6-5a0c-9a1e-3f6f0a5f8f10")
"""Where all our identifiers start; a constant of this project."""
CATALOG_FILE, COMPONENTS_FILE, RESULTS_FILE, PLAN_FILE = (
    f"{name}.json" for name in ("catalog", "component-definition", "assessment-results", "plan-of-action-and-milestones")
)


def documents(verdict: Verdict, factory: AIFactory, at: datetime) -> dict[str, dict[str, Any]]:
    """Give every document by its file's name; without a finding there is no plan of action, since OSCAL has no empty one.

    Args:
        verdict: what was judged.
        factory: the description that it was judged on.
        at: when, with its time zone.
    """
    found = {
        CATALOG_FILE: catalog(at),
        COMPONENTS_FILE: component_definition(at),
        RESULTS_FILE: assessment_results(verdict, factory, at),
    }
    plan = plan_of_action(verdict, factory, at)
    return found | ({PLAN_FILE: plan} if plan else {})


def control_id(control: Control) -> str:
    """Name a control as OSCAL's tokens permit.

    >>> from sovereign_ai.rules.controls import GDPR_TRANSFER
    >>> control_id(GDPR_TRANSFER)
    'gdpr-article-44'
    """
    return re.sub(r"[^a-z0-9._]+", "-", f"{control.framework}-{control.id}".lower()).strip("-.")


def catalog(at: datetime) -> dict[str, Any]:
    """Give every control that a rule serves, grouped by framework."""
    groups: dict[str, list[Control]] = {}
    for control in served():
        groups.setdefault(control.framework, []).append(control)
    return {
        "catalog": {
            "uuid": _id("catalog", registry_digest()),
            "metadata": _metadata("Controls that the rules of sovereign-ai serve", at),
            "groups": [
                {"id": _token(name), "title": name, "controls": [_control(one) for one in controls]} for name, controls in groups.items()
            ],
            "back-matter": {"resources": [_edition(one[0]) for one in _by_edition(groups).values()]},
        }
    }


def _by_edition(groups: dict[str, list[Control]]) -> dict[str, list[Control]]:
    """Gather controls by source and version, in a stable order."""
    found: dict[str, list[Control]] = {}
    for controls in groups.values():
        for one in controls:
            found.setdefault(_id("edition", one.source, one.version), []).append(one)
    return found


def _edition(control: Control) -> dict[str, Any]:
    """Name the text that a control comes from."""
    text = f"{control.source}, {control.version} ({control.date}); {control.status}"
    return {"uuid": _id("edition", control.source, control.version), "title": control.framework, "citation": {"text": text}}


def _control(control: Control) -> dict[str, Any]:
    """Write one control, in our own words."""
    name = control_id(control)
    return {
        "id": name,
        "class": control.status,
        "title": f"{control.framework} {control.id}",
        "props": [
            {"name": "label", "value": control.id},
            *(_prop(field, getattr(control, field)) for field in ("version", "date", "status")),
        ],
        "links": [{"href": f"#{_id('edition', control.source, control.version)}", "rel": "reference"}],
        "parts": [{"id": f"{name}_smt", "name": "statement", "prose": control.summary}],
    }


def component_definition(at: datetime) -> dict[str, Any]:
    """Give the rules as two components: those on the description and those on objects."""
    parts = (
        ("description", "Rules on the description and its plan", [one for one in REGISTRY if not one.checks]),
        ("objects", "Rules on Kubernetes objects: rendered, previewed, admitted and live", [one for one in REGISTRY if one.checks]),
    )
    return {
        "component-definition": {
            "uuid": _id("component-definition", registry_digest()),
            "metadata": _metadata("Rules of sovereign-ai and the controls that they serve", at),
            "components": [_component(name, title, rules) for name, title, rules in parts if rules],
        }
    }


def _component(name: str, title: str, rules: list[Rule]) -> dict[str, Any]:
    """Describe one set of rules."""
    props = [
        prop
        for rule in rules
        for prop in (
            _prop("Rule_Id", rule.id, f"rule_{rule.id}"),
            _prop("Rule_Description", rule.title, f"rule_{rule.id}"),
            _prop("Rule_Places", " ".join(sorted(rule.places)), f"rule_{rule.id}"),
        )
    ]
    return {
        "uuid": _id("component", name),
        "type": "validation",
        "title": title,
        "description": f"{title}; registry {registry_digest()[:16]}, sovereign-ai {__version__}",
        "props": props,
        "control-implementations": [
            {
                "uuid": _id("implementation", name),
                "source": CATALOG_FILE,
                "description": "Each requirement names the rules that decide it, as far as rules can.",
                "implemented-requirements": [
                    {
                        "uuid": _id("requirement", name, control_id(control)),
                        "control-id": control_id(control),
                        "description": control.summary,
                        "props": [_prop("Rule_Id", rule_id, f"rule_{rule_id}") for rule_id in ids],
                    }
                    for control, ids in served(rules).items()
                ],
            }
        ],
    }


def assessment_results(verdict: Verdict, factory: AIFactory, at: datetime) -> dict[str, Any]:
    """Give what was found: an observation a finding, a finding a control."""
    judged = states(verdict)
    plan = _id("assessment-plan", registry_digest())
    result: dict[str, Any] = {
        "uuid": _id("result", factory.digest, factory.waivers_digest, registry_digest(), at.isoformat()),
        "title": f"Rules of sovereign-ai on {factory.name}",
        "description": f"{len(verdict.violations)} violations, {len(verdict.waived)} waived, {len(verdict.undecidable)} undecidable, "
        f"{len(verdict.notices)} notices. Satisfied means: every rule that serves the control was decided and none was violated.",
        "start": at.isoformat(),
        "end": at.isoformat(),
        "props": [
            _prop("description-sha256", factory.digest),
            _prop("waivers-sha256", factory.waivers_digest),
            _prop("registry-sha256", registry_digest()),
        ],
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": control_id(one.control)} for one in judged]}],
        },
        "findings": [_finding(one, verdict) for one in judged],
    }
    if verdict.findings:
        result["local-definitions"] = {"components": _subjects(verdict.findings)}
        result["observations"] = [_observation(one, at) for one in verdict.findings]
    return {
        "assessment-results": {
            "uuid": _id("assessment-results", result["uuid"]),
            "metadata": _metadata(f"Assessment of {factory.name}", at, factory),
            "import-ap": {"href": f"#{plan}"},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "How it was assessed",
                        "description": "Every rule of the registry was decided on the description, its plan and the rendered objects "
                        "by `sovereign-ai check`; there is no separate assessment plan.",
                    }
                ]
            },
        }
    }


def _finding(state: ControlState, verdict: Verdict) -> dict[str, Any]:
    """Give one control's outcome; a waived or undecided one is not satisfied."""
    control, name = state.control, control_id(state.control)
    good = state.state in {"held", "noted"}
    reason = "pass" if good else "fail" if state.state == "VIOLATED" else "other"
    found: dict[str, Any] = {
        "uuid": _id("finding", name),
        "title": f"{control.framework} {control.id}",
        "description": f"{control.summary}: {state.state.lower()}" + (f" ({', '.join(state.because)})" if state.because else ""),
        "target": {
            "type": "objective-id",
            "target-id": f"{name}_smt",
            "status": {"state": "satisfied" if good else "not-satisfied", "reason": reason, "remarks": f"rules: {', '.join(state.rules)}"},
        },
    }
    related = [{"observation-uuid": _observation_id(one)} for one in verdict.findings if one.rule in state.rules]
    return found | ({"related-observations": related} if related else {})


def _subject_id(finding: Finding) -> str:
    """Name what a finding is about."""
    return _id("subject", finding.resource or "the whole")


def _subjects(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Declare what findings are about, each once."""
    names = sorted({one.resource or "the whole" for one in findings})
    return [
        {
            "uuid": _id("subject", name),
            "type": "this-system" if name == "the whole" else "software",
            "title": name,
            "description": f"{name}, as described or rendered",
            "status": {"state": "operational"},
        }
        for name in names
    ]


def _observation_id(finding: Finding) -> str:
    """Name a finding; the status is no part of it, so that a waived one keeps its name."""
    return _id("observation", finding.rule, finding.resource, finding.field, finding.message)


def _observation(finding: Finding, at: datetime) -> dict[str, Any]:
    """Give one finding as an observation."""
    where = {"file": finding.where.file, "line": finding.where.line, "column": finding.where.column, "field": finding.where.field}
    return {
        "uuid": _observation_id(finding),
        "title": f"{finding.rule} {finding.resource}".strip(),
        "description": finding.message,
        "props": [
            _prop("Rule_Id", finding.rule),
            _prop("severity", finding.severity),
            _prop("status", finding.status),
            *([_prop("waiver", finding.waiver)] if finding.waiver else []),
            *(_prop(name, str(value)) for name, value in where.items() if value),
        ],
        "methods": ["TEST"],
        "types": ["finding"],
        "subjects": [{"subject-uuid": _subject_id(finding), "type": "component", "title": finding.resource or "the whole"}],
        "collected": at.isoformat(),
        **({"remarks": finding.remediation} if finding.remediation else {}),
    }


def plan_of_action(verdict: Verdict, factory: AIFactory, at: datetime) -> dict[str, Any] | None:
    """Give what is to be done: an item a violation, waived finding or warning; None if there is none."""
    open_ones = [one for one in verdict.findings if one.status in {"violation", "waived"} or one.severity == "warning"]
    if not open_ones:
        return None
    ends = {waiver.id: waiver for waiver in factory.waivers}
    return {
        "plan-of-action-and-milestones": {
            "uuid": _id("plan-of-action", factory.digest, factory.waivers_digest, at.isoformat()),
            "metadata": _metadata(f"Plan of action for {factory.name}", at, factory),
            "system-id": {"identifier-type": NAMESPACE, "id": factory.name},
            "local-definitions": {"components": _subjects(open_ones)},
            "observations": [_observation(one, at) for one in open_ones],
            "risks": [_risk(one, ends, at) for one in open_ones],
            "poam-items": [
                {
                    "uuid": _id("item", _observation_id(one)),
                    "title": f"{one.rule} {one.resource}".strip(),
                    "description": one.remediation or one.message,
                    "related-observations": [{"observation-uuid": _observation_id(one)}],
                    "related-risks": [{"risk-uuid": _id("risk", _observation_id(one))}],
                }
                for one in open_ones
            ],
        }
    }


def _risk(finding: Finding, waivers: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Give one finding's risk; that of a waived one is approved as a deviation, with the waiver's end as its deadline."""
    rationale = next((rule.rationale for rule in REGISTRY if rule.id == finding.rule), finding.message)
    found: dict[str, Any] = {
        "uuid": _id("risk", _observation_id(finding)),
        "title": f"{finding.rule} {finding.resource}".strip(),
        "description": finding.message,
        "statement": rationale,
        "props": [_prop("severity", finding.severity)],
        "status": "deviation-approved" if finding.status == "waived" else "open",
        "related-observations": [{"observation-uuid": _observation_id(finding)}],
    }
    waiver = waivers.get(finding.waiver)
    if waiver is not None:
        found["deadline"] = datetime.combine(waiver.expires, datetime.min.time(), at.tzinfo).isoformat()
        found["mitigating-factors"] = [
            {"uuid": _id("mitigation", waiver.id, _observation_id(finding)), "description": waiver.compensating_control}
        ]
        found["props"] += [_prop(name, getattr(waiver, name)) for name in ("owner", "requester", "approver", "reason")]
    return found


def _metadata(title: str, at: datetime, factory: AIFactory | None = None) -> dict[str, Any]:
    """Give what every document begins with."""
    found: dict[str, Any] = {"title": title, "last-modified": at.isoformat(), "version": __version__, "oscal-version": OSCAL_VERSION}
    if factory is not None:
        party = _id("party", factory.operator.name)
        found["roles"] = [{"id": "operator", "title": "Operator"}]
        found["parties"] = [{"uuid": party, "type": "organization", "name": factory.operator.name}]
        found["responsible-parties"] = [{"role-id": "operator", "party-uuids": [party]}]
    return found


def _prop(name: str, value: str, group: str = "") -> dict[str, str]:
    """Write a property of ours; OSCAL's values are one line without blanks at their ends."""
    line = " ".join(value.split()) or "-"
    return {"name": name, "ns": NAMESPACE, "value": line, **({"group": group} if group else {})}


def _token(text: str) -> str:
    """Write a text as a token."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")


def _id(*parts: str) -> str:
    """Name something for good."""
    return str(uuid5(_ROOT, "\0".join(parts)))

"""SARIF 2.1.0: findings at file, line and column, for code scanning.

A violation is an `error`, a notice a `warning` or a `note`. A waived violation stays an error with an
accepted suppression. What could not be decided is of kind `open`, which no viewer counts as a pass. Written
after OASIS, Static Analysis Results Interchange Format 2.1.0 (2020-03-27).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sovereign_ai import __version__
from sovereign_ai.names import KEYS
from sovereign_ai.rules import ADVISORY, REGISTRY, Rule, RuleFinding, RuleVerdict, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = f"https://{KEYS.domain}/"
"""The tool's address, which SARIF readers require; the domain is private, as that of the label keys."""
# GitHub calls a rule critical above 9.0, and high, medium and low from 7.0, 4.0 and 0.1 on.
_SCORES: dict[Severity, str] = {
    "critical": "9.5",
    "high": "8.0",
    "medium": "5.5",
    "low": "3.0",
    "warning": "2.0",
    "info": "0.0",
}
"""The number from 0 to 10 that code scanning sorts by."""


def sarif(verdict: RuleVerdict, *, base: Path | None = None) -> dict[str, Any]:
    """Return the SARIF log.

    Args:
        verdict: the verdict.
        base: the folder that files are named from; a file outside it keeps its whole name.
    """
    rules = {}
    for number, rule in enumerate(REGISTRY):
        rules[rule.id] = number
    driver = {
        "name": "sovereign-ai",
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": [_descriptor(rule) for rule in REGISTRY],
    }
    root = {"description": {"text": "the folder from which the check was run"}}
    run = {
        "tool": {"driver": driver},
        # Columns are counted in characters here; SARIF's default is UTF-16 code units.
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": root},
        "results": [_result(finding, rules, base) for finding in verdict.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    """Return the descriptor of one rule."""
    tags = set()
    for control in rule.controls:
        tags.add(f"{control.framework} {control.id}")
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": rule.remediation},
        "defaultConfiguration": {"level": _level(rule.severity)},
        "properties": {
            "security-severity": _SCORES[rule.severity],
            "severity": rule.severity,
            "tags": sorted(tags),
        },
    }


def _level(severity: Severity) -> str:
    """Return SARIF's level of a severity."""
    if severity not in ADVISORY:
        return "error"
    return "warning" if severity == "warning" else "note"


def _result(finding: RuleFinding, rules: Mapping[str, int], base: Path | None) -> dict[str, Any]:
    """Return one finding as a result.

    Args:
        finding: the finding.
        rules: rule to its position among the descriptors.
        base: the folder that files are named from.
    """
    kind, level = "fail", _level(finding.severity)
    if finding.status == "undecidable":
        # SARIF permits no other level for a result of this kind.
        kind, level = "open", "none"
    text = finding.message
    if finding.resource:
        text = f"{finding.resource}: {finding.message}. {finding.remediation}"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "kind": kind,
        "level": level,
        "message": {"text": text},
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        "properties": {
            "status": finding.status,
            "field": finding.where.field,
            "objectField": finding.field,
        },
    }
    if finding.rule in rules:
        result["ruleIndex"] = rules[finding.rule]
    location = _location(finding, base)
    if location:
        result["locations"] = [location]
    if finding.status == "waived":
        justification = f"waiver {finding.waiver}"
        suppression = {"kind": "external", "status": "accepted", "justification": justification}
        result["suppressions"] = [suppression]
    return result


def _fingerprint(finding: RuleFinding) -> str:
    """Return what identifies a finding wherever it moves in the file."""
    # Line and column are left out: a line that is inserted above must not make a new finding.
    parts = (finding.rule, finding.resource, finding.field, finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _location(finding: RuleFinding, base: Path | None) -> dict[str, Any]:
    """Return the place of a finding in the user's text, and its object."""
    location: dict[str, Any] = {}
    where = finding.where
    if where.file:
        physical: dict[str, Any] = {"artifactLocation": _artifact(where.file, base)}
        if where.line is not None:
            region = {"startLine": where.line}
            if where.column is not None:
                region["startColumn"] = where.column
            physical["region"] = region
        location["physicalLocation"] = physical
    if finding.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.resource, "kind": "resource"}]
    return location


def _artifact(file: str, base: Path | None) -> dict[str, str]:
    """Return the name of a file from the base; outside of it a `file` URI, or the name as it is."""
    path = Path(file)
    if base is not None:
        whole = (base / path).resolve()
        if not whole.is_relative_to(base.resolve()):
            return {"uri": whole.as_uri()}
        path = whole.relative_to(base.resolve())
    elif path.is_absolute():
        return {"uri": path.as_uri()}
    # A relative reference is a URI, too: blanks and the like are escaped.
    return {"uri": quote(path.as_posix()), "uriBaseId": "SRCROOT"}

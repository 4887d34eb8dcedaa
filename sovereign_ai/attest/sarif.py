"""SARIF 2.1.0: findings at file, line and column, for code scanning.

A violation is an `error`, a notice a `warning` or a `note`. A waived violation stays an error with an
accepted suppression. What could not be decided here is of kind `open`, which no viewer counts as a pass.
Written after OASIS, Static Analysis Results Interchange Format 2.1.0 (2020-03-27).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sovereign_ai import __version__
from sovereign_ai.rules.judge import ADVISORY, Finding, Severity, Verdict
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SCORES: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "warning": "2.0", "info": "0.0"}
"""What code scanning sorts by: a number from 0 to 10."""


def sarif(verdict: Verdict, *, base: Path | None = None) -> dict[str, Any]:
    """Give the log.

    Args:
        verdict: what was judged.
        base: the folder that files are named from; a file outside it keeps its whole name.
    """
    rules = {rule.id: number for number, rule in enumerate(REGISTRY)}
    driver = {
        "name": "sovereign-ai",
        "semanticVersion": __version__,
        "rules": [_descriptor(rule) for rule in REGISTRY],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the folder from which the check was run"}}},
        "results": [_result(finding, rules, base) for finding in verdict.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    """Describe one rule."""
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": rule.remediation},
        "defaultConfiguration": {"level": _level(rule.severity)},
        "properties": {
            "security-severity": _SCORES[rule.severity],
            "severity": rule.severity,
            "tags": sorted({f"{control.framework} {control.id}" for control in rule.controls}),
        },
    }


def _level(severity: Severity) -> str:
    """Give SARIF's word for a severity."""
    if severity not in ADVISORY:
        return "error"
    return "warning" if severity == "warning" else "note"


def _result(finding: Finding, rules: dict[str, int], base: Path | None) -> dict[str, Any]:
    """Give one result."""
    undecided = finding.status == "undecidable"
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "kind": "open" if undecided else "fail",
        "level": "none" if undecided else _level(finding.severity),
        "message": {"text": f"{finding.resource}: {finding.message}. {finding.remediation}" if finding.resource else finding.message},
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        "properties": {"status": finding.status, "field": finding.where.field, "objectField": finding.field},
    }
    if finding.rule in rules:
        found["ruleIndex"] = rules[finding.rule]
    if location := _location(finding, base):
        found["locations"] = [location]
    if finding.status == "waived":
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": f"waiver {finding.waiver}"}]
    return found


def _fingerprint(finding: Finding) -> str:
    """Tell findings apart wherever they move in the file."""
    parts = (finding.rule, finding.resource, finding.field, finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _location(finding: Finding, base: Path | None) -> dict[str, Any]:
    """Give the place in the user's text, and the object."""
    found: dict[str, Any] = {}
    where = finding.where
    if where.file:
        physical: dict[str, Any] = {"artifactLocation": _artifact(where.file, base)}
        if where.line is not None:
            physical["region"] = {"startLine": where.line, **({"startColumn": where.column} if where.column is not None else {})}
        found["physicalLocation"] = physical
    if finding.resource:
        found["logicalLocations"] = [{"fullyQualifiedName": finding.resource, "kind": "resource"}]
    return found


def _artifact(file: str, base: Path | None) -> dict[str, str]:
    """Name a file from the base; one outside it by a `file` URI, or as it was named."""
    path = Path(file)
    if base is not None:
        whole = (base / path).resolve()
        if not whole.is_relative_to(base.resolve()):
            return {"uri": whole.as_uri()}
        path = whole.relative_to(base.resolve())
    elif path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": "SRCROOT"}

"""JUnit XML: a test case for each rule, so that a pipeline shows which rules hold.

A rule with a violation failed; one that could not be decided was skipped and did not pass. Waived findings
and notices are in the case's output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from sovereign_ai.rules import REGISTRY, RuleFinding, RuleVerdict

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold, or that a terminal should not get."""


def junit(verdict: RuleVerdict, *, name: str = "sovereign-ai") -> str:
    """Return the document.

    Args:
        verdict: the verdict.
        name: the suite's name, such as the factory's.
    """
    by_rule: dict[str, list[RuleFinding]] = {}
    for finding in verdict.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    failed, skipped = 0, 0
    for findings in by_rule.values():
        failed += bool(_violations(findings))
        skipped += _is_skipped(findings)
    known = set()
    for rule in REGISTRY:
        known.add(rule.id)
    cases = [_case(rule.id, rule.title, by_rule.get(rule.id, [])) for rule in REGISTRY]
    # A verdict may hold findings of rules that this registry does not have.
    for rule_id in sorted(by_rule.keys() - known):
        case = _case(rule_id, "", by_rule[rule_id])
        cases.append(case)
    # A rule that cannot be evaluated is undecidable and skipped, and never an error.
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="{skipped}" time="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_attribute(name)} {counts}>",
        f"  <testsuite name={_attribute(name)} {counts}>",
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _violations(findings: Iterable[RuleFinding]) -> list[RuleFinding]:
    """Return the violations among findings."""
    return [finding for finding in findings if finding.status == "violation"]


def _is_skipped(findings: Iterable[RuleFinding]) -> bool:
    """Return whether a rule was not decided, and nothing was violated beside."""
    statuses = set()
    for finding in findings:
        statuses.add(finding.status)
    return "undecidable" in statuses and "violation" not in statuses


def _case(rule_id: str, title: str, findings: list[RuleFinding]) -> str:
    """Return the test case of one rule.

    Args:
        rule_id: the rule's id.
        title: its title; empty for a rule that the registry does not have.
        findings: its findings.
    """
    name = f"{rule_id} {title}" if title else rule_id
    class_name = f"sovereign-ai.{rule_id[:3]}"
    violations = _violations(findings)
    head = f"    <testcase classname={_attribute(class_name)} name={_attribute(name)}"
    head += f'{_place(violations)} time="0"'
    inner: list[str] = []
    if violations:
        inner.append(_failure(violations))
    elif _is_skipped(findings):
        inner.append(f"      <skipped message={_attribute(findings[0].message)}/>")
    notes = []
    for finding in findings:
        if finding.status in {"waived", "notice"}:
            note = str(finding)
            notes.append(note)
    if notes:
        text = "\n".join(notes)
        inner.append(f"      <system-out>{_text(text)}</system-out>")
    if not inner:
        return f"{head}/>"
    return "\n".join([f"{head}>", *inner, "    </testcase>"])


def _place(violations: Iterable[RuleFinding]) -> str:
    """Return the attributes with file and line of the first violation that has a file."""
    for finding in violations:
        where = finding.where
        if where.file:
            line = "" if where.line is None else f' line="{where.line}"'
            return f" file={_attribute(where.file)}{line}"
    return ""


def _failure(violations: list[RuleFinding]) -> str:
    """Return the failure of a rule, with each violation and its remedy."""
    first = violations[0]
    text = "\n".join(f"{finding}\n    {finding.remediation}" for finding in violations)
    attributes = f"type={_attribute(first.severity)} message={_attribute(first.message)}"
    return f"      <failure {attributes}>{_text(text)}</failure>"


def _text(text: str) -> str:
    """Return text for an element."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    """Return text for an attribute, with its quotation marks."""
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))

"""JUnit XML: a test case for each rule, so that a pipeline shows which rules hold.

A rule with a violation failed; one that could not be decided here was skipped and is not passed;
waived findings and notices are told in the case's output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from sovereign_ai.rules.judge import Finding, Verdict
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold, or a terminal should not get."""


def junit(verdict: Verdict, *, name: str = "sovereign-ai") -> str:
    """Give the document.

    Args:
        verdict: what was judged.
        name: the suite's name, such as the factory's.
    """
    by_rule: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    failed = sum(any(one.status == "violation" for one in found) for found in by_rule.values())
    skipped = sum(_is_skipped(found) for found in by_rule.values())
    known = {rule.id for rule in REGISTRY}
    cases = [_case(rule.id, rule, by_rule.get(rule.id, [])) for rule in REGISTRY]
    cases += [_case(rule_id, None, found) for rule_id, found in sorted(by_rule.items()) if rule_id not in known]
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="{skipped}" time="0"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites name={_attribute(name)} {counts}>",
            f"  <testsuite name={_attribute(name)} {counts}>",
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _is_skipped(found: Iterable[Finding]) -> bool:
    """Tell whether a rule was not decided, and nothing was violated beside."""
    statuses = {one.status for one in found}
    return "undecidable" in statuses and "violation" not in statuses


def _case(rule_id: str, rule: Rule | None, found: list[Finding]) -> str:
    """Write one rule."""
    title = f"{rule_id} {rule.title}" if rule else rule_id
    wrong = [one for one in found if one.status == "violation"]
    told = [one for one in found if one.status in {"waived", "notice"}]
    place = next((one.where for one in wrong if one.where.file), None)
    where = f" file={_attribute(place.file)}" if place is not None and place.file else ""
    where += f' line="{place.line}"' if place is not None and place.line is not None else ""
    inner = []
    if wrong:
        severity, text = wrong[0].severity, "\n".join(f"{one}\n    {one.remediation}" for one in wrong)
        inner.append(f"      <failure type={_attribute(severity)} message={_attribute(wrong[0].message)}>{_text(text)}</failure>")
    elif _is_skipped(found):
        inner.append(f"      <skipped message={_attribute(found[0].message)}/>")
    if told:
        inner.append(f"      <system-out>{_text(chr(10).join(map(str, told)))}</system-out>")
    head = f'    <testcase classname={_attribute(f"sovereign-ai.{rule_id[:3]}")} name={_attribute(title)}{where} time="0"'
    return "\n".join([f"{head}>", *inner, "    </testcase>"]) if inner else f"{head}/>"


def _text(text: str) -> str:
    """Write text for an element."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    """Write text for an attribute, with its quotation marks."""
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))

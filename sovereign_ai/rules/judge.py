"""Findings, and the one pure function that holds them against waivers on a given day.

A waived finding stays in the verdict with the word `waived`; an expired waiver never matches.

    >>> found = Finding("PRV-001", "high", "Pod/research/job", "hostNetwork", "it shares the host's network", "leave it out")
    >>> judge([found], (), date(2026, 11, 24)).ok
    False
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as made_by
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from sovereign_ai.errors import Where
from sovereign_ai.spec.supplier import Waiver

Severity = Literal["info", "warning", "low", "medium", "high", "critical"]
ADVISORY: frozenset[Severity] = frozenset({"info", "warning"})
"""What is told and fails nothing: a finding of these is a `notice`, never a violation."""
Status = Literal["violation", "undecidable", "waived", "notice"]
_MOST_DAYS = 90
UNWAIVABLE = frozenset({"WVR-001", "WVR-002", "WVR-003", "BRK-001"})
"""Rules about waivers themselves and about break-glass access: no waiver covers their findings."""
_RANK = {"violation": 0, "undecidable": 1, "waived": 2, "notice": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    Attributes:
        rule: the rule's stable id.
        severity: how bad it is.
        resource: `Kind/namespace/name` or `Kind/name`; empty where a rule could not be decided at all.
        field: the decided field, `spec.hostNetwork`.
        message: what is wrong.
        remediation: what to do.
        where: the place in the user's own description, where it has one.
        status: `violation`, `undecidable` (cannot be decided in this place), `waived` or `notice` (advice; fails nothing).
        waiver: id of the waiver that covers it.
    """

    rule: str
    severity: Severity
    resource: str
    field: str
    message: str
    remediation: str
    where: Where = made_by(default_factory=Where)
    status: Status = "violation"
    waiver: str = ""

    @property
    def order(self) -> tuple[int, str, str, str, str]:
        """Sort key: violations first, then by rule, resource and field."""
        return (_RANK[self.status], self.rule, self.resource, self.field, self.message)

    def __str__(self) -> str:
        """Write one line."""
        place = f"{self.where}: " if self.where.file else ""
        what = ": ".join(part for part in (self.resource, self.field) if part)
        mark = f"{self.status} {self.waiver}".strip()
        return f"{place}{self.rule} [{mark}] {what}: {self.message}"

    def to_data(self) -> dict[str, Any]:
        """Give the flat mapping that `--json` prints."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "status": self.status,
            "waiver": self.waiver,
            "resource": self.resource,
            "message": self.message,
            "remediation": self.remediation,
            "object_field": self.field,
            "file": self.where.file,
            "line": self.where.line,
            "column": self.where.column,
            "field": self.where.field,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every finding, sorted; `ok` is true without a violation.

    Attributes:
        findings: all of them, waived and undecidable ones too.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not self.violations

    @property
    def violations(self) -> tuple[Finding, ...]:
        """What no waiver covers."""
        return self._of("violation")

    @property
    def waived(self) -> tuple[Finding, ...]:
        """What a waiver covers today."""
        return self._of("waived")

    @property
    def undecidable(self) -> tuple[Finding, ...]:
        """What could not be decided in this place; neither a pass nor a violation."""
        return self._of("undecidable")

    @property
    def notices(self) -> tuple[Finding, ...]:
        """What is told without failing: findings of an advisory severity."""
        return self._of("notice")

    def _of(self, status: Status) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status == status)

    def lines(self) -> list[str]:
        """Write the verdict for a terminal: each finding with its remedy, and a closing count."""
        lines: list[str] = []
        for finding in self.findings:
            lines.append(str(finding))
            if finding.status == "violation" and finding.remediation:
                lines.append(f"    {finding.remediation}")
        count = f"{len(self.violations)} violations, {len(self.waived)} waived, {len(self.undecidable)} undecidable here"
        return [*lines, count + (f", {len(self.notices)} notices" if self.notices else "")]

    def to_data(self) -> dict[str, Any]:
        """Give the mapping that `--json` prints."""
        return {"ok": self.ok, "findings": [finding.to_data() for finding in self.findings]}


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Make one verdict of several, such as those of every cluster; what they share is told once."""
    found = {finding for verdict in verdicts for finding in verdict.findings}
    return Verdict(tuple(sorted(found, key=lambda finding: finding.order)))


def judge(
    findings: Iterable[Finding], waivers: Iterable[Waiver], now: date, made_from: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Verdict:
    """Hold findings against waivers.

    A waiver covers violations of exactly its rule on exactly its resource, from `created` up to the
    day before `expires`. One that is wrong in itself (self-approved, longer than 90 days) or that
    overlaps with another of the same rule and resource covers nothing. What a controller made from a
    workload is covered with it, where the workload breaks the same rule.

    Args:
        findings: what the rules found.
        waivers: recorded exceptions.
        now: the day that counts.
        made_from: resource to the workloads it was made from (`makers.made_from`).
    """
    usable = _usable(waivers, now)
    found = set(findings)
    broken = {(finding.rule, finding.resource) for finding in found if finding.status == "violation"}
    judged = (
        _judged(finding, usable, [one for one in made_from.get(finding.resource, ()) if (finding.rule, one) in broken]) for finding in found
    )
    return Verdict(tuple(sorted(judged, key=lambda finding: finding.order)))


def _usable(waivers: Iterable[Waiver], now: date) -> dict[tuple[str, str], Waiver]:
    """Index the waivers that count today by rule and resource."""
    counted: dict[tuple[str, str], list[Waiver]] = {}
    for waiver in waivers:
        sound = waiver.approver.strip().casefold() != waiver.requester.strip().casefold() and (
            0 < (waiver.expires - waiver.created).days <= _MOST_DAYS
        )
        if sound and waiver.created <= now < waiver.expires:
            counted.setdefault((waiver.rule, waiver.resource), []).append(waiver)
    return {key: found[0] for key, found in counted.items() if len(found) == 1}


def _judged(finding: Finding, usable: dict[tuple[str, str], Waiver], workloads: Sequence[str]) -> Finding:
    """Mark one finding as waived if a waiver covers it."""
    if finding.status != "violation":
        return finding
    if finding.severity in ADVISORY:
        return replace(finding, status="notice")
    waiver = next((usable[finding.rule, one] for one in (finding.resource, *workloads) if (finding.rule, one) in usable), None)
    if waiver is None or finding.rule in UNWAIVABLE:
        return finding
    return replace(finding, status="waived", waiver=waiver.id)

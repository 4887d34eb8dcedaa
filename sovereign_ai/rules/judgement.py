"""Findings, verdicts, and the pure function `judge` that compares findings with waivers on a given day.

A waived finding stays in the verdict with the status `waived`. An expired waiver never matches.

    >>> finding = RuleFinding("PRV-001", "high", "Pod/a/job", "hostNetwork", "it is shared", "leave it out")
    >>> judge([finding], (), date(2026, 11, 24)).ok
    False
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field as dataclass_field
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from sovereign_ai.errors import Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import normal_name
from sovereign_ai.spec import Waiver
from sovereign_ai.text import counted

Severity = Literal["info", "warning", "low", "medium", "high", "critical"]
ADVISORY: frozenset[Severity] = frozenset({"info", "warning"})
"""Severities of advice: a finding of these is a `notice`, never a violation."""
Status = Literal["violation", "undecidable", "waived", "notice"]
# The description refuses longer ones too. A verdict must not depend on how the waiver was read.
_MOST_DAYS = 90
UNWAIVABLE = frozenset({"WVR-001", "WVR-002", "WVR-003", "WVR-004", "BRK-001"})
"""Rules about waivers themselves and about break-glass access: no waiver covers their findings."""
_RANK = {"violation": 0, "undecidable": 1, "waived": 2, "notice": 3}
"""Order of findings in a verdict, by status."""


@frozen_dataclass
class RuleFinding:
    """The answer of a rule on one resource.

    Attributes:
        rule: the rule's stable id.
        severity: how bad it is.
        resource: `Kind/namespace/name` or `Kind/name`; empty if a rule could not be decided at all.
        field: the decided field, `spec.hostNetwork`.
        message: what is wrong.
        remediation: what to do.
        where: the place in the user's own description, if it has one.
        status: `violation`, `undecidable` (cannot be decided in this place), `waived` or `notice` (advice;
            fails nothing).
        waiver: id of the waiver that covers it.
    """

    rule: str
    severity: Severity
    resource: str
    field: str
    message: str
    remediation: str
    where: Where = dataclass_field(default_factory=Where)
    status: Status = "violation"
    waiver: str = ""

    @property
    def order(self) -> tuple[int | str, ...]:
        """Sort key: violations first, then by rule, resource and field, and then by all that is printed.

        Two findings have the same key only if they are equal, so that their order never depends on the order
        in which rules decided.
        """
        where = self.where
        # No place has the line 0 or the column 0, and none has an empty file.
        place = (where.file or "", where.line or 0, where.column or 0, where.field)
        decision = (self.severity, self.remediation, self.waiver)
        return (_RANK[self.status], self.rule, self.resource, self.field, self.message, *place, *decision)

    def __str__(self) -> str:
        """Return it as one line."""
        location = f"{self.where}: " if self.where.file else ""
        subject = ": ".join(part for part in (self.resource, self.field) if part)
        mark = f"{self.status} {self.waiver}".strip()
        return f"{location}{self.rule} [{mark}] {subject}: {self.message}"

    def to_data(self) -> dict[str, Any]:
        """Return the flat mapping that `--json` prints."""
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


@frozen_dataclass
class RuleVerdict:
    """All findings of a check, sorted; `ok` is true without a violation.

    Attributes:
        findings: every finding, waived and undecidable ones too.
    """

    findings: tuple[RuleFinding, ...]

    @property
    def ok(self) -> bool:
        """Return whether there is no violation."""
        return not self.violations

    @property
    def violations(self) -> tuple[RuleFinding, ...]:
        """Return the violations: findings that no waiver covers."""
        return self._of("violation")

    @property
    def waived(self) -> tuple[RuleFinding, ...]:
        """Return the findings that a waiver covers today."""
        return self._of("waived")

    @property
    def undecidable(self) -> tuple[RuleFinding, ...]:
        """Return what could not be decided in this place; neither a pass nor a violation."""
        return self._of("undecidable")

    @property
    def notices(self) -> tuple[RuleFinding, ...]:
        """Return the notices: findings of an advisory severity, which fail nothing."""
        return self._of("notice")

    def _of(self, status: Status) -> tuple[RuleFinding, ...]:
        return tuple(finding for finding in self.findings if finding.status == status)

    def lines(self) -> list[str]:
        """Return the verdict for a terminal: each finding with its remediation, and a closing count."""
        lines: list[str] = []
        for finding in self.findings:
            lines.append(str(finding))
            if finding.status == "violation" and finding.remediation:
                lines.append(f"    {finding.remediation}")
        counts = [
            counted(len(self.violations), "violation"),
            f"{len(self.waived)} waived",
            f"{len(self.undecidable)} undecidable here",
        ]
        if self.notices:
            counts.append(counted(len(self.notices), "notice"))
        lines.append(", ".join(counts))
        return lines

    def to_data(self) -> dict[str, Any]:
        """Return the mapping that `--json` prints."""
        return {"ok": self.ok, "findings": [finding.to_data() for finding in self.findings]}


def merge_verdicts(verdicts: Iterable[RuleVerdict]) -> RuleVerdict:
    """Return one verdict of several, such as those of every cluster; equal findings are reported once."""
    findings: set[RuleFinding] = set()
    for verdict in verdicts:
        findings.update(verdict.findings)
    return RuleVerdict(_sorted(findings))


def judge(
    findings: Iterable[RuleFinding],
    waivers: Iterable[Waiver],
    now: date,
    made_from: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> RuleVerdict:
    """Return the verdict on findings, given the waivers.

    A waiver covers violations of exactly its rule on exactly its resource, from `created` up to the day
    before `expires`. A waiver covers nothing if it is invalid (self-approved, or longer than 90 days), or if
    it overlaps with another of the same rule and resource. An object that a controller made from a workload
    is covered together with that workload, if the workload breaks the same rule.

    Args:
        findings: the findings of the rules.
        waivers: recorded exceptions.
        now: the day that counts.
        made_from: resource to the workloads it was made from (`makers.made_from`).
    """
    usable = _usable_waivers(waivers, now)
    distinct = set(findings)
    broken = set()
    for finding in distinct:
        if finding.status == "violation":
            broken.add((finding.rule, finding.resource))
    judged = []
    for finding in distinct:
        owners = made_from.get(finding.resource, ())
        # A workload that obeys the rule has nothing waived, so its pods get nothing either.
        workloads = [owner for owner in owners if (finding.rule, owner) in broken]
        judged.append(_judge_finding(finding, usable, workloads))
    return RuleVerdict(_sorted(judged))


def _sorted(findings: Iterable[RuleFinding]) -> tuple[RuleFinding, ...]:
    """Return findings in the order of a verdict."""
    return tuple(sorted(findings, key=lambda finding: finding.order))


def _usable_waivers(waivers: Iterable[Waiver], now: date) -> dict[tuple[str, str], Waiver]:
    """Return the waivers that count on a day, by rule and resource."""
    counted: dict[tuple[str, str], list[Waiver]] = {}
    for waiver in waivers:
        is_current = waiver.created <= now < waiver.expires
        if is_current and _is_sound(waiver):
            counted.setdefault((waiver.rule, waiver.resource), []).append(waiver)
    usable = {}
    for key, same_aim in counted.items():
        # Two current waivers of the same rule and resource would add up to one that is too long.
        if len(same_aim) == 1:
            usable[key] = same_aim[0]
    return usable


def _is_sound(waiver: Waiver) -> bool:
    """Return whether a waiver has another approver than requester, and lasts 90 days at most."""
    if normal_name(waiver.approver) == normal_name(waiver.requester):
        return False
    duration = waiver.expires - waiver.created
    return 0 < duration.days <= _MOST_DAYS


def _judge_finding(
    finding: RuleFinding, usable: dict[tuple[str, str], Waiver], workloads: Sequence[str]
) -> RuleFinding:
    """Return a finding with its final status: waived if a waiver covers it, a notice if it is advice."""
    if finding.status != "violation":
        return finding
    if finding.severity in ADVISORY:
        return replace(finding, status="notice")
    if finding.rule in UNWAIVABLE:
        return finding
    # The resource's own waiver comes first, then that of the nearest workload.
    for resource in (finding.resource, *workloads):
        waiver = usable.get((finding.rule, resource))
        if waiver is not None:
            return replace(finding, status="waived", waiver=waiver.id)
    return finding

"""The control table: every rule with its controls, its state, and the places of its findings.

Waivers, certificates and the text of the description are here, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.attest.report.gather import Report, certificates
from sovereign_ai.attest.report.markup import Markup, anchor, join, tag
from sovereign_ai.attest.report.numbers import mark, table, why
from sovereign_ai.errors import Where
from sovereign_ai.rules import REGISTRY, Rule, RuleFinding, as_counted, explain_waiver_refusal
from sovereign_ai.spec import Waiver
from sovereign_ai.text import counted

Placed = tuple[RuleFinding, tuple[str, ...]]
"""A finding, and the clusters that have it."""
Cells = tuple[object, ...]
"""The cells of a row."""
_KINDS = {"violation": "bad", "waived": "warn", "undecidable": "odd", "notice": "odd"}
"""Status of a finding to its colour, the worst first."""


def place(report: Report, where: Where) -> Markup:
    """Return a place in the description, linked to its line where the report contains the text."""
    if where.line is None or where.file is None:
        return tag("code", where.field)
    text = f"{Path(where.file).name}:{where.line}"
    line = tag("a", text, href=f"#L{where.line}") if report.source else tag("code", text)
    if not where.field:
        return line
    return join(line, " ", tag("code", where.field))


def controls(report: Report) -> Markup:
    """Return the control table."""
    by_rule: defaultdict[str, list[Placed]] = defaultdict(list)
    for finding, clusters in report.findings():
        by_rule[finding.rule].append((finding, clusters))
    rows: list[Cells] = []
    for rule in REGISTRY:
        row = _rule_row(report, rule, by_rule.pop(rule.id, []))
        rows.append(row)
    # Findings of rules that the registry does not have.
    for rule_id, findings in sorted(by_rule.items()):
        rows.append((rule_id, "", _marks(findings), "", join(*_findings(report, findings))))
    return table(("rule", "what must hold", "state", "serves", "findings"), rows)


def _rule_row(report: Report, rule: Rule, findings: list[Placed]) -> Cells:
    """Return a rule's row."""
    names: list[str] = []
    sources: list[tuple[str, str]] = []
    for control in rule.controls:
        name = f"{control.framework} {control.id}"
        edition = f"{control.source}, {control.version}, {control.date}; {control.status}"
        names.append(name)
        sources.append((name, f"{control.summary} ({edition})"))
    reasons = [
        ("why", rule.rationale),
        ("to fix it", rule.remediation),
        ("decided in", ", ".join(sorted(rule.places))),
        *sources,
    ]
    title = why(rule.title, reasons)
    state = _marks(findings)
    # A rule that only a live cluster can break was not decided where none was observed.
    if not findings and rule.places == {"live"} and not report.observation:
        state = mark("not looked at", "odd")
    id_ = tag("span", rule.id, id=anchor("r", rule.id), class_="whole")
    return id_, title, state, ", ".join(names), join(*_findings(report, findings))


def _marks(findings: list[Placed]) -> Markup:
    """Return the state of a rule: how many findings of each status it has."""
    if not findings:
        return mark("holds", "good")
    counts: Counter[str] = Counter(finding.status for finding, _ in findings)
    marks: list[object] = []
    for status, kind in _KINDS.items():
        if counts[status]:
            marks += [mark(f"{counts[status]} {status}", kind), " "]
    return join(*marks)


def _findings(report: Report, findings: list[Placed]) -> Iterator[Markup]:
    """Yield findings with their places."""
    for finding, clusters in findings:
        waiver: object = ""
        if finding.waiver:
            link = tag("a", finding.waiver, href=f"#{anchor('w', finding.waiver)}")
            waiver = join(" covered by ", link)
        text = ": ".join(part for part in (finding.resource, finding.message) if part)
        if len(clusters) < len(report.verdicts):
            text += f" ({', '.join(clusters)})"
        yield tag("div", place(report, finding.where), f" {text} [{finding.severity}]", waiver)


def waivers(report: Report) -> Markup:
    """Return every recorded exception, linked to its line."""
    rows: list[Cells] = []
    for number, waiver in enumerate(report.factory.waivers):
        people = f"asked by {waiver.requester}, approved by {waiver.approver}, owned by {waiver.owner}"
        row = (
            tag("span", waiver.id, id=anchor("w", waiver.id)),
            waiver.rule,
            waiver.resource,
            _waiver_state(report, waiver),
            f"{waiver.reason} Instead: {waiver.compensating_control}",
            people,
            place(report, report.factory.where(f"waivers[{number}]")),
        )
        rows.append(row)
    return table(("waiver", "rule", "on", "state", "reason", "people", "place"), rows)


def _waiver_state(report: Report, waiver: Waiver) -> Markup:
    """Return whether a waiver covers anything on the day of the report."""
    if explain_waiver_refusal(report.factory, waiver):
        return mark("not signed: covers nothing", "bad")
    days = (as_counted(report.factory, waiver).expires - report.now).days
    if days <= 0:
        return mark("expired", "bad")
    return mark(f"{counted(days, 'day')} left", "warn")


def certified(report: Report) -> Markup:
    """Return every certificate that the description claims, linked to its line."""
    rows: list[Cells] = []
    for number, certificate in enumerate(certificates(report.factory, report.now)):
        row = (
            certificate["scheme"],
            certificate["scope"],
            certificate["issuer"] or mark("issuer not named", "odd"),
            mark("in force", "good") if certificate["in_force"] else mark("ended", "bad"),
            f"until {certificate['expires']}",
            place(report, report.factory.where(f"operator.certificates[{number}]")),
        )
        rows.append(row)
    return table(("certificate", "covers", "issuer", "state", "last day", "place"), rows)


def source(report: Report) -> Markup:
    """Return the description's own text, each line with an anchor."""
    if not report.source:
        note = (
            "The description is a program; its text is not printed here. "
            "The digest above is of what it declares."
        )
        return tag("p", note, class_="soft")
    lines: list[Markup] = []
    for number, text in enumerate(report.source.splitlines(), start=1):
        line = tag("div", text, id=f"L{number}", data_n=number)
        lines.append(line)
    return tag("div", *lines, class_="source")

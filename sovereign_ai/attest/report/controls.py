"""The control table: every rule with what it serves, how it stands, and the line of the description that each finding is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.attest.report.gather import Report, certificates
from sovereign_ai.attest.report.markup import Markup, anchor, join, tag
from sovereign_ai.attest.report.numbers import mark, table, why
from sovereign_ai.errors import Where
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule

Found = dict[str, list[tuple[Finding, tuple[str, ...]]]]
_KINDS = {"violation": "bad", "waived": "warn", "undecidable": "odd", "notice": "odd"}


def place(report: Report, where: Where) -> Markup:
    """Give a place in the description, linked to its line where its text stands in the report."""
    if where.line is None or where.file is None:
        return tag("code", where.field)
    text = f"{Path(where.file).name}:{where.line}"
    linked = tag("a", text, href=f"#L{where.line}") if report.source else Markup(tag("code", text))
    return join(linked, " ", tag("code", where.field)) if where.field else linked


def controls(report: Report) -> Markup:
    """Give the table."""
    found: Found = defaultdict(list)
    for finding, clusters in report.findings():
        found[finding.rule].append((finding, clusters))
    rows = [_row(report, rule, found.pop(rule.id, [])) for rule in REGISTRY]
    rows += [(name, "", _marks(rest), "", join(*_findings(report, rest))) for name, rest in sorted(found.items())]
    return table(("rule", "what must hold", "stands", "serves", "findings"), rows)


def _row(report: Report, rule: Rule, found: list[tuple[Finding, tuple[str, ...]]]) -> tuple[object, ...]:
    """Give a rule's row."""
    serves = [
        (f"{one.framework} {one.id}", f"{one.summary} ({one.source}, {one.version}, {one.date}; {one.status})") for one in rule.controls
    ]
    title = why(
        rule.title, [("why", rule.rationale), ("to mend it", rule.remediation), ("decided in", ", ".join(sorted(rule.places))), *serves]
    )
    names = ", ".join(f"{one.framework} {one.id}" for one in rule.controls)
    blind = rule.places == {"live"} and not report.observation
    state = mark("not looked at", "odd") if blind and not found else _marks(found)
    return tag("span", rule.id, id=anchor("r", rule.id), class_="whole"), title, state, names, join(*_findings(report, found))


def _marks(found: list[tuple[Finding, tuple[str, ...]]]) -> Markup:
    """Say how a rule stands."""
    if not found:
        return mark("holds", "good")
    counts: defaultdict[str, int] = defaultdict(int)
    for finding, _ in found:
        counts[finding.status] += 1
    return join(*(join(mark(f"{counts[status]} {status}", kind), " ") for status, kind in _KINDS.items() if counts[status]))


def _findings(report: Report, found: list[tuple[Finding, tuple[str, ...]]]) -> Iterator[Markup]:
    """Give findings with their places."""
    for finding, clusters in found:
        waiver = join(" covered by ", tag("a", finding.waiver, href=f"#{anchor('w', finding.waiver)}")) if finding.waiver else ""
        what = ": ".join(part for part in (finding.resource, finding.message) if part)
        everywhere = len(clusters) == len(report.verdicts)
        where = "" if everywhere else f" ({', '.join(clusters)})"
        yield tag("div", place(report, finding.where), f" {what}{where} [{finding.severity}]", waiver)


def waivers(report: Report) -> Markup:
    """Give every recorded exception, linked to its line."""
    rows = []
    for number, one in enumerate(report.factory.waivers):
        days = (one.expires - report.now).days
        state = mark("expired", "bad") if days <= 0 else mark(f"{days} days left", "warn")
        people = f"asked by {one.requester}, approved by {one.approver}, owned by {one.owner}"
        named = tag("span", one.id, id=anchor("w", one.id))
        line = place(report, report.factory.where(f"waivers[{number}]"))
        rows.append((named, one.rule, one.resource, state, f"{one.reason} Instead: {one.compensating_control}", people, line))
    return table(("waiver", "rule", "on", "state", "reason", "people", "place"), rows)


def certified(report: Report) -> Markup:
    """Give every certificate that the description claims, linked to its line."""
    rows = []
    for number, one in enumerate(certificates(report.factory, report.now)):
        state = mark("in force", "good") if one["in_force"] else mark("ended", "bad")
        line = place(report, report.factory.where(f"operator.certificates[{number}]"))
        rows.append((one["scheme"], one["scope"], one["issuer"] or mark("issuer not named", "odd"), state, f"until {one['expires']}", line))
    return table(("certificate", "covers", "issuer", "stands", "last day", "place"), rows)


def source(report: Report) -> Markup:
    """Give the description's own text, a line an anchor."""
    if not report.source:
        return tag(
            "p", "The description is a program; its text is not printed here. The digest above is of what it declares.", class_="soft"
        )
    lines = (tag("div", line, id=f"L{number}", data_n=number) for number, line in enumerate(report.source.splitlines(), start=1))
    return tag("div", *lines, class_="source")

"""The same as CSV: one flat table, a row a number, finding, flow, part, drill, criterion or question.

Cells that a spreadsheet would take for a formula get an apostrophe before them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from sovereign_ai.assess.measure import cut
from sovereign_ai.assess.sovereignty.criteria import criterion
from sovereign_ai.attest.report.gather import NOTICE, Report, certificates
from sovereign_ai.plan.summary import summary

COLUMNS = ("section", "id", "value", "unit", "low", "high", "status", "text", "formula", "inputs", "source", "place")
"""The columns."""
Row = dict[str, Any]


def rows(report: Report) -> Iterator[Row]:
    """Give every row, section by section."""
    yield {"section": "report", "id": report.factory.name, "value": report.now.isoformat(), "text": NOTICE}
    yield from ({"section": "digest", "id": name, "value": digest, "unit": "sha256"} for name, digest in report.digests().items())
    yield from (
        {"section": "plan", "id": name, "value": value, "source": "the plan"} for name, value in summary(report.plan)["totals"].items()
    )
    yield from _numbers(report)
    yield from _balances(report)
    yield from _verdicts(report)
    yield from _certificates(report)
    yield from _sovereignty(report)


def _numbers(report: Report) -> Iterator[Row]:
    for section, found in (("energy", report.energy), ("cost", report.cost), ("goodput", report.goodput)):
        for one in found.measures:
            yield {
                "section": section,
                "id": one.id,
                "value": cut(one.value),
                "unit": one.unit,
                "low": cut(one.low),
                "high": cut(one.high),
                "status": str(one.basis),
                "text": "; ".join(part for part in (one.note, f"waits for {', '.join(one.needs)}" if one.needs else "") if part),
                "formula": one.formula,
                "inputs": " ".join(one.inputs),
                "source": one.source,
            }


def _balances(report: Report) -> Iterator[Row]:
    for site, found in report.energy.balances.items():
        text = f"of {found.hours} hours"
        sums = {**found.used, "shortfall": found.shortfall, "not taken": found.curtailed, "lost in the store": found.lost}
        for name, amount in sums.items():
            yield {"section": "hours", "id": f"{site}/{name}", "value": cut(amount), "unit": "kWh", "text": text}
        yield {"section": "hours", "id": f"{site}/hours short", "value": found.short_hours, "unit": "h", "text": text}


def _verdicts(report: Report) -> Iterator[Row]:
    for finding, clusters in report.findings():
        line = f":{finding.where.line}" if finding.where.line else ""
        yield {
            "section": "finding",
            "id": finding.rule,
            "value": finding.resource,
            "unit": finding.severity,
            "status": finding.status,
            "text": finding.message,
            "inputs": " ".join(clusters),
            "source": finding.waiver,
            "place": f"{finding.where.field}{line}",
        }
    for flow in report.flows:
        text = f"{flow.source} > {flow.sink}: {flow.detail}"
        status = "crosses" if flow.crosses else "stays"
        row = {"section": "flow", "id": flow.kind, "value": f"{flow.origin} > {flow.target}", "status": status, "text": text}
        yield {**row, "place": flow.field}


def _certificates(report: Report) -> Iterator[Row]:
    for number, one in enumerate(certificates(report.factory, report.now)):
        status, field = "in force" if one["in_force"] else "ended", f"operator.certificates[{number}]"
        row = {"section": "certificate", "id": one["scheme"], "value": one["expires"], "status": status, "text": one["scope"]}
        yield {**row, "source": one["issuer"] or "issuer not named", "place": field}


def _sovereignty(report: Report) -> Iterator[Row]:
    found = report.sovereignty
    level = found.verdict
    yield {
        "section": "level",
        "id": "SEAL",
        "value": level.level,
        "high": level.ceiling,
        "status": "complete" if level.complete else "incomplete",
    }
    for one in found.answers:
        row = {
            "section": "criterion",
            "id": one.criterion,
            "value": one.number,
            "high": one.best,
            "status": "open" if one.open else str(one.grade),
        }
        yield {**row, "text": f"{criterion(one.criterion).title}: {one.why}", "source": one.source, "place": " ".join(one.fields)}
    for part in found.graph.parts:
        row = {"section": "part", "id": part.id, "value": part.holder, "unit": part.law or "", "status": part.effect}
        yield {**row, "text": part.what, "source": part.source, "place": " ".join(part.fields)}
    for drill in found.drills:
        for served, states in drill.served.items():
            for day, state in states.items():
                row = {
                    "section": "drill",
                    "id": f"{drill.trigger.kind} {drill.trigger.name}",
                    "value": drill.capacity[served][day],
                    "unit": "%",
                }
                yield {**row, "status": state, "text": f"{served}, day {day}"}
    for asked in found.questions():
        yield {"section": "question", "id": asked["id"], "text": asked["ask"], "source": asked["of"], "status": asked["because"]}


def csv_text(report: Report) -> str:
    """Give the CSV text, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows(report))
    return text.getvalue()


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from running a cell's text.

    >>> _safe("=1+1"), _safe(-2.0), _safe(None)
    ("'=1+1", -2.0, '')
    """
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value

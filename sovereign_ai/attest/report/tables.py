"""The report as CSV: one flat table, a row a number, finding, flow, part, drill, criterion or question.

Cells that a spreadsheet would run as a formula get an apostrophe before them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from sovereign_ai.assess import Measure, cut
from sovereign_ai.attest.report.gather import NOTICE, Report, certificates
from sovereign_ai.plan import summary
from sovereign_ai.sovereignty import Drill, criterion
from sovereign_ai.text import counted, spreadsheet_text

# All sections share these columns, so that one file holds the whole report; what a section does not have is
# empty.
COLUMNS = (
    "section",
    "id",
    "value",
    "unit",
    "low",
    "high",
    "status",
    "text",
    "formula",
    "inputs",
    "source",
    "place",
)
"""The columns."""
Row = dict[str, Any]
"""Column to value; a column that is left out is empty."""


def rows(report: Report) -> Iterator[Row]:
    """Yield every row, section by section."""
    yield {"section": "report", "id": report.factory.name, "value": report.now.isoformat(), "text": NOTICE}
    for name, digest in report.digests().items():
        yield {"section": "digest", "id": name, "value": digest, "unit": "sha256"}
    for name, total in summary(report.plan)["totals"].items():
        yield {"section": "plan", "id": name, "value": total, "source": "the plan"}
    for section, measures in (
        ("energy", report.energy.measures),
        ("cost", report.cost.measures),
        ("goodput", report.goodput.measures),
    ):
        for measure in measures:
            yield _measure_row(section, measure)
    yield from _balance_rows(report)
    yield from _finding_rows(report)
    yield from _flow_rows(report)
    yield from _certificate_rows(report)
    yield from _sovereignty_rows(report)


def _measure_row(section: str, measure: Measure) -> Row:
    """Return the row of a number."""
    notes = [measure.note] if measure.note else []
    if measure.needs:
        notes.append(f"waits for {', '.join(measure.needs)}")
    return {
        "section": section,
        "id": measure.id,
        "value": cut(measure.value),
        "unit": measure.unit,
        "low": cut(measure.low),
        "high": cut(measure.high),
        "status": str(measure.basis),
        "text": "; ".join(notes),
        "formula": measure.formula,
        "inputs": " ".join(measure.inputs),
        "source": measure.source,
    }


def _balance_rows(report: Report) -> Iterator[Row]:
    """Yield the totals of each site's hours."""
    for site, balance in report.energy.balances.items():
        common = {"section": "hours", "text": f"of {counted(balance.hours, 'hour')}"}
        sums = {
            **balance.used,
            "shortfall": balance.shortfall,
            "not taken": balance.curtailed,
            "lost in the store": balance.lost,
        }
        for name, amount in sums.items():
            yield {**common, "id": f"{site}/{name}", "value": cut(amount), "unit": "kWh"}
        yield {**common, "id": f"{site}/hours short", "value": balance.short_hours, "unit": "h"}


def _finding_rows(report: Report) -> Iterator[Row]:
    """Yield every finding."""
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


def _flow_rows(report: Report) -> Iterator[Row]:
    """Yield every flow."""
    for flow in report.flows:
        yield {
            "section": "flow",
            "id": flow.kind,
            "value": f"{flow.origin} > {flow.target}",
            "status": "crosses" if flow.crosses else "stays",
            "text": f"{flow.source} > {flow.sink}: {flow.detail}",
            "place": flow.field,
        }


def _certificate_rows(report: Report) -> Iterator[Row]:
    """Yield every certificate that the description claims."""
    for number, certificate in enumerate(certificates(report.factory, report.now)):
        yield {
            "section": "certificate",
            "id": certificate["scheme"],
            "value": certificate["expires"],
            "status": "in force" if certificate["in_force"] else "ended",
            "text": certificate["scope"],
            "source": certificate["issuer"] or "issuer not named",
            "place": f"operator.certificates[{number}]",
        }


def _sovereignty_rows(report: Report) -> Iterator[Row]:
    """Yield level, criteria, parts, drills and questions."""
    assessed = report.sovereignty
    level = assessed.verdict
    # The ceiling is the level that is reached if every open criterion is met.
    yield {
        "section": "level",
        "id": "SEAL",
        "value": level.level,
        "high": level.ceiling,
        "status": "complete" if level.complete else "incomplete",
    }
    for answer in assessed.answers:
        yield {
            "section": "criterion",
            "id": answer.criterion,
            "value": answer.number,
            "high": answer.best,
            "status": "open" if answer.open else str(answer.grade),
            "text": f"{criterion(answer.criterion).title}: {answer.why}",
            "source": answer.source,
            "place": " ".join(answer.fields),
        }
    for part in assessed.graph.parts:
        yield {
            "section": "part",
            "id": part.id,
            "value": part.holder,
            "unit": part.law or "",
            "status": part.effect,
            "text": part.what,
            "source": part.source,
            "place": " ".join(part.fields),
        }
    for drill in assessed.drills:
        yield from _drill_rows(drill)
    for question in assessed.questions():
        yield {
            "section": "question",
            "id": question["id"],
            "text": question["ask"],
            "source": question["of"],
            "status": question["because"],
        }


def _drill_rows(drill: Drill) -> Iterator[Row]:
    """Yield the state of each service on each day of a drill, and the percentage of accelerators left."""
    for service, states in drill.served.items():
        for day, state in states.items():
            yield {
                "section": "drill",
                "id": f"{drill.trigger.kind} {drill.trigger.name}",
                "value": drill.capacity[service][day],
                "unit": "%",
                "status": state,
                "text": f"{service}, day {day}",
            }


def report_csv(report: Report) -> str:
    """Return the CSV text, with a header."""
    text = io.StringIO()
    # The csv module ends lines with `\r\n` by default, and other files of this package do not.
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in rows(report):
        writer.writerow({name: _safe(value) for name, value in row.items()})
    return text.getvalue()


def _safe(value: Any) -> Any:
    """Return a cell's value, as text where a spreadsheet would run it.

    >>> _safe("=1+1"), _safe(-2.0), _safe(None)
    ("'=1+1", -2.0, '')
    """
    if value is None:
        return ""
    return spreadsheet_text(value) if isinstance(value, str) else value

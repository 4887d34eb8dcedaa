from __future__ import annotations

import csv
import io

from sovereign_ai.attest.report.tables import COLUMNS, report_csv
from tests.attest.report.reports import changed, report


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_holds_every_number_finding_flow_part_and_criterion() -> None:
    found = report("lab")
    rows = _rows(report_csv(found))
    assert tuple(rows[0]) == COLUMNS

    def ids(section: str) -> list[str]:
        return [row["id"] for row in rows if row["section"] == section]

    assert ids("energy") == [measure.id for measure in found.energy.measures]
    assert ids("cost") == [measure.id for measure in found.cost.measures]
    assert ids("goodput") == [measure.id for measure in found.goodput.measures]
    assert len(ids("finding")) == len(found.findings())
    assert len(ids("flow")) == len(found.flows)
    assert ids("part") == [part.id for part in found.sovereignty.graph.parts]
    assert len(ids("criterion")) == 48


def test_a_cell_is_no_formula() -> None:
    rows = _rows(report_csv(changed("name: Example Compute", "name: '=1+1'")))
    assert any(row["value"] == "'=1+1" for row in rows)
    assert not any(row["value"].startswith("=") for row in rows)

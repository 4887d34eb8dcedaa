"""The export of a month in the columns of FOCUS."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from sovereign_ai.assess.cost.focus import COLUMNS, OWN_COLUMNS, RECOMMENDED
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.errors import UsageError
from tests.assess.cost.test_report import WHOLE
from tests.assess.stacks import changed, stack


@pytest.mark.parametrize("month", [date(1, 1, 1), date(9999, 12, 1)])
def test_a_month_beyond_those_that_a_figure_may_name_is_refused(month: date):
    with pytest.raises(UsageError, match="is out of range: a day from 19500101 to 21001231"):
        assess_cost(*stack("lab")).focus(month)


def test_the_export_has_focus_columns_and_its_months_sum_to_the_year():
    found = assess_cost(*stack("superpod"), WHOLE)
    rows = list(csv.DictReader(io.StringIO(found.focus(date(2026, 12, 15))[0])))
    assert list(rows[0]) == [*COLUMNS, *RECOMMENDED, *OWN_COLUMNS]
    assert len(COLUMNS) == 21
    assert list(COLUMNS) == sorted(COLUMNS)
    assert {row["BillingPeriodStart"] for row in rows} == {"2026-12-01T00:00:00Z"}
    assert {row["BillingPeriodEnd"] for row in rows} == {"2027-01-01T00:00:00Z"}
    year = found.measure("year.total").value or 0
    assert sum(float(row["EffectiveCost"]) for row in rows) * 12 == pytest.approx(year, rel=1e-6)


def test_a_cost_without_a_price_is_left_out_and_named_and_is_no_zero():
    text, left_out = assess_cost(*stack("superpod")).focus(date(2027, 1, 1))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [item for item in left_out if item.startswith("storage")] == ["storage: hps", "storage: home"]
    assert not [row for row in rows if row["x_Item"].startswith("storage")]
    assert all(row["EffectiveCost"] for row in rows)


def test_no_cell_of_the_export_is_run_as_a_formula(tmp_path: Path):
    factory, planned = changed(
        "superpod", "name: Example Research Computing", 'name: "=1+1 Computing"', tmp_path
    )
    rows = list(csv.DictReader(io.StringIO(assess_cost(factory, planned).focus(date(2027, 1, 1))[0])))
    assert rows[0]["ProviderName"] == "'=1+1 Computing"

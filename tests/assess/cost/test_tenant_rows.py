"""What tenants used, in the columns of FOCUS."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sovereign_ai.assess.cost.focus import COLUMNS
from sovereign_ai.assess.cost.tenant_rows import TenantCharge, UsagePeriod, tenant_csv

BEGIN = datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=1)))


def rows(*lines: TenantCharge, is_lower_bound: bool = False) -> list[dict[str, str]]:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    period = UsagePeriod("lab", "Example", BEGIN, end, price=2.5, is_lower_bound=is_lower_bound)
    return list(csv.DictReader(io.StringIO(tenant_csv(period, lines))))


def test_each_tenant_has_a_row_with_every_mandatory_column() -> None:
    first, second = rows(TenantCharge("research", 16.0, 20.4), TenantCharge("weather", 0.5, 1.0))
    assert set(COLUMNS) <= set(first)
    assert (first["SubAccountId"], first["BilledCost"], first["ConsumedQuantity"]) == (
        "research",
        "40.00",
        "16.0000",
    )
    assert (second["BilledCost"], second["x_EnergyKWh"]) == ("1.25", "1.000")
    filled = {column for column in COLUMNS if first[column]}
    assert set(COLUMNS) - filled == {"ChargeClass"}


def test_cost_is_quantity_times_unit_price() -> None:
    (row,) = rows(TenantCharge("research", 16.0, 20.4))
    price, cost = float(row["ContractedUnitPrice"]), float(row["ContractedCost"])
    assert price * float(row["PricingQuantity"]) == cost


def test_moments_are_utc_and_the_billing_period_is_the_month_of_the_first() -> None:
    (row,) = rows(TenantCharge("research", 1.0, 1.0))
    assert row["ChargePeriodStart"] == "2026-12-31T22:30:00Z"
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        "2026-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    )


def test_a_price_of_the_known_part_alone_says_so_and_no_cell_is_a_formula() -> None:
    (row,) = rows(TenantCharge("=1+1", 1.0, 1.0), is_lower_bound=True)
    assert (row["x_Price"], row["SubAccountId"]) == ("lower bound", "'=1+1")


def test_each_piece_of_work_is_a_resource_and_a_tenant_s_sum_is_that_of_its_rows() -> None:
    charges = [TenantCharge("research", 1 / 3, 0.1, f"research/job-{number}") for number in range(30)]
    listed = rows(*charges)
    assert {(row["ResourceId"], row["ResourceName"], row["ResourceType"]) for row in listed} == {
        (f"research/job-{number}", f"job-{number}", "Work") for number in range(30)
    }
    assert sum(float(row["ConsumedQuantity"]) for row in listed) == pytest.approx(10, abs=30 * 5e-5)
    assert sum(float(row["BilledCost"]) for row in listed) == pytest.approx(25, abs=30 * 5e-3)
    (whole,) = rows(TenantCharge("research", 10.0, 3.0))
    assert (whole["ResourceId"], whole["ResourceType"]) == ("", "")


def test_a_team_is_a_tag_in_the_form_of_focus() -> None:
    first, second = rows(
        TenantCharge("research", 1.0, 1.0, team="vision"), TenantCharge("research", 1.0, 1.0)
    )
    assert json.loads(first["Tags"]) == {"team": "vision"}
    assert json.loads(second["Tags"]) == {}

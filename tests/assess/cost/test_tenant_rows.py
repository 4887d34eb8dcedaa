"""What tenants used, in the columns of FOCUS."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

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


def spanning(
    begin: datetime, end: datetime, *lines: TenantCharge, price: float = 2.5
) -> list[dict[str, str]]:
    period = UsagePeriod("lab", "Example", begin, end, price, is_lower_bound=False)
    return list(csv.DictReader(io.StringIO(tenant_csv(period, lines))))


def test_work_over_the_end_of_months_has_a_row_in_each_and_keeps_its_sum() -> None:
    begin, end = datetime(2026, 10, 30, 12, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    # Two days of October, all of November, an hour of December.
    used = (datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC))
    hours = 8 * (used[1] - begin).total_seconds() / 3600
    listed = spanning(begin, end, TenantCharge("research", hours, 1.0, "research/a", "", begin, used[1]))
    spent = {row["BillingPeriodStart"][:7]: float(row["ConsumedQuantity"]) for row in listed}
    assert spent == {"2026-10": 8 * 36.0, "2026-11": 8 * 720.0, "2026-12": 8.0}
    assert sum(spent.values()) == pytest.approx(hours)
    assert listed[0]["ChargePeriodStart"] == "2026-10-30T12:00:00Z"
    assert sum(float(row["x_EnergyKWh"]) for row in listed) == pytest.approx(1.0, abs=2e-3)


def test_each_charge_lies_in_its_billing_period() -> None:
    begin, end = datetime(2025, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    listed = spanning(begin, end, TenantCharge("research", 5000.0, 1.0))
    assert len(listed) == 13
    for row in listed:
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]


def test_work_outside_of_the_period_and_of_no_duration_costs_nothing_or_its_own() -> None:
    begin, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    before = TenantCharge("a", 1.0, 1.0, "a/x", "", datetime(2026, 10, 1, tzinfo=UTC), begin)
    assert spanning(begin, end, before) == []
    assert [row["ConsumedQuantity"] for row in spanning(begin, begin, TenantCharge("a", 1.0, 1.0))] == [
        "1.0000"
    ]


@pytest.mark.parametrize("price", [2.5, 1 / 3, 2.73456789012, 0.00001234, 12_345.678])
@pytest.mark.parametrize("hours", [0.0001, 1 / 3, 16.0, 1_234_567.8])
def test_cost_is_exactly_quantity_times_unit_price(price: float, hours: float) -> None:
    begin, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    (row,) = spanning(begin, end, TenantCharge("research", hours, 1.0), price=price)
    unit = Decimal(row["ListUnitPrice"])
    assert Decimal(row["ListCost"]) == Decimal(row["PricingQuantity"]) * unit
    assert float(row["ListCost"]) == pytest.approx(hours * price, rel=1e-3, abs=1e-4)


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

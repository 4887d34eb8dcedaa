"""The yearly cost as one month in the columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification), as CSV.

All 21 mandatory columns stand first, in alphabetical order; ours follow with the prefix `x_` that the
specification leaves to producers. What is written is a calculation, so no invoice stands behind a row, and
a cost without a price is an empty row of its own rather than a zero.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date

from sovereign_ai.assess.cost.prices import Part
from sovereign_ai.assess.measure import Measure

COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)
"""The mandatory columns of FOCUS 1.2."""
OURS = ("x_Basis", "x_High", "x_Item", "x_Low", "x_Measure", "x_Needs", "x_Site")


def focus_rows(factory: str, operator: str, parts: Sequence[Part], measures: dict[str, Measure], month: date) -> Iterator[dict[str, str]]:
    """Give a row for each line of a month's cost."""
    start = month.replace(day=1)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    capital = {part.cost: (part, _share(part, measures)) for part in parts}
    for name, (part, share) in capital.items():
        found = measures[name]
        yield _row(factory, operator, start, end, f"{part.what}: {part.item}", part.service, part.site, found, share)
    for name, measure in measures.items():
        if name.startswith("year.energy.") and name != "year.energy.known":
            site = name.removeprefix("year.energy.")
            yield _row(factory, operator, start, end, f"energy: {site}", "Other", site, measure, 1 / 12)
    for name, service in (
        ("year.upkeep", "Management and Governance"),
        ("year.staff", "Management and Governance"),
        ("year.other", "Other"),
    ):
        yield _row(factory, operator, start, end, name.removeprefix("year."), service, "", measures[name], 1 / 12)


def _share(part: Part, measures: dict[str, Measure]) -> float:
    """Give what a month takes of a line's capital: the annuity of its group over twelve."""
    year, capex = measures[f"year.{part.what}.known"].value, measures[f"capex.{part.what}.known"].value
    return (year or 0.0) / capex / 12 if capex else 0.0


def _row(
    factory: str, operator: str, start: date, end: date, what: str, service: str, site: str, found: Measure, share: float
) -> dict[str, str]:
    """Give one row; a missing cost is empty."""
    cost, low, high = ("" if value is None else f"{value * share:.2f}" for value in (found.value, found.low, found.high))
    mandatory = dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost)
    period = {"BillingPeriodStart": start, "BillingPeriodEnd": end, "ChargePeriodStart": start, "ChargePeriodEnd": end}
    return {
        **dict.fromkeys(COLUMNS, ""),
        **mandatory,
        **{key: f"{day.isoformat()}T00:00:00Z" for key, day in period.items()},
        "BillingAccountId": factory,
        "BillingAccountName": operator,
        "BillingCurrency": "EUR",
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{what}, calculated",
        "InvoiceIssuerName": operator,
        "PricingQuantity": "1",
        "PricingUnit": "month",
        "ProviderName": operator,
        "PublisherName": operator,
        "ServiceCategory": service,
        "ServiceName": what.partition(":")[0],
        "x_Basis": str(found.basis),
        "x_High": high,
        "x_Item": what,
        "x_Low": low,
        "x_Measure": found.id,
        "x_Needs": " ".join(found.needs),
        "x_Site": site,
    }


def focus_csv(rows: Sequence[dict[str, str]]) -> str:
    """Write rows as CSV with a header; text that a spreadsheet would run as a formula is quoted by a leading apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *OURS], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"'{value}" if value[:1] in ("=", "+", "@") else value for key, value in row.items()})
    return text.getvalue()

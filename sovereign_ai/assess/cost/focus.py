"""One month of the yearly cost as CSV in the columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification).

All 21 mandatory columns come first, in alphabetical order. Own columns follow with the prefix `x_`, which the
specification leaves to producers. The rows are a calculation, so none has an invoice. FOCUS accepts no empty
cost (focus-validator 2.2.1), and an unknown price is not zero: `unpriced` lists the lines that have no row.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date

from sovereign_ai.assess.cost.prices import PricedPart
from sovereign_ai.assess.measure import Measure
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import spreadsheet_text

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
RECOMMENDED = ("ChargeFrequency", "ServiceSubcategory")
"""Columns that FOCUS 1.2 recommends, without the invoice: a calculation has none."""
_RUNNING = (
    ("year.upkeep", "Management and Governance"),
    ("year.staff", "Management and Governance"),
    ("year.other", "Other"),
)
"""Yearly costs of the whole factory, and the FOCUS service category of each."""
OWN_COLUMNS = ("x_Basis", "x_High", "x_Item", "x_Low", "x_Measure", "x_Needs", "x_Site")


@frozen_dataclass
class _Bill:
    """The members that every row of a month shares.

    Attributes:
        factory: the factory's name.
        operator: its operator.
        start: first day of the month.
        end: first day of the next month.
    """

    factory: str
    operator: str
    start: date
    end: date


def focus_rows(
    factory: str, operator: str, parts: Sequence[PricedPart], measures: dict[str, Measure], month: date
) -> Iterator[dict[str, str]]:
    """Yield a row for each line of a month's cost; its costs are empty where no price is known."""
    start = month.replace(day=1)
    # Month 12 divided by 12 carries one into the year and leaves month 1.
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    bill = _Bill(factory, operator, start, end)
    capital = {}
    for part in parts:
        capital[part.cost] = part
    for name, part in capital.items():
        share = _share(part, measures)
        yield _row(bill, f"{part.what}: {part.item}", part.service, part.site, measures[name], share)
    for name, measure in measures.items():
        if name.startswith("year.energy.") and name != "year.energy.known":
            site = name.removeprefix("year.energy.")
            yield _row(bill, f"energy: {site}", "Other", site, measure, 1 / 12)
    for name, service in _RUNNING:
        yield _row(bill, name.removeprefix("year."), service, "", measures[name], 1 / 12)


def _share(part: PricedPart, measures: dict[str, Measure]) -> float:
    """Return a month's share of a line's capital: the annuity of its group over twelve."""
    year, capex = measures[f"year.{part.what}.known"].value, measures[f"capex.{part.what}.known"].value
    return (year or 0.0) / capex / 12 if capex else 0.0


def _row(bill: _Bill, what: str, service: str, site: str, measure: Measure, share: float) -> dict[str, str]:
    """Return one row; a missing cost is empty.

    Args:
        bill: the month.
        what: the line, such as `machines: dgx-h100`.
        service: FOCUS service category.
        site: the site, or an empty text.
        measure: the cost of a year or the capital.
        share: the part of it that belongs to the month.
    """
    row = dict.fromkeys(COLUMNS, "")
    for column in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"):
        row[column] = _euro(measure.value, share)
    for column in ("BillingPeriodStart", "ChargePeriodStart"):
        row[column] = f"{bill.start.isoformat()}T00:00:00Z"
    for column in ("BillingPeriodEnd", "ChargePeriodEnd"):
        row[column] = f"{bill.end.isoformat()}T00:00:00Z"
    return {
        **row,
        "BillingAccountId": bill.factory,
        "BillingAccountName": bill.operator,
        "BillingCurrency": "EUR",
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Recurring",
        "ServiceSubcategory": f"Other ({service})",
        "ChargeDescription": f"{what}, calculated",
        "InvoiceIssuerName": bill.operator,
        "PricingQuantity": "1.0",
        "PricingUnit": "month",
        "ProviderName": bill.operator,
        "PublisherName": bill.operator,
        "ServiceCategory": service,
        "ServiceName": what.partition(":")[0],
        "x_Basis": str(measure.basis),
        "x_High": _euro(measure.high, share),
        "x_Item": what,
        "x_Low": _euro(measure.low, share),
        "x_Measure": measure.id,
        "x_Needs": " ".join(measure.needs),
        "x_Site": site,
    }


def _euro(value: float | None, share: float) -> str:
    """Return a share of a cost in euro and cents; an empty text for a missing one."""
    return "" if value is None else f"{value * share:.2f}"


def unpriced(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return the lines without a price, which FOCUS has no way to write."""
    items = []
    for row in rows:
        if not row["BilledCost"]:
            items.append(row["x_Item"])
    return items


def focus_csv(rows: Sequence[dict[str, str]]) -> str:
    """Return the rows that have a price as CSV with a header.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *RECOMMENDED, *OWN_COLUMNS], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        if row["BilledCost"]:
            writer.writerow({column: quoted(value) for column, value in row.items()})
    return text.getvalue()


def quoted(value: str) -> str:
    """Return a cell in ASCII, as FOCUS 1.2 demands of texts, that no spreadsheet runs as a formula.

    >>> quoted("Größte Rechner"), quoted("=1+1"), quoted("-1.5")
    ('Grosste Rechner', "'=1+1", '-1.5')
    """
    decomposed = unicodedata.normalize("NFKD", value.replace("ß", "ss"))
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return spreadsheet_text(letters.encode("ascii", "replace").decode())

"""What tenants used, in the columns of FOCUS 1.2: a row for each piece of work and month, by the GPU-hour.

A tenant is a sub account of the factory's billing account, and a piece of work a resource of it: sums over a
sub account are the tenant's. A team is a tag, as FOCUS has them: a JSON object of keys and values. Columns of
quantities and unit prices stand beside the mandatory ones. FOCUS accepts no empty cost, so without a price
there are no rows at all.

A charge belongs to one billing period, a month in UTC: work over the end of a month has a row in both. A cost
is exactly the product of the quantity and the unit price that its row shows, as FOCUS demands.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import orjson

from sovereign_ai.assess.cost.focus import COLUMNS, quoted
from sovereign_ai.frozen_dataclass import frozen_dataclass

QUANTITIES = (
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "SubAccountId",
    "SubAccountName",
    "Tags",
)
"""Columns of FOCUS 1.2 for what was used, and by whom."""
OWN = ("x_EnergyKWh", "x_Price")
_UNIT = "GPU-Hours"


@frozen_dataclass
class TenantCharge:
    """What a tenant used.

    Attributes:
        tenant: its name.
        gpu_hours: GPUs times hours.
        kwh: energy, in kWh.
        work: the piece of work, as namespace/name; empty for all of the tenant's.
        team: the team that it is accounted to; empty for none.
        begin: from when on it used them, evenly; None for the period's beginning.
        end: until when; None for the period's end.
    """

    tenant: str
    gpu_hours: float
    kwh: float
    work: str = ""
    team: str = ""
    begin: datetime | None = None
    end: datetime | None = None


@frozen_dataclass
class UsagePeriod:
    """A period, and what a GPU-hour costs in it.

    Attributes:
        factory: the factory's name.
        operator: its operator.
        begin: the first moment.
        end: the first moment after it.
        price: EUR for a GPU-hour.
        is_lower_bound: whether the price is that of the known part of the cost alone.
    """

    factory: str
    operator: str
    begin: datetime
    end: datetime
    price: float
    is_lower_bound: bool


def tenant_csv(period: UsagePeriod, lines: Sequence[TenantCharge]) -> str:
    """Return what tenants used as CSV with a header; text that a spreadsheet would run is quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *QUANTITIES, *OWN], lineterminator="\n")
    writer.writeheader()
    for row in _rows(period, lines):
        writer.writerow({column: quoted(value) for column, value in row.items()})
    return text.getvalue()


def _rows(period: UsagePeriod, lines: Sequence[TenantCharge]) -> Iterator[dict[str, str]]:
    """Yield a row for each charge in each month that it reaches into."""
    months = list(_months(period))
    for line in lines:
        begin, end = line.begin or period.begin, line.end or period.end
        whole = end - begin
        for month in months:
            inside = min(end, month.after, period.end) - max(begin, month.first, period.begin)
            # A charge without a duration is one of its moment: of the first month, which it lies in.
            share = inside / whole if whole else float(month is months[0])
            if share > 0:
                yield _row(period, line, month, share)


@frozen_dataclass
class _Month:
    """A billing period: a month in UTC.

    Attributes:
        first: its first moment.
        after: the first moment after it.
    """

    first: datetime
    after: datetime


def _months(period: UsagePeriod) -> Iterator[_Month]:
    """Yield the months that a period reaches into."""
    first = period.begin.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        # Month 12 divided by 12 carries one into the year and leaves month 1.
        after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        yield _Month(first, after)
        if after >= period.end:
            return
        first = after


def _row(period: UsagePeriod, line: TenantCharge, month: _Month, share: float) -> dict[str, str]:
    """Return the row of a charge's share in a month."""
    quantity, price = Decimal(f"{line.gpu_hours * share:.4f}"), Decimal(f"{period.price:.8f}")
    cost = _amount(quantity * price)
    return {
        "BilledCost": cost,
        "BillingAccountId": period.factory,
        "BillingAccountName": period.operator,
        "BillingCurrency": "EUR",
        "BillingPeriodEnd": _moment(month.after),
        "BillingPeriodStart": _moment(month.first),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"GPU-hours of {line.work or line.tenant}, by admission, calculated",
        "ChargePeriodEnd": _moment(min(month.after, period.end)),
        "ChargePeriodStart": _moment(max(month.first, period.begin)),
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": period.operator,
        "ListCost": cost,
        "PricingQuantity": str(quantity),
        "PricingUnit": _UNIT,
        "ProviderName": period.operator,
        "PublisherName": period.operator,
        "ServiceCategory": "Compute",
        "ServiceName": "GPUs",
        "ConsumedQuantity": str(quantity),
        "ConsumedUnit": _UNIT,
        "ContractedUnitPrice": _amount(price),
        "ListUnitPrice": _amount(price),
        "ResourceId": line.work,
        "ResourceName": line.work.rpartition("/")[2],
        "ResourceType": "Work" if line.work else "",
        "SubAccountId": line.tenant,
        "SubAccountName": line.tenant,
        "Tags": orjson.dumps({"team": line.team} if line.team else {}).decode(),
        "x_EnergyKWh": f"{line.kwh * share:.3f}",
        "x_Price": "lower bound" if period.is_lower_bound else "full",
    }


def _amount(value: Decimal) -> str:
    """Return euro with all their digits, and with cents at least."""
    text = f"{value:f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<2}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

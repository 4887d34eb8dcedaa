"""What tenants used, in the columns of FOCUS 1.2: a row for each piece of work, priced by the GPU-hour.

A tenant is a sub account of the factory's billing account, and a piece of work a resource of it: sums over a
sub account are the tenant's. A team is a tag, as FOCUS has them: a JSON object of keys and values. Columns of
quantities and unit prices stand beside the mandatory ones. FOCUS accepts no empty cost, so without a price
there are no rows at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

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
    """

    tenant: str
    gpu_hours: float
    kwh: float
    work: str = ""
    team: str = ""


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
    """Yield a row for each charge."""
    begin, end = _moment(period.begin), _moment(period.end)
    price, month = f"{period.price:.4f}", period.begin.astimezone(UTC)
    first = month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # Month 12 divided by 12 carries one into the year and leaves month 1.
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    for line in lines:
        cost = f"{line.gpu_hours * period.price:.2f}"
        yield {
            "BilledCost": cost,
            "BillingAccountId": period.factory,
            "BillingAccountName": period.operator,
            "BillingCurrency": "EUR",
            "BillingPeriodEnd": _moment(after),
            "BillingPeriodStart": _moment(first),
            "ChargeCategory": "Usage",
            "ChargeClass": "",
            "ChargeDescription": f"GPU-hours of {line.work or line.tenant}, by admission, calculated",
            "ChargePeriodEnd": end,
            "ChargePeriodStart": begin,
            "ContractedCost": cost,
            "EffectiveCost": cost,
            "InvoiceIssuerName": period.operator,
            "ListCost": cost,
            "PricingQuantity": f"{line.gpu_hours:.4f}",
            "PricingUnit": _UNIT,
            "ProviderName": period.operator,
            "PublisherName": period.operator,
            "ServiceCategory": "Compute",
            "ServiceName": "GPUs",
            "ConsumedQuantity": f"{line.gpu_hours:.4f}",
            "ConsumedUnit": _UNIT,
            "ContractedUnitPrice": price,
            "ListUnitPrice": price,
            "ResourceId": line.work,
            "ResourceName": line.work.rpartition("/")[2],
            "ResourceType": "Work" if line.work else "",
            "SubAccountId": line.tenant,
            "SubAccountName": line.tenant,
            "Tags": orjson.dumps({"team": line.team} if line.team else {}).decode(),
            "x_EnergyKWh": f"{line.kwh:.3f}",
            "x_Price": "lower bound" if period.is_lower_bound else "full",
        }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

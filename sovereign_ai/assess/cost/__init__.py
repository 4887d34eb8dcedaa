"""Cost of a factory: to build and to run, of a GPU-hour and of useful work, and compared with renting.

`prices.py` counts and prices the parts of the plan, `tco.py` sums them over time, `compare.py` varies each
figure and compares with rent, `focus.py` exports a month in the columns of FOCUS, `order_prices.py` prices
the order list of the cabling, `tenant_rows.py` writes what tenants used in the columns of FOCUS. `report.py`
is the entry point. The user is asked for a price that no source gives. The sum of the known parts is a lower
bound, and is marked so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.cost.order_prices import (
        COLUMNS,
        PricedLine,
        length_text,
        order_cost,
        order_csv,
        price_order,
    )
    from sovereign_ai.assess.cost.report import Cost, assess_cost, leaves
    from sovereign_ai.assess.cost.tenant_rows import TenantCharge, UsagePeriod, tenant_csv
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "order_prices": (
                "COLUMNS",
                "PricedLine",
                "length_text",
                "order_cost",
                "order_csv",
                "price_order",
            ),
            "report": ("Cost", "assess_cost", "leaves"),
            "tenant_rows": ("TenantCharge", "UsagePeriod", "tenant_csv"),
        },
    )

__all__ = [
    "COLUMNS",
    "Cost",
    "PricedLine",
    "TenantCharge",
    "UsagePeriod",
    "assess_cost",
    "leaves",
    "length_text",
    "order_cost",
    "order_csv",
    "price_order",
    "tenant_csv",
]

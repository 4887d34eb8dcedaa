"""What work loses to a cap on power: the rates that a machine reaches below what it would draw.

    rate under the cap = rate x min(1, limit / typical draw) ^ e

With e = 1 work slows in proportion to the power, and with e = 0 it does not slow. Work that memory or the
network bounds loses little; work that computes all the time loses nearly in proportion, since the
accelerators lower their clocks. No exponent was published for all of them, so it is a range, and your own
measurement replaces it. A cap above the typical draw clips peaks, of which nothing is counted.
"""

from __future__ import annotations

from sovereign_ai.assess.energy.power import add_system
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import Shape


def add_work_rate(sheet: Sheet, shape: Shape) -> str | None:
    """Add the share of its speed that a pool keeps under a cap, and return its name; None without a cap."""
    if shape.limit is None:
        return None
    add_system(sheet, shape.system)
    pool = f"pool.{shape.pool.name}"
    why = "the limit that the plan derives from the caps"
    limit = sheet.plan(f"{pool}.power-limit", shape.limit, "W", why)
    exponent = sheet.figure("cap.exponent", figure("engineering", "cap.exponent"))
    draw = f"system.{shape.system.name}.typical"
    formula = "min(1, limit / typical draw) ^ exponent"
    return sheet.derive(f"{pool}.work-rate", "1", formula, _rate, limit, draw, exponent)


def _rate(limit: float, draw: float, exponent: float) -> float:
    """Return the share of its speed that a machine keeps."""
    return float(min(1.0, limit / draw) ** exponent)


def under_cap(sheet: Sheet, shape: Shape, rate: str) -> str:
    """Return the name of a machine's rate under its pool's cap: of the same rate where it has none.

    Args:
        sheet: the sheet.
        shape: the pool.
        rate: name of the rate without a cap, such as `peak.h100-sxm`.
    """
    share = add_work_rate(sheet, shape)
    if share is None:
        return rate
    name = f"pool.{shape.pool.name}.{rate}"
    return sheet.derive(name, sheet.unit(rate), "rate x share kept under the cap", _product, rate, share)


def draw_under_cap(sheet: Sheet, shape: Shape) -> str:
    """Return the name of a machine's typical draw, at most its limit where its pool is capped."""
    draw = f"system.{shape.system.name}.typical"
    if add_work_rate(sheet, shape) is None:
        return draw
    pool = f"pool.{shape.pool.name}"
    return sheet.derive(f"{pool}.typical", "W", "at most the limit", min, draw, f"{pool}.power-limit")


def _product(rate: float, share: float) -> float:
    """Return a rate times a share."""
    return rate * share

"""What can be shed in fifteen minutes and what that costs in goodput; and the largest pool that fits a feed.

Training saves and pauses; inference stays. A pause costs its own length and one checkpoint and restart.
If saving takes longer than the fifteen minutes, what came after the last checkpoint is lost as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan.loads import limit, rack_groups, site_load
from sovereign_ai.plan.shapes import shapes, spares_of
from sovereign_ai.spec.factory import AIFactory

NOTICE = 900
"""Seconds from the call to the load being off."""


def add_response(sheet: Sheet, here: Here) -> None:
    """Add what a site can shed and the machine-hours that a call costs."""
    name = f"site.{here.site.name}"
    sheet.derive(f"{name}.shed", "W", "the swing of training", lambda swing: swing, f"{name}.swing")
    stall = sheet.figure("stall", figure("failures", "stall"))
    detection_free = sheet.figure("restart", figure("failures", "restart"))
    sheet.plan("response.notice", NOTICE, "s", "the grid operator's notice of 15 minutes")
    pause = sheet.estimate("response.pause", 1.0, "h", 0.25, 4.0, "our judgement of how long a call lasts")
    sheet.derive(
        f"{name}.response.ready",
        "1",
        "1 if a checkpoint's stall fits the notice",
        lambda save, notice: float(save <= notice),
        stall,
        "response.notice",
    )
    parts = [f"{name}.pool.{shape.pool.name}.machines" for shape in here.shapes if shape.pool.purpose in ("training", "mixed")]
    sheet.derive(f"{name}.training.machines", "machines", "sum over training pools", lambda *counts: sum(counts), *parts)
    sheet.derive(
        f"{name}.response.cost",
        "machine-h",
        "training machines x (pause + stall + restart)",
        lambda machines, hours, save, again: machines * (hours + (save + again) / 3600),
        f"{name}.training.machines",
        pause,
        stall,
        detection_free,
    )
    sheet.derive(
        f"{name}.response.goodput",
        "1",
        "(pause + stall + restart) / hours of a month, for one call a month",
        lambda hours, save, again: (hours + (save + again) / 3600) / 730.5,
        pause,
        stall,
        detection_free,
        note="training's goodput falls by this share",
    )


def largest_pool(
    factory: AIFactory, pool: str, limits: Mapping[str, float] | None = None, budget: float | None = None, other: float = 0.0
) -> int:
    """Give the most machines of a pool with which no feed, with all up or after the loss of one, and no budget is exceeded.

    Args:
        factory: the description; all other pools stay as described.
        pool: the pool that may grow or shrink.
        limits: feed to watts that it may carry; left out, as described. Feeds that are left out stay as described.
        budget: watts of IT power of the site; left out, as described.
        other: watts of the site's switches and servers, which stay as many.
    """
    wanted = next(one for one in factory.pools if one.name == pool)
    site = factory.site(wanted.site)
    names = sorted(site.power.feeds)
    most = [float((limits or {}).get(name, limit(site, name))) for name in names]
    whole = float(site.power.it_budget.count) if budget is None else budget
    survive = site.power.survive == "any-feed" and len(names) > 1

    described = [shape for shape in shapes(factory) if shape.site.name == site.name]

    def fits(nodes: int) -> bool:
        here = [
            replace(shape, nodes=nodes, spares=spares_of(shape.pool, nodes)) if shape.pool.name == pool else shape for shape in described
        ]
        load = site_load(site, rack_groups(here), ceil(other))
        if load.watts > whole or any(watts > end for watts, end in zip(load.load.up, most, strict=True)):
            return False
        return not survive or all(watts <= end for after in load.load.after for watts, end in zip(after, most, strict=True))

    low, high = 0, max(wanted.nodes, 1)
    while fits(high) and high < 1_000_000:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low

"""Demand response of a site: the power it can shed, the cost in goodput, and the largest pool that fits.

Training saves and pauses; inference keeps running. A pause costs its own length and one checkpoint and
restart. If saving takes longer than the fifteen minutes, the work since the last checkpoint is lost as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import Shape, limited_shapes, pool_shapes, spares_of
from sovereign_ai.plan.power import feed_limit, rack_groups, site_load
from sovereign_ai.spec import AIFactory, Site

NOTICE = 900
"""Seconds from the call to the load being off."""
_MOST_NODES = 1_000_000
"""Where the search for the largest pool stops growing, even if the limits allow more."""


def add_response(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add the power that a site can shed and the server-hours that a call costs."""
    name = f"site.{equipment.name}"
    response, training = f"{name}.response", f"{name}.training.machines"
    sheet.derive(f"{name}.shed", "W", "the swing of training", lambda swing: swing, f"{name}.swing")
    stall = sheet.figure("stall", figure("failures", "stall"))
    restart = sheet.figure("restart", figure("failures", "restart"))
    notice = sheet.plan("response.notice", NOTICE, "s", "the grid operator's notice of 15 minutes")
    pause = sheet.estimate("response.pause", 1.0, "h", 0.25, 4.0, "our judgement of how long a call lasts")
    formula = "1 if a checkpoint's stall fits the notice"
    ready = lambda save, seconds: float(save <= seconds)  # noqa: E731 - the formula, used once
    sheet.derive(f"{response}.ready", "1", formula, ready, stall, notice)
    pools = []
    for shape in equipment.shapes:
        if shape.pool.trains:
            pools.append(shape.pool)
    counts = [f"{name}.pool.{pool.name}.machines" for pool in pools]
    total = lambda *machines: sum(machines)  # noqa: E731 - the formula, used once
    sheet.derive(training, "machines", "sum over training pools", total, *counts)
    sheet.derive(
        f"{response}.cost",
        "machine-h",
        "training machines x (pause + stall + restart)",
        lambda machines, *times: machines * _hours(*times),
        training,
        pause,
        stall,
        restart,
    )
    sheet.derive(
        f"{response}.goodput",
        "1",
        "(pause + stall + restart) / hours of a month, for one call a month",
        # A month of a mean year: 8,766 hours / 12.
        lambda *times: _hours(*times) / 730.5,
        pause,
        stall,
        restart,
        note="training's goodput falls by this share",
    )


def _hours(pause: float, stall: float, restart: float) -> float:
    """Return the hours of a call: a pause in hours, and a checkpoint's stall and a restart in seconds."""
    return pause + (stall + restart) / 3600


def largest_pool(
    factory: AIFactory,
    pool: str,
    limits: Mapping[str, float] | None = None,
    budget: float | None = None,
    other: float = 0.0,
    machine_limits: Mapping[str, int] | None = None,
) -> int:
    """Return the most servers of a pool with which no feed and no budget is exceeded.

    Feeds must carry the load with all of them up and, where the site must survive that, after the loss of
    any.

    Args:
        factory: the description; all other pools stay as described.
        pool: the pool that may grow or shrink.
        limits: watts that a feed may carry, by feed. Feeds that are left out stay as described.
        budget: watts of IT power of the site; left out, as described.
        other: watts of the site's switches and servers, whose number stays the same.
        machine_limits: pool to the watts to which caps limit each server as described. They stay as they are,
            and the caps of feeds and of the site with them; those of halls and rows are not looked at.
    """
    wanted = next(candidate for candidate in factory.pools if candidate.name == pool)
    site = factory.site(wanted.site)
    names = sorted(site.power.feeds)
    most = [float((limits or {}).get(name, feed_limit(site, name))) for name in names]
    whole = float(site.power.it_budget.count) if budget is None else budget
    for number, name in enumerate(names):
        feed_cap = site.power.feeds[name].cap
        if feed_cap is not None:
            most[number] = min(most[number], feed_cap.count)
    if site.power.cap is not None and site.power.cap.site is not None:
        whole = min(whole, site.power.cap.site.count)
    described = []
    for shape in limited_shapes(pool_shapes(factory), machine_limits or {}):
        if shape.site.name == site.name:
            described.append(shape)

    def fits(nodes: int) -> bool:
        resized = [_resized(shape, pool, nodes) for shape in described]
        return _fits(site, resized, ceil(other), most, whole)

    # The load rises with the servers, so the largest pool that fits is found by doubling and then by halving
    # the gap.
    low, high = 0, max(wanted.nodes, 1)
    while fits(high) and high < _MOST_NODES:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _resized(shape: Shape, pool: str, nodes: int) -> Shape:
    """Return a shape with another number of servers if it is the given pool's, and as it is otherwise."""
    if shape.pool.name != pool:
        return shape
    return replace(shape, nodes=nodes, spares=spares_of(shape.pool, nodes))


def _fits(site: Site, pools: list[Shape], other: int, limits: list[float], budget: float) -> bool:
    """Return whether the feeds and the budget of a site carry some pools.

    Args:
        site: the site.
        pools: its pools.
        other: watts of switches and servers outside the pools.
        limits: watts that each feed may carry, by the feeds' names in order.
        budget: watts of IT power.
    """
    load = site_load(site, rack_groups(pools), other)
    if load.watts > budget or _overloaded(load.load.up, limits):
        return False
    if site.power.survive != "any-feed" or len(limits) == 1:
        return True
    for after in load.load.after:
        if _overloaded(after, limits):
            return False
    return True


def _overloaded(feeds: Iterable[Fraction], limits: list[float]) -> bool:
    """Return whether any feed carries more than its limit."""
    for watts, most in zip(feeds, limits, strict=True):
        if watts > most:
            return True
    return False

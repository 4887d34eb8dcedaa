"""What is lost with a site or a tier, and how long it takes to come back: from snapshots, backups and the lines between sites.

    loss    = at most the interval between two copies
    restore = capacity x 8 / the least of the lines at both sites and the tier's own write rate
    round trip = 2 x route x group index / c

The restore takes the tier as full and the lines as free: real ones take longer, so it is a lower bound. A route
that nobody measured lies between the way over the Earth and twice that.
"""

from __future__ import annotations

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.checks.hardware import great_circle
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Site
from sovereign_ai.spec.storage import StorageTier

LIGHT = 299_792_458
"""Metres a second in vacuum."""


def add_recovery(sheet: Sheet, factory: AIFactory, plan: Plan) -> list[str]:
    """Add what each tier can lose and how long its restore takes, and the way to each site; give the names of what was added."""
    names = [name for site in factory.sites[1:] for name in _route(sheet, factory.sites[0], site)]
    tiers = {tier.name: tier for tier in factory.storage}
    for one in plan.storage:
        names += _tier(sheet, factory, tiers[one.tier], one)
    return list(dict.fromkeys(names))


def _route(sheet: Sheet, first: Site, site: Site) -> list[str]:
    """Add a site's way to the first site and the round trip on it."""
    name, least = f"site.{site.name}", great_circle(first, site)
    if site.distance is not None:
        sheet.plan(f"{name}.route", site.distance.count / 100, "m", "as described")
    elif least is not None:
        sheet.estimate(f"{name}.route", 1.5 * least, "m", least, 2 * least, "once to twice the way over the Earth: our judgement")
    else:
        sheet.ask(f"{name}.route", "m", f"How long is the line from {first.name} to {site.name}?")
    index = sheet.figure("fibre.index", figure("engineering", "fibre.index"))
    work = lambda way, slow: 2 * way * slow / LIGHT  # noqa: E731 - one line, used once
    note = "of light alone; a job across all machines must not span it, and a copy that waits for the other side waits so long"
    return [sheet.derive(f"{name}.round-trip", "s", "2 x route x group index / c", work, f"{name}.route", index, note=note)]


def _tier(sheet: Sheet, factory: AIFactory, tier: StorageTier, one: StoragePlan) -> list[str]:
    """Add one tier at one site."""
    name, names = f"tier.{tier.name}", []
    if tier.snapshots is not None:
        every = sheet.plan(f"{name}.snapshot", tier.snapshots.every.count, "s", "interval between two snapshots, as described")
        keep = sheet.plan(f"{name}.snapshots", tier.snapshots.keep, "1", "snapshots that are kept, as described")
        names += [every, sheet.derive(f"{name}.history", "s", "interval x snapshots", lambda each, count: each * count, every, keep)]
    if tier.backup is None:
        return names
    names.append(sheet.plan(f"{name}.backup", tier.backup.every.count, "s", "interval between two backups: so much may be lost"))
    size = sheet.plan(f"{name}.capacity", one.capacity, "B", "usable capacity, taken as full")
    rates = [sheet.plan(f"{name}.{one.site}.write", one.write, "B/s", "aggregate write rate of the plan")]
    if tier.backup.site != one.site:
        rates += [_lines(sheet, factory.site(place)) for place in (one.site, tier.backup.site)]
    restore = f"{name}.{one.site}.restore"
    note = f"from {tier.backup.site}, over lines that carry nothing else: a lower bound"
    formula = "capacity / the least of the tier's write rate and the lines at both sites"
    return [*names, sheet.derive(restore, "h", formula, lambda whole, *ways: whole / min(ways) / 3600, size, *rates, note=note)]


def _lines(sheet: Sheet, site: Site) -> str:
    """Add what all lines of a site carry together."""
    name = f"site.{site.name}.lines"
    if not site.uplinks:
        return sheet.ask(name, "B/s", f"What do the lines of {site.name} carry together, in bytes a second?")
    return sheet.plan(name, sum(line.rate.count for line in site.uplinks) / 8, "B/s", "all uplinks of the site, as described")

"""Recovery of storage: the data that can be lost, the time of a restore, and the round trip between sites.

    loss    = at most the interval between two copies
    restore = capacity / the least of the tier's write rate and the lines between the sites, else at each
    round trip = 2 x route x group index / c

The restore assumes a full tier and idle lines, so it is a lower bound. A route without a described length
lies between the way over the Earth and twice that.
"""

from __future__ import annotations

from sovereign_ai.assess.goodput.between_sites import lines_between
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import Plan, StoragePlan
from sovereign_ai.spec import AIFactory, Site, StorageTier
from sovereign_ai.spec.checks import great_circle_distance

LIGHT = 299_792_458
"""Metres a second in vacuum."""


def add_recovery(sheet: Sheet, factory: AIFactory, plan: Plan) -> list[str]:
    """Add the possible loss and the restore of each tier, and the round trip to each site.

    Returns:
        The names of the numbers that a report shows.
    """
    first, *others = factory.sites
    names = [_route(sheet, first, site) for site in others]
    tiers = {}
    for tier in factory.storage:
        tiers[tier.name] = tier
    for storage in plan.storage:
        names += _tier(sheet, factory, tiers[storage.tier], storage)
    # A tier at several sites has one interval of snapshots: its names come once.
    return list(dict.fromkeys(names))


def _route(sheet: Sheet, first: Site, site: Site) -> str:
    """Add the length of the line between a site and the first one, and the round trip on it."""
    name, least = f"site.{site.name}", great_circle_distance(first, site)
    route = f"{name}.route"
    if site.distance is not None:
        # Descriptions count lengths in centimetres.
        sheet.plan(route, site.distance.count / 100, "m", "as described")
    elif least is not None:
        why = "once to twice the way over the Earth: our judgement"
        sheet.estimate(route, 1.5 * least, "m", least, 2 * least, why)
    else:
        sheet.ask(route, "m", f"How long is the line from {first.name} to {site.name}?")
    index = sheet.figure("fibre.index", figure("engineering", "fibre.index"))
    note = (
        "of light alone; a job across all machines must not span it, "
        "and a copy that waits for the other side waits so long"
    )
    formula = "2 x route x group index / c"
    work = lambda way, slow: 2 * way * slow / LIGHT  # noqa: E731 - the formula, used once
    return sheet.derive(f"{name}.round-trip", "s", formula, work, route, index, note=note)


def _tier(sheet: Sheet, factory: AIFactory, tier: StorageTier, storage: StoragePlan) -> list[str]:
    """Add the snapshots, the backup and the restore of one tier at one site."""
    name = f"tier.{tier.name}"
    names: list[str] = []
    if tier.snapshots is not None:
        why = "interval between two snapshots, as described"
        every = sheet.plan(f"{name}.snapshot", tier.snapshots.every.count, "s", why)
        why = "snapshots that are kept, as described"
        keep = sheet.plan(f"{name}.snapshots", tier.snapshots.keep, "1", why)
        work = lambda each, count: each * count  # noqa: E731 - the formula, used once
        names += [every, sheet.derive(f"{name}.history", "s", "interval x snapshots", work, every, keep)]
    if tier.backup is None:
        return names
    why = "interval between two backups: so much may be lost"
    names.append(sheet.plan(f"{name}.backup", tier.backup.every.count, "s", why))
    size = sheet.plan(f"{name}.capacity", storage.capacity, "B", "usable capacity, taken as full")
    write = f"{name}.{storage.site}.write"
    rates = [sheet.plan(write, storage.write, "B/s", "aggregate write rate of the plan")]
    # A backup at the same site crosses no line.
    if tier.backup.site != storage.site:
        rates += _lines_of_copies(sheet, factory.site(storage.site), factory.site(tier.backup.site))
    note = f"from {tier.backup.site}, over lines that carry nothing else: a lower bound"
    formula = "capacity / the least of the tier's write rate and the lines at both sites"
    restore = lambda whole, *ways: whole / min(ways) / 3600  # noqa: E731 - the formula, used once
    inputs = (size, *rates)
    names.append(sheet.derive(f"{name}.{storage.site}.restore", "h", formula, restore, *inputs, note=note))
    return names


def _lines_of_copies(sheet: Sheet, site: Site, other: Site) -> list[str]:
    """Add the rates that bound copies between two sites: of the lines between them, else of all at each."""
    between = lines_between(site, other)
    if not between:
        return [_lines(sheet, site), _lines(sheet, other)]
    first, second = sorted((site.name, other.name))
    rate = sum(line.rate.count for line in between) / 8
    return [
        sheet.plan(f"lines.{first}.{second}", rate, "B/s", "all lines between the two sites, as described")
    ]


def _lines(sheet: Sheet, site: Site) -> str:
    """Add the rate of all lines of a site together."""
    name = f"site.{site.name}.lines"
    if not site.uplinks:
        return sheet.ask(name, "B/s", f"What do the lines of {site.name} carry together, in bytes a second?")
    rate = sum(line.rate.count for line in site.uplinks) / 8
    return sheet.plan(name, rate, "B/s", "all uplinks of the site, as described")

"""Power: what each site draws, through which feed, and what stays up when a feed is lost.

`loads.py` counts in exact fractions of a watt; here they are rounded to whole watts so that the
feeds sum to the load, and told with their reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sovereign_ai.catalog.systems import System
from sovereign_ai.plan.loads import RackGroup, SiteLoad, limit, rack_watts, site_load
from sovereign_ai.spec.site import Site

__all__ = ["SitePower", "rack_watts", "site_power"]


@dataclass(frozen=True, slots=True)
class SitePower:
    """One site's power at full load.

    Attributes:
        site: the site.
        it_load: watts of all machines, switches and storage servers whose power is known.
        it_budget: watts allowed.
        feeds: feed name to watts it carries with all feeds up.
        after_loss: lost feed to (surviving feed to watts) where machines run on.
        survives: lost feed to whether every machine keeps the supplies it requires and no
            surviving feed is overloaded; absent where supplies are not known (see `unknown`).
        unknown: systems whose supplies no source gives, so survival is not decided for them.
        why: field to the formula and its inputs in words.
    """

    site: str
    it_load: int
    it_budget: int
    feeds: Mapping[str, int]
    after_loss: Mapping[str, Mapping[str, int]]
    survives: Mapping[str, bool]
    unknown: tuple[str, ...]
    why: Mapping[str, str]


def site_power(site: Site, groups: Sequence[RackGroup], other: int = 0, dark: int = 0) -> SitePower:
    """Give a site's power in whole watts.

    Args:
        site: the site.
        groups: its compute racks.
        other: known watts of switches and servers.
        dark: switches and servers whose power no source gives.
    """
    found = site_load(site, groups, other)
    names = sorted(site.power.feeds)
    limits = [limit(site, name) for name in names]
    after = {name: dict(zip(names, _whole(found.load.after[lost]), strict=True)) for lost, name in enumerate(names)}
    for name in names:
        del after[name][name]
    survives: dict[str, bool] = {}
    for lost, name in enumerate(names):
        holds = not found.load.stopped[lost] and all(watts <= most for watts, most in zip(found.load.after[lost], limits, strict=True))
        if not holds or not found.unknown:
            survives[name] = holds and len(names) > 1
    return SitePower(
        site=site.name,
        it_load=found.watts,
        it_budget=site.power.it_budget.count,
        feeds=dict(zip(names, _whole(found.load.up), strict=True)),
        after_loss=after,
        survives=survives,
        unknown=found.unknown,
        why=_why(site, groups, found, other, dark),
    )


def _whole(watts: Sequence[Fraction]) -> list[int]:
    """Round to whole watts so that the sum is kept: down, and the largest remainders up."""
    floors = [int(value) for value in watts]
    missing = round(sum(watts)) - sum(floors)
    order = sorted(range(len(watts)), key=lambda number: (floors[number] - watts[number], number))
    for number in order[:missing]:
        floors[number] += 1
    return floors


def _why(site: Site, groups: Sequence[RackGroup], found: SiteLoad, other: int, dark: int) -> dict[str, str]:
    """Say where the numbers come from."""
    here = [group for group in groups if group.shape.site.name == site.name]
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for group in here:
        sums[group.shape.system.name, group.machines] += group.count
    terms = [
        f"{count:,} racks of {machines} {name} at {rack_watts(_system_of(here, name), machines):,} W"
        for (name, machines), count in sums.items()
    ]
    terms += [f"{other:,} W of switches and servers"] if other else []
    rest = f"; {dark:,} switches and servers whose power no source gives are not counted" if dark else ""
    why = {
        "it_load": f"{' + '.join(terms) or 'no racks'} = {found.watts:,} W{rest}",
        "it_budget": f"as described: {site.power.it_budget}",
        "feeds": f"{site.power.rack_pdus} PDUs a rack over {len(site.power.feeds)} feeds in turn, supplies over PDUs in turn",
        "after_loss": "machines with the supplies they require run on, and draw alike through each supply that is left",
    }
    stops = [
        f"without {name} {count:,} {system} stop"
        for name, counts in zip(sorted(site.power.feeds), found.stopped, strict=True)
        for system, count in sorted(counts.items())
    ]
    why["survives"] = "; ".join(stops) or "no machine loses a supply that it requires"
    if found.unknown:
        why["unknown"] = f"no source gives the supplies of {', '.join(found.unknown)}; their load is spread evenly over the PDUs"
    return why


def _system_of(groups: Sequence[RackGroup], name: str) -> System:
    """Give the system of that name."""
    return next(group.shape.system for group in groups if group.shape.system.name == name)

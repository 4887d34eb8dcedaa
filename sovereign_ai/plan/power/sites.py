"""Power: what each site draws through which feed, and what keeps running when a feed is lost.

`loads.py` counts in exact fractions of a watt. Here they are rounded to whole watts so that the feeds sum to
the load, and reported with their reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.power.capping import MachineCap
from sovereign_ai.plan.power.chain_elements import ChainElement
from sovereign_ai.plan.power.loads import (
    RackGroup,
    SiteLoad,
    feed_limit,
    machine_limit,
    planned_watts,
    rack_watts,
    site_load,
)
from sovereign_ai.spec import Site
from sovereign_ai.text import counted

__all__ = ["SitePower", "rack_watts", "site_power"]


@frozen_dataclass
class SitePower:
    """One site's power at full load.

    Attributes:
        site: the site.
        it_load: watts of all servers, switches and storage servers whose power is known.
        it_budget: watts allowed.
        feeds: feed name to the watts that it carries with all feeds up.
        after_loss: lost feed to (surviving feed to watts), where servers keep running.
        survives: lost feed to whether every server keeps the supplies that it requires and no surviving feed
            is overloaded; absent where supplies are not known (see `unknown`).
        unknown: systems whose supplies no source gives, so that their survival is not decided.
        why: field to the formula and its inputs in words.
        chain: the elements of its power chain; empty where none is described.
        limits: pool to the watts to which caps limit each of its machines; empty where they limit none.
        caps: pool to the cap that limits its machines most, in words; absent is a pool that only the cap on
            racks limits.
    """

    site: str
    it_load: int
    it_budget: int
    feeds: Mapping[str, int]
    after_loss: Mapping[str, Mapping[str, int]]
    survives: Mapping[str, bool]
    unknown: tuple[str, ...]
    why: Mapping[str, str]
    chain: tuple[ChainElement, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    caps: Mapping[str, str] = field(default_factory=dict)

    def limit_reason(self, pool: str) -> str:
        """Return why the machines of a capped pool are limited as they are."""
        if pool in self.caps:
            return f"{self.caps[pool]}; {self.why['caps']}"
        return self.why["limits"]


LATER_POWER: Mapping[str, object] = {"chain": (), "limits": {}, "caps": {}}
"""Fields that came after plans had been signed, and what they hold where nothing is described.

They are in no digest then, so that these plans keep theirs.
"""


def site_power(
    site: Site, groups: Sequence[RackGroup], other: int = 0, caps: Mapping[str, MachineCap] | None = None
) -> SitePower:
    """Return a site's power in whole watts.

    Args:
        site: the site.
        groups: its compute racks.
        other: watts of switches and storage servers.
        caps: pool to the cap that limits its machines, beside the cap on racks.
    """
    site_total = site_load(site, groups, other)
    load = site_total.load
    names = sorted(site.power.feeds)
    after: dict[str, dict[str, int]] = {}
    survives: dict[str, bool] = {}
    for lost, name in enumerate(names):
        after[name] = dict(zip(names, _round_watts(load.after[lost]), strict=True))
        del after[name][name]
        is_overloaded = False
        for feed, watts in zip(names, load.after[lost], strict=True):
            if watts > feed_limit(site, feed):
                is_overloaded = True
        holds = not load.stopped[lost] and not is_overloaded
        # A loss that fails with the known supplies fails in any case; one that holds may still fail.
        if not holds or not site_total.unknown:
            survives[name] = holds and len(names) > 1
    return SitePower(
        site=site.name,
        it_load=site_total.watts,
        it_budget=site.power.it_budget.count,
        feeds=dict(zip(names, _round_watts(load.up), strict=True)),
        after_loss=after,
        survives=survives,
        unknown=site_total.unknown,
        why=_why(site, groups, site_total, other),
        limits=_limits(site, groups),
        caps=_cap_texts(site, groups, caps or {}),
    )


def _limits(site: Site, groups: Sequence[RackGroup]) -> dict[str, int]:
    """Return the pools whose machines a site's cap limits, each with the watts of a machine."""
    limits: dict[str, int] = {}
    for group in groups:
        limit = machine_limit(group.shape) if group.shape.site.name == site.name else None
        if limit is not None:
            limits[group.shape.pool.name] = limit
    return limits


def _cap_texts(site: Site, groups: Sequence[RackGroup], caps: Mapping[str, MachineCap]) -> dict[str, str]:
    """Return the pools of a site that other caps than that on racks limit most, each with that cap."""
    texts: dict[str, str] = {}
    for group in groups:
        name = group.shape.pool.name
        if group.shape.site.name != site.name or name not in caps:
            continue
        if machine_limit(group.shape) == caps[name].watts:
            texts[name] = caps[name].text
    return texts


def _round_watts(watts: Sequence[Fraction]) -> list[int]:
    """Round to whole watts so that the sum is kept: down, then the largest remainders up."""
    floors = [int(value) for value in watts]
    missing = round(sum(watts)) - sum(floors)
    # Remainders are floor - watts, so the largest is first; of equal ones the first feed is rounded up.
    order = sorted(range(len(watts)), key=lambda number: (floors[number] - watts[number], number))
    for number in order[:missing]:
        floors[number] += 1
    return floors


def _why(site: Site, groups: Sequence[RackGroup], load: SiteLoad, other: int) -> dict[str, str]:
    """Return the reasons of the numbers."""
    counts: dict[tuple[str, int, int], int] = defaultdict(int)
    for group in groups:
        if group.shape.site.name == site.name:
            watts = planned_watts(group.shape, group.machines)
            counts[group.shape.system.name, group.machines, watts] += group.count
    terms: list[str] = []
    for (name, machines, watts), count in counts.items():
        terms.append(f"{counted(count, 'rack')} of {machines} {name} at {watts:,} W")
    if other:
        terms.append(f"{other:,} W of switches and servers")
    why: dict[str, str] = {}
    racks = " + ".join(terms) or "no racks"
    why["it_load"] = f"{racks} = {load.watts:,} W"
    why["it_budget"] = f"as described: {site.power.it_budget}"
    pdus, feeds = site.power.rack_pdus, len(site.power.feeds)
    pdus_text = counted(pdus, "PDU")
    feeds_text = counted(feeds, "feed")
    why["feeds"] = f"{pdus_text} a rack over {feeds_text} in turn, supplies over PDUs in turn"
    why["after_loss"] = (
        "machines with the supplies they require run on, and draw alike through each supply that is left"
    )
    if site.power.cap is not None and site.power.cap.rack is not None:
        why["limits"] = (
            f"a rack draws at most {site.power.cap.rack}: what its machines share, and even parts for them; "
            "cooling is planned without the cap"
        )
    if any(group.shape.limit is not None and group.shape.site.name == site.name for group in groups):
        why["caps"] = (
            "machines below a cap are limited in proportion to what they would draw, each pool alike; "
            "switches and storage are not limited; cooling is planned without the cap"
        )
    stops: list[str] = []
    for name, stopped in zip(sorted(site.power.feeds), load.stopped, strict=True):
        for system, count in sorted(stopped.items()):
            stops.append(f"without {name} {count:,} {system} stop")
    why["survives"] = "; ".join(stops) or "no machine loses a supply that it requires"
    if load.unknown:
        why["unknown"] = (
            f"no source gives the supplies of {', '.join(load.unknown)}; "
            "their load is spread evenly over the PDUs"
        )
    return why

"""Single failures of power, cooling and network, and the servers that each of them stops.

The kinds are a feed, a rack PDU, a power supply, a leaf switch, the utility and a cooling unit. A failure
that the description does not decide is open and lists the missing figures. Open never counts as survived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from sovereign_ai.assess.energy.power import SiteEquipment, site_power
from sovereign_ai.assess.measure import plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import fullest_leaf, rails_beside
from sovereign_ai.plan.power import feed_limit
from sovereign_ai.text import counted


@frozen_dataclass
class Failure:
    """One single failure and its effect.

    Attributes:
        site: the site.
        what: what fails, such as `feed A`.
        survives: whether every server keeps working; None where that is open.
        stops: servers that stop; None where their number is open, also where it is known that some do.
        why: the arithmetic in words.
        needs: figures that would decide an open failure.
    """

    site: str
    what: str
    survives: bool | None
    stops: int | None
    why: str
    needs: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = asdict(self)
        data["needs"] = list(self.needs)
        return data


def single_failures(sheet: Sheet, equipment: SiteEquipment, plan: Plan) -> Iterator[Failure]:
    """Yield every kind of single failure at a site, the most far-reaching first."""
    yield from _feeds(sheet, equipment, plan)
    yield _battery(sheet, equipment)
    yield from _chain(equipment, plan)
    yield _cooling(sheet, equipment)
    yield from _leaves(equipment, plan)
    yield from _supplies(equipment)


def _feeds(sheet: Sheet, equipment: SiteEquipment, plan: Plan) -> Iterator[Failure]:
    """Yield the loss of each feed, with the load that switches and servers add to the other feeds."""
    power = site_power(plan, equipment.name)
    feeds = sorted(equipment.site.power.feeds)
    for feed in feeds:
        survives = power.survives.get(feed)
        needs: tuple[str, ...] = ()
        why = power.why["survives"]
        if survives is None:
            needs = tuple(f"supplies of {system}" for system in power.unknown)
        if needs:
            why = power.why["unknown"]
        elif len(feeds) == 1:
            why = "there is no other feed"
        stops = 0 if survives else None
        if len(feeds) == 1:
            survives = False
            stops = stops if stops == 0 else equipment.servers
        failure = Failure(equipment.name, f"feed {feed}", survives, stops, why, needs)
        if survives is not False:
            # The plan knows servers alone: the other equipment may still overload the feeds that are left.
            failure = _with_devices(sheet, equipment, power.after_loss[feed], failure)
        yield failure


def _with_devices(
    sheet: Sheet, equipment: SiteEquipment, after: Mapping[str, int], failure: Failure
) -> Failure:
    """Return the loss of a feed with the load of switches and servers on the feeds that are left.

    They draw at most the upper end of their figure, which the plan counts, or what the user gives.

    Args:
        sheet: the sheet.
        equipment: the site.
        after: watts on each feed that is left, by the plan.
        failure: the loss by the plan alone.
    """
    name = f"site.{equipment.name}.other"
    counted = sheet.value(f"{name}.planned") or 0.0
    known = max(sheet.value(name) or 0.0, counted)
    # Devices are spread evenly, so the feed with the least room limits all of them.
    room = counted + min(
        (float(feed_limit(equipment.site, feed)) - watts) * len(after) for feed, watts in after.items()
    )
    if known > room:
        why = (
            f"switches and servers draw {plain(known / 1000, 6)} kW, "
            f"and the feeds left carry {plain(max(room, 0) / 1000, 6)} kW more"
        )
        return replace(failure, survives=False, stops=None, why=why, needs=())
    return failure


def _battery(sheet: Sheet, equipment: SiteEquipment) -> Failure:
    """Return the loss of the utility: the batteries must outlast the generators' start."""
    question = "How long until generators carry the load? 0 if there are none."
    name, chain = f"site.{equipment.name}.generator-start", equipment.site.power.chain
    if chain is not None and chain.generators is not None:
        sheet.plan(name, chain.generators.start.count, "s", "as described")
    else:
        sheet.ask(name, "s", question)
    start = sheet.value(name)
    battery = min(feed.ups.count for feed in equipment.site.power.feeds.values())
    carries = f"the shortest battery carries {battery} s"
    if start is None:
        return Failure(equipment.name, "utility", None, None, carries, (name,))
    holds = 0 < start <= battery
    generators = f"take {plain(start, 6)} s" if start else "are not there"
    why = f"{carries}, and generators {generators}"
    return Failure(equipment.name, "utility", holds, 0 if holds else equipment.servers, why)


def _chain(equipment: SiteEquipment, plan: Plan) -> Iterator[Failure]:
    """Yield the loss of each kind of element above the feeds, as far as the description has them."""
    for element in site_power(plan, equipment.name).chain:
        # What lies below the feeds goes with a rack PDU or a feed, which are failures of their own.
        if element.element not in ("grid circuit", "transformer", "generator", "UPS module", "UPS system"):
            continue
        holds, why = element.left >= 0, element.why["needed"]
        chain = equipment.site.power.chain
        if not holds and element.element == "grid circuit" and chain is not None and chain.generators:
            holds, why = True, f"{why}; the generators carry the load"
        yield Failure(equipment.name, element.element, holds, 0 if holds else equipment.servers, why)


def _cooling(sheet: Sheet, equipment: SiteEquipment) -> Failure:
    """Return the loss of one cooling unit: the others must carry the heat."""
    site = f"site.{equipment.name}"
    name = sheet.ask(f"{site}.cooling-units", "units", "How many cooling units are there, alike?")
    needed = sheet.ask(f"{site}.cooling-needed", "units", "How many of them carry the full heat?")
    units, enough = sheet.value(name), sheet.value(needed)
    if units is None or enough is None:
        why = "the number of cooling units is not described"
        return Failure(equipment.name, "cooling unit", None, None, why, (name, needed))
    holds = units - 1 >= enough
    why = f"{plain(units, 6)} units, {plain(enough, 6)} carry the full heat"
    return Failure(equipment.name, "cooling unit", holds, 0 if holds else None, why)


def _leaves(equipment: SiteEquipment, plan: Plan) -> Iterator[Failure]:
    """Yield the loss of a leaf of each compute plane.

    The servers on it lose one rail, so a synchronous job across all rails loses those servers.
    """
    every = frozenset(node.name for node in plan.nodes)
    for plane in plan.fabrics:
        if plane.site == equipment.name and plane.role == "compute" and plane.leaf:
            machines = fullest_leaf(plane, every)
            rails = rails_beside(plane, plan.fabrics)
            machines_text = counted(machines, "machine")
            why = (
                f"a leaf of {plane.name} carries one of {counted(rails, 'rail')} of up to {machines_text}: "
                "they live, and a job across all rails restarts without them"
            )
            yield Failure(equipment.name, f"leaf of {plane.name}", machines == 0, machines, why)


def _supplies(equipment: SiteEquipment) -> Iterator[Failure]:
    """Yield the loss of a rack PDU and of a power supply for each system."""
    pdus = equipment.site.power.rack_pdus
    seen: set[str] = set()
    for shape in equipment.shapes:
        system = shape.system
        if system.name in seen:
            continue
        seen.add(system.name)
        what = f"rack PDU of {system.name}"
        decided = system.decided_supplies
        if decided is None:
            needs = (f"supplies of {system.name}",)
            yield Failure(equipment.name, what, None, None, "no source gives its supplies", needs)
            continue
        supplies, required = decided
        stops = pdu_stops(supplies, required, pdus, min(shape.per_rack, shape.total))
        supplies_text = counted(supplies, "supply", "supplies")
        pdus_text = counted(pdus, "PDU")
        why = f"{supplies_text} of which {required} are required, over {pdus_text} in turn"
        yield Failure(equipment.name, what, stops == 0, stops, why)
        spare = supplies - required
        yield Failure(equipment.name, f"supply of {system.name}", spare > 0, int(spare <= 0), why)


def pdu_stops(supplies: int, required: int, pdus: int, machines: int) -> int:
    """Count the servers of a rack that the worst loss of one of its PDUs stops.

    >>> pdu_stops(supplies=6, required=4, pdus=2, machines=4)
    4
    >>> pdu_stops(supplies=6, required=4, pdus=3, machines=4)
    0
    """
    worst = 0
    for lost in range(pdus):
        stopped = 0
        for place in range(machines):
            # Supplies are plugged in in turn through the whole rack, not anew for each server.
            first = place * supplies
            gone = sum(supply % pdus == lost for supply in range(first, first + supplies))
            stopped += supplies - gone < required
        worst = max(worst, stopped)
    return worst

"""What each single failure stops: a feed, a rack PDU, a supply, a leaf switch, the utility, a cooling unit.

A failure that nobody can judge from the description is open, and says what it waits for; open never
counts as survived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sovereign_ai.assess.energy.power import Here, dark, said_unknown, unknown_devices
from sovereign_ai.assess.measure import plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.plan.fabric import fullest_leaf
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.loads import limit


@dataclass(frozen=True, slots=True)
class Failure:
    """One single failure and what comes of it.

    Attributes:
        site: the site.
        what: what fails, such as `feed A`.
        survives: whether every machine works on; None where that is open.
        stops: machines that stop; None where that is open.
        why: the arithmetic in words.
        needs: figures that the answer waits for.
    """

    site: str
    what: str
    survives: bool | None
    stops: int | None
    why: str
    needs: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"needs": list(self.needs)}


def single_failures(sheet: Sheet, here: Here, plan: Plan) -> Iterator[Failure]:
    """Give every kind of single failure at a site, the most far-reaching first."""
    yield from _feeds(sheet, here, plan)
    yield _battery(sheet, here)
    yield _cooling(sheet, here)
    yield from _leaves(here, plan)
    yield from _supplies(here)


def _feeds(sheet: Sheet, here: Here, plan: Plan) -> Iterator[Failure]:
    """Judge the loss of each feed from the plan, and from what switches and servers add to the feeds that are left."""
    power = next(one for one in plan.power if one.site == here.site.name)
    machines = sum(shape.total for shape in here.shapes)
    for feed in sorted(here.site.power.feeds):
        survives = power.survives.get(feed)
        needs = tuple(f"supplies of {system}" for system in power.unknown) if survives is None else ()
        alone = len(here.site.power.feeds) == 1
        stops = 0 if survives else machines if alone else None
        why = power.why["unknown"] if needs else "there is no other feed" if alone else power.why["survives"]
        found = Failure(here.site.name, f"feed {feed}", False if alone else survives, stops, why, needs)
        yield found if alone or survives is False else _with_devices(sheet, here, power.after_loss[feed], found)


def _with_devices(sheet: Sheet, here: Here, after: Mapping[str, int], found: Failure) -> Failure:
    """Hold the feeds that are left against switches and servers too: those with a figure, and the rest at the most they can draw."""
    name = f"site.{here.site.name}"
    known = sheet.value(f"{name}.other") or 0.0
    most = known + dark(sheet, here) * sheet.ends("device.most")[1]
    room = min((float(limit(here.site, feed)) - watts) * len(after) for feed, watts in after.items())
    if known > room:
        why = f"switches and servers draw {plain(known / 1000, 6)} kW, and the feeds left carry {plain(max(room, 0) / 1000, 6)} kW more"
        return replace(found, survives=False, stops=None, why=why, needs=())
    if most > room:
        missing = unknown_devices(sheet, here)
        why = f"{found.why}; {said_unknown(sheet, here)} may overload what is left: {', '.join(missing)} would settle it"
        return replace(found, survives=None, stops=None, why=why, needs=(*found.needs, *missing))
    return found


def _battery(sheet: Sheet, here: Here) -> Failure:
    """Judge the loss of the utility: the batteries must outlast the generators' start."""
    name = sheet.ask(f"site.{here.site.name}.generator-start", "s", "How long until generators carry the load? 0 if there are none.")
    start = sheet.value(name)
    battery = min(feed.ups.count for feed in here.site.power.feeds.values())
    machines = sum(shape.total for shape in here.shapes)
    if start is None:
        return Failure(here.site.name, "utility", None, None, f"the shortest battery carries {battery} s", (name,))
    holds = 0 < start <= battery
    why = f"the shortest battery carries {battery} s, and generators " + (f"take {plain(start, 6)} s" if start else "are not there")
    return Failure(here.site.name, "utility", holds, 0 if holds else machines, why)


def _cooling(sheet: Sheet, here: Here) -> Failure:
    """Judge the loss of one cooling unit: the rest must carry the heat."""
    name = sheet.ask(f"site.{here.site.name}.cooling-units", "units", "How many cooling units are there, alike?")
    needed = sheet.ask(f"site.{here.site.name}.cooling-needed", "units", "How many of them carry the full heat?")
    units, enough = sheet.value(name), sheet.value(needed)
    if units is None or enough is None:
        return Failure(here.site.name, "cooling unit", None, None, "the number of cooling units is not described", (name, needed))
    holds = units - 1 >= enough
    stops = 0 if holds else None
    return Failure(here.site.name, "cooling unit", holds, stops, f"{plain(units, 6)} units, {plain(enough, 6)} carry the full heat")


def _leaves(here: Here, plan: Plan) -> Iterator[Failure]:
    """Say what a compute leaf takes along: one rail of the machines on it, so that a synchronous job loses those machines."""
    every = frozenset(node.name for node in plan.nodes)
    for plane in plan.fabrics:
        if plane.site == here.site.name and plane.role == "compute" and plane.leaf:
            machines = fullest_leaf(plane, every)
            why = f"a leaf of {plane.name} carries one of {plane.rails} rails of up to {machines} machines: they live, and a job across all rails restarts without them"
            yield Failure(here.site.name, f"leaf of {plane.name}", machines == 0, machines, why)


def _supplies(here: Here) -> Iterator[Failure]:
    """Judge the loss of a rack PDU and of a supply for each system."""
    seen: set[str] = set()
    for shape in here.shapes:
        machine = shape.system
        if machine.name in seen:
            continue
        seen.add(machine.name)
        if machine.supplies is None or machine.supplies_required is None:
            needs = (f"supplies of {machine.name}",)
            yield Failure(here.site.name, f"rack PDU of {machine.name}", None, None, "no source gives its supplies", needs)
            continue
        stops = pdu_stops(machine.supplies, machine.supplies_required, here.site.power.rack_pdus, min(shape.per_rack, shape.total))
        why = (
            f"{machine.supplies} supplies of which {machine.supplies_required} are required, over {here.site.power.rack_pdus} PDUs in turn"
        )
        yield Failure(here.site.name, f"rack PDU of {machine.name}", stops == 0, stops, why)
        spare = machine.supplies - machine.supplies_required
        yield Failure(here.site.name, f"supply of {machine.name}", spare > 0, int(spare <= 0), why)


def pdu_stops(supplies: int, required: int, pdus: int, machines: int) -> int:
    """Count the machines of a rack that the worst loss of one of its PDUs stops.

    >>> pdu_stops(supplies=6, required=4, pdus=2, machines=4), pdu_stops(supplies=6, required=4, pdus=3, machines=4)
    (4, 0)
    """
    worst = 0
    for lost in range(pdus):
        gone = [sum((place * supplies + number) % pdus == lost for number in range(supplies)) for place in range(machines)]
        worst = max(worst, sum(supplies - count < required for count in gone))
    return worst

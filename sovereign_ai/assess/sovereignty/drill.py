"""The disconnect drill: switch off a country, a holder or an export rule, and see what stops and when.

Offline arithmetic over the graph; nothing is disconnected. The days are 0, 30, 90 and 365 after the
cut. A service `stops` when its fault tree fails; else it is `undecided`, `shrinks` or `ages` when a
part it needs is; else it `runs`. Parts that nobody describes are not counted as reached, and not as
safe either: while there are any, a service that has not stopped is so *at best*, which `certain` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sovereign_ai.assess.sovereignty.areas import home
from sovereign_ai.assess.sovereignty.cuts import Gate, fails, minimal_sets
from sovereign_ai.assess.sovereignty.export_control import rules
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.assess.sovereignty.parts.part import Part, State

DAYS = (0, 30, 90, 365)
"""Days after the cut that are looked at."""
MOST = 3
"""The largest set of failures that is listed."""
Kind = Literal["country", "holder", "export-rule"]
_WORST: tuple[State, ...] = ("stops", "undecided", "shrinks", "ages", "runs")


@dataclass(frozen=True, slots=True, order=True)
class Trigger:
    """What is switched off.

    Attributes:
        kind: `country`, `holder` (a vendor by its ultimate parent) or `export-rule`.
        name: ISO code, holder's name, or rule's id.
    """

    kind: Kind
    name: str

    def reach(self, part: Part) -> Literal["hold", "supply"] | None:
        """Say how it reaches a part: by a hold over it, or only by its supply; None if not at all."""
        if self.kind == "export-rule":
            return "hold" if self.name == part.rule else None
        if self.name == (part.law if self.kind == "country" else part.holder):
            return "hold"
        if self.name == (part.origin if self.kind == "country" else part.made_by):
            return "supply"
        return "hold" if self.kind == "country" and self.name in part.also else None

    def state(self, part: Part, day: int) -> State:
        """Give a reached part's state so many days after; without its supply it runs on and is not replaced."""
        return "shrinks" if self.reach(part) == "supply" else part.state(day)


@dataclass(frozen=True, slots=True)
class Drill:
    """What one trigger does.

    Attributes:
        trigger: what is switched off.
        foreign: whether it lies outside the European Economic Area.
        reached: ids of the parts that it reaches.
        stops: day to ids of parts that have stopped by then.
        ages: ids of parts that run on without patches.
        shrinks: ids of parts that run on and are not replaced.
        undecided: ids of reached parts of which nobody can say.
        second_source: id of a reached part to its alternative, as described.
        reserve: id of a reached part that is not replaced to the pieces in store and the spares planned.
        survives: how many parts it does not reach.
        served: `training` and `inference` to day to state, as far as parts are described.
        capacity: `training` and `inference` to day to per cent of its accelerators in pools that have not stopped.
        certain: whether no part of which nobody says the holder or the law could make it worse.
    """

    trigger: Trigger
    foreign: bool
    reached: tuple[str, ...]
    stops: Mapping[int, tuple[str, ...]]
    ages: tuple[str, ...]
    shrinks: tuple[str, ...]
    undecided: tuple[str, ...]
    second_source: Mapping[str, str]
    reserve: Mapping[str, int]
    survives: int
    served: Mapping[str, Mapping[int, State]]
    capacity: Mapping[str, Mapping[int, int]]
    certain: bool

    def first_stop(self, served: str) -> int | None:
        """Give the first of the days on which a service has stopped; None for never or not there."""
        return next((day for day in DAYS if self.served.get(served, {}).get(day) == "stops"), None)

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "kind": self.trigger.kind,
            "name": self.trigger.name,
            "outside_eea": self.foreign,
            "reached": list(self.reached),
            "stops": {str(day): list(ids) for day, ids in self.stops.items()},
            "ages": list(self.ages),
            "shrinks": list(self.shrinks),
            "undecided": list(self.undecided),
            "second_source": dict(self.second_source),
            "reserve": dict(self.reserve),
            "survives": self.survives,
            "served": {served: {str(day): state for day, state in states.items()} for served, states in self.served.items()},
            "capacity_percent": {served: {str(day): left for day, left in found.items()} for served, found in self.capacity.items()},
            "certain": self.certain,
        }


def triggers(graph: Graph) -> list[Trigger]:
    """Give every country, holder and export rule that reaches a part, sorted."""
    found: set[Trigger] = set()
    for part in graph.parts:
        found.update(Trigger("country", code) for code in (part.law, *part.also) if code)
        if part.described and not part.id.startswith("site:"):
            found.update(Trigger("holder", name) for name in (part.holder, part.made_by) if name)
        if part.rule:
            found.add(Trigger("export-rule", part.rule))
    return sorted(found)


def drills(graph: Graph) -> tuple[Drill, ...]:
    """Run the drill for every trigger."""
    return tuple(run(graph, trigger) for trigger in triggers(graph))


def run(graph: Graph, trigger: Trigger) -> Drill:
    """Run the drill for one trigger."""
    reached = [part for part in graph.parts if trigger.reach(part)]
    states = {day: {part.id: trigger.state(part, day) for part in reached} for day in DAYS}

    def of(state: State) -> tuple[str, ...]:
        return tuple(part.id for part in reached if states[0][part.id] == state)

    return Drill(
        trigger=trigger,
        foreign=_foreign(graph, trigger),
        reached=tuple(part.id for part in reached),
        stops={day: tuple(part.id for part in reached if states[day][part.id] == "stops") for day in DAYS},
        ages=of("ages"),
        shrinks=of("shrinks"),
        undecided=of("undecided"),
        second_source={part.id: part.alternative for part in reached if part.alternative},
        reserve={
            part.id: (part.stock or 0) + graph.spares.get(part.id, 0)
            for part in reached
            if states[0][part.id] == "shrinks" and (part.stock is not None or part.id in graph.spares)
        },
        survives=len(graph.parts) - len(reached),
        served={name: {day: _state(tree, states[day]) for day in DAYS} for name, tree in graph.trees.items()},
        capacity={name: {day: _left(graph, name, states[day]) for day in DAYS} for name in graph.trees},
        certain=all(part.known for part in graph.parts),
    )


def _foreign(graph: Graph, trigger: Trigger) -> bool:
    """Whether a trigger comes from outside the European Economic Area."""
    if trigger.kind == "country":
        return not home(trigger.name)
    if trigger.kind == "export-rule":
        return any(not home(rule["country"]) for rule in rules() if rule["id"] == trigger.name)
    return any(not home(part.law) for part in graph.parts if part.law and trigger.reach(part) == "hold") or _makes_abroad(graph, trigger)


def _makes_abroad(graph: Graph, trigger: Trigger) -> bool:
    """Whether a holder makes a part outside the European Economic Area."""
    return any(not home(part.origin) for part in graph.parts if part.origin and trigger.reach(part) == "supply")


def _state(tree: Gate, states: Mapping[str, State]) -> State:
    """Give a service's state: the worst that its tree lets through."""
    for number, state in enumerate(_WORST[:-1]):
        bad = set(_WORST[: number + 1])
        if fails(tree, lambda name, bad=bad: states.get(name) in bad):  # type: ignore[misc]  # the default binds the loop's value
            return state
    return "runs"


def _left(graph: Graph, served: str, states: Mapping[str, State]) -> int:
    """Give the per cent of a service's accelerators in pools that have not stopped, down."""
    down = {name for name, state in states.items() if state == "stops"}
    pools = graph.pools[served]
    left = sum(gpus for tree, gpus in pools if not fails(tree, down.__contains__))
    return 100 * left // sum(gpus for _, gpus in pools)


def part_sets(graph: Graph, served: str) -> list[list[str]]:
    """Give the smallest sets of parts, of at most three, whose loss stops a service."""
    return _sorted(minimal_sets(graph.trees[served], MOST)) if served in graph.trees else []


def holder_sets(graph: Graph, served: str, day: int) -> list[list[str]]:
    """Give the smallest sets of holders whose withdrawal stops a service within so many days.

    Parts that nobody describes have no holder and are left out; they could add sets. States are no
    holders: see `country_sets`.
    """
    return _labelled(graph, served, day, lambda part: None if part.id.startswith("site:") else part.holder)


def country_sets(graph: Graph, served: str, day: int) -> list[list[str]]:
    """Give the smallest sets of countries, by the law over the holder, that stop a service within so many days."""
    return _labelled(graph, served, day, lambda part: part.law)


def _labelled(graph: Graph, served: str, day: int, label: Callable[[Part], str | None]) -> list[list[str]]:
    """Give minimal sets of what stands for the parts that have stopped by a day."""
    if served not in graph.trees:
        return []
    names = {part.id: label(part) for part in graph.parts if part.described and part.state(day) == "stops"}
    return _sorted(minimal_sets(graph.trees[served], MOST, names.get))


def _sorted(sets: Iterable[frozenset[str]]) -> list[list[str]]:
    """Write sets in a stable order, smallest first."""
    return sorted((sorted(one) for one in sets), key=lambda one: (len(one), one))

"""The disconnect drill: cut off a country, a holder or an export rule, and calculate what stops and when.

The drill is arithmetic over the graph; nothing is disconnected. The days are 0, 30, 90 and 365 after the cut.
A service `stops` when its fault tree fails; else it is `undecided`, `shrinks` or `ages` when a part that it
needs is; else it `runs`. Parts that are not described count neither as reached nor as safe: while there are
any, the state of a service is the best case, and `certain` is false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.areas import home
from sovereign_ai.sovereignty.cut_sets import FaultGate, fails, minimal_sets
from sovereign_ai.sovereignty.export_control import rules
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.parts.part import Dependency, State

DAYS = (0, 30, 90, 365)
"""Days after the cut that the drill calculates."""
MOST = 3
"""The largest set of failures that is listed."""
Kind = Literal["country", "holder", "export-rule"]
# From the worst state to the best.
_WORST: tuple[State, ...] = ("stops", "undecided", "shrinks", "ages", "runs")


@dataclass(frozen=True, slots=True, order=True)
class Trigger:
    """A country, holder or export rule that is cut off.

    Attributes:
        kind: `country`, `holder` (a vendor by its ultimate parent) or `export-rule`.
        name: ISO code, holder's name, or rule's id.
    """

    kind: Kind
    name: str

    def reach(self, part: Dependency) -> Literal["hold", "supply"] | None:
        """Return how it reaches a part: by a hold over it, or only by its supply; None if not at all."""
        if self.kind == "export-rule":
            return "hold" if self.name == part.rule else None
        is_country = self.kind == "country"
        if self.name == (part.law if is_country else part.holder):
            return "hold"
        # The place of making comes before the other countries, which it is one of: it can only end the
        # supply.
        if self.name == (part.origin if is_country else part.made_by):
            return "supply"
        return "hold" if is_country and self.name in part.also else None

    def state(self, part: Dependency, day: int) -> State:
        """Return a reached part's state some days after the cut.

        Without its supply it runs on and is not replaced.
        """
        return "shrinks" if self.reach(part) == "supply" else part.state(day)


@frozen_dataclass
class Drill:
    """The effect of one trigger.

    Attributes:
        trigger: the country, holder or export rule.
        foreign: whether it lies outside the European Economic Area.
        reached: ids of the parts that it reaches.
        stops: ids of parts that have stopped, by day.
        ages: ids of parts that run on without patches.
        shrinks: ids of parts that run on and are not replaced.
        undecided: ids of reached parts whose state is unknown.
        second_source: described alternative of a reached part, by its id.
        reserve: pieces in store and planned spares of a reached part that is not replaced, by its id.
        survives: number of parts that it does not reach.
        served: state of `training` and `inference` by day, as far as parts are described.
        capacity: percentage of the accelerators of `training` and `inference` in pools that have not stopped,
            by day.
        certain: whether holder and jurisdiction of every part are known, so that no part could make it worse.
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
        """Return the first of the days on which a service has stopped; None for never or no such service."""
        states = self.served.get(served, {})
        for day in DAYS:
            if states.get(day) == "stops":
                return day
        return None

    def to_data(self) -> dict[str, Any]:
        """Return plain data; days become texts, as JSON has no other keys."""
        served: dict[str, dict[str, State | int]] = {}
        capacity: dict[str, dict[str, State | int]] = {}
        stops: dict[str, list[str]] = {}
        for day, ids in self.stops.items():
            text = str(day)
            stops[text] = list(ids)
        for service in self.served:
            served[service] = _by_text(self.served[service])
            capacity[service] = _by_text(self.capacity[service])
        return {
            "kind": self.trigger.kind,
            "name": self.trigger.name,
            "outside_eea": self.foreign,
            "reached": list(self.reached),
            "stops": stops,
            "ages": list(self.ages),
            "shrinks": list(self.shrinks),
            "undecided": list(self.undecided),
            "second_source": dict(self.second_source),
            "reserve": dict(self.reserve),
            "survives": self.survives,
            "served": served,
            "capacity_percent": capacity,
            "certain": self.certain,
        }


def _by_text(by_day: Mapping[int, State | int]) -> dict[str, State | int]:
    """Return values by day with the days as text."""
    return {str(day): value for day, value in by_day.items()}


def triggers(graph: Graph) -> list[Trigger]:
    """Return every country, holder and export rule that reaches a part, sorted."""
    triggers: set[Trigger] = set()
    for part in graph.parts:
        for code in (part.law, *part.also):
            if code:
                triggers.add(Trigger("country", code))
        # The holder of a site is the state, which is switched off as a country.
        if part.described and not part.id.startswith("site:"):
            for name in (part.holder, part.made_by):
                if name:
                    triggers.add(Trigger("holder", name))
        if part.rule:
            triggers.add(Trigger("export-rule", part.rule))
    return sorted(triggers)


def drills(graph: Graph) -> tuple[Drill, ...]:
    """Run the drill for every trigger."""
    drills: list[Drill] = []
    for trigger in triggers(graph):
        drill = run(graph, trigger)
        drills.append(drill)
    return tuple(drills)


def run(graph: Graph, trigger: Trigger) -> Drill:
    """Run the drill for one trigger."""
    reached: list[Dependency] = []
    ids: list[str] = []
    second_source: dict[str, str] = {}
    for part in graph.parts:
        if trigger.reach(part):
            reached.append(part)
            ids.append(part.id)
            if part.alternative:
                second_source[part.id] = part.alternative
    states: dict[int, dict[str, State]] = {}
    stops: dict[int, tuple[str, ...]] = {}
    for day in DAYS:
        states[day] = {}
        for part in reached:
            states[day][part.id] = trigger.state(part, day)
        stops[day] = _in_state(reached, states[day], "stops")
    served: dict[str, dict[int, State]] = {}
    capacity: dict[str, dict[int, int]] = {}
    for service, tree in graph.trees.items():
        served[service] = {}
        capacity[service] = {}
        for day in DAYS:
            served[service][day] = _state(tree, states[day])
            capacity[service][day] = _left(graph, service, states[day])
    first = states[DAYS[0]]
    return Drill(
        trigger=trigger,
        foreign=_foreign(graph, trigger),
        reached=tuple(ids),
        stops=stops,
        ages=_in_state(reached, first, "ages"),
        shrinks=_in_state(reached, first, "shrinks"),
        undecided=_in_state(reached, first, "undecided"),
        second_source=second_source,
        reserve=_reserve(graph, reached, first),
        survives=len(graph.parts) - len(reached),
        served=served,
        capacity=capacity,
        certain=not graph.unknown,
    )


def _in_state(parts: Iterable[Dependency], states: Mapping[str, State], wanted: State) -> tuple[str, ...]:
    """Return the ids of the parts in a state, in the order of the parts."""
    return tuple(part.id for part in parts if states[part.id] == wanted)


def _reserve(graph: Graph, reached: Iterable[Dependency], states: Mapping[str, State]) -> dict[str, int]:
    """Return the pieces in store and the planned spares of parts that are no longer replaced."""
    reserve: dict[str, int] = {}
    for part in reached:
        has_reserve = part.stock is not None or part.id in graph.spares
        if states[part.id] == "shrinks" and has_reserve:
            reserve[part.id] = (part.stock or 0) + graph.spares.get(part.id, 0)
    return reserve


def _foreign(graph: Graph, trigger: Trigger) -> bool:
    """Return whether a trigger comes from outside the European Economic Area."""
    if trigger.kind == "country":
        return not home(trigger.name)
    if trigger.kind == "export-rule":
        return _is_foreign_rule(trigger.name)
    for part in graph.parts:
        reach = trigger.reach(part)
        # A holder is foreign by the jurisdiction over it, or by the place where it makes a part.
        if reach == "hold" and part.law and not home(part.law):
            return True
        if reach == "supply" and part.origin and not home(part.origin):
            return True
    return False


def _is_foreign_rule(name: str) -> bool:
    """Return whether the export rule of an id is a country's outside."""
    return any(rule["id"] == name and not home(rule["country"]) for rule in rules())


def _state(tree: FaultGate, states: Mapping[str, State]) -> State:
    """Return a service's state: the worst that its tree lets through."""
    for number, state in enumerate(_WORST[:-1]):
        # A part in a worse state is in this state too.
        bad = set(_WORST[: number + 1])
        if fails(tree, _ids_in(states, bad).__contains__):
            return state
    return "runs"


def _ids_in(states: Mapping[str, State], wanted: Collection[State]) -> set[str]:
    """Return the ids of the parts in one of some states."""
    ids: set[str] = set()
    for name, state in states.items():
        if state in wanted:
            ids.add(name)
    return ids


def _left(graph: Graph, served: str, states: Mapping[str, State]) -> int:
    """Return the percentage of a service's accelerators in pools that have not stopped, rounded down."""
    down = _ids_in(states, {"stops"})
    pools = graph.pools[served]
    left = whole = 0
    for tree, gpus in pools:
        whole += gpus
        if not fails(tree, down.__contains__):
            left += gpus
    return 100 * left // whole


def part_sets(graph: Graph, served: str) -> list[list[str]]:
    """Return the smallest sets of parts, of at most three, whose loss stops a service."""
    return _sorted(minimal_sets(graph.trees[served], MOST)) if served in graph.trees else []


def holder_sets(graph: Graph, served: str, day: int) -> list[list[str]]:
    """Return the smallest sets of holders whose withdrawal stops a service within some days.

    Parts without a described holder are left out; they could add sets. States are no holders: see
    `country_sets`.
    """
    return _labelled(graph, served, day, lambda part: None if part.id.startswith("site:") else part.holder)


def country_sets(graph: Graph, served: str, day: int) -> list[list[str]]:
    """Return the smallest sets of countries that stop a service within some days.

    The country of a part is the jurisdiction over its holder.
    """
    return _labelled(graph, served, day, lambda part: part.law)


def _labelled(
    graph: Graph, served: str, day: int, label: Callable[[Dependency], str | None]
) -> list[list[str]]:
    """Return minimal sets of the labels of the parts that have stopped by a day.

    Args:
        graph: the parts and trees.
        served: `training` or `inference`.
        day: days after the cut.
        label: returns a part's holder or country; None for a part that cannot fail.
    """
    if served not in graph.trees:
        return []
    names: dict[str, str | None] = {}
    for part in graph.parts:
        if part.described and part.state(day) == "stops":
            names[part.id] = label(part)
    return _sorted(minimal_sets(graph.trees[served], MOST, names.get))


def _sorted(sets: Iterable[frozenset[str]]) -> list[list[str]]:
    """Return sets in a stable order, smallest first."""
    lists: list[list[str]] = []
    for cut in sets:
        members = sorted(cut)
        lists.append(members)
    return sorted(lists, key=lambda members: (len(members), members))

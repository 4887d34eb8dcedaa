"""Deployments that are cut short, without a cluster: what is there at each moment, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import orjson

from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.departures import departing
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.renames import moves, planned_renames
from sovereign_ai.deploy.moves.successors import MOVABLE, components_of
from sovereign_ai.deploy.moves.zone_moves import zone_moves
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.removal.withdrawal import _ORDER
from sovereign_ai.render.kubernetes.bundle import Bundle
from tests.daytwo.probes import Described
from tests.deploy.moves.test_departures import Live, drained, real_nodes

Object = dict[str, Any]
Told = set[tuple[str, str, str]]


def moments(old: Bundle, new: Bundle) -> Iterator[tuple[str, list[Object]]]:
    """Yield the objects of a cluster after each step from one bundle to another, with the step.

    First what leaves and policies judge is withdrawn, namespaces with all that is in them. Then namespaces
    enter their new zones. Then objects are written, kind by kind, the record of the description among them.
    What else leaves is deleted at the end.
    """
    wanted = {resource_name(obj): obj for obj in new.objects}
    live: dict[str, Object] = {resource_name(obj): obj for obj in old.objects}
    leaving = {name: obj for name, obj in live.items() if name not in wanted}
    for kind in _ORDER:
        for name in [name for name, obj in leaving.items() if obj["kind"] == kind]:
            _delete(live, name)
            yield f"{name} is withdrawn", list(live.values())
    for batch in zone_moves(list(live.values()), new.objects):
        live.update((resource_name(obj), obj) for obj in batch)
        if batch:
            yield f"{len(batch)} {batch[0]['kind']} objects are moved", list(live.values())
    for kind, of_kind in groupby(wanted.items(), key=lambda item: item[1]["kind"]):
        live.update(of_kind)
        yield f"{kind} is written", list(live.values())
    for name in reversed(leaving):
        if name in live:
            _delete(live, name)
            yield f"{name} is deleted", list(live.values())


def _delete(live: dict[str, Object], name: str) -> None:
    """Delete an object, and with a namespace all that is in it."""
    obj = live.pop(name, None)
    if obj is not None and obj["kind"] == "Namespace":
        inside = [other for other in live if _namespace(live[other]) == obj["metadata"]["name"]]
        for other in inside:
            del live[other]


def _namespace(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("namespace", ""))


class Run:
    """A deployment that was cut short.

    Attributes:
        old: what was deployed before.
        new: what is deployed.
        nodes: the machines, of which a deployment changes nothing but the cordon.
        noted: what the run took for renamed when it began.
    """

    def __init__(self, old: Described, new: Described) -> None:
        self.old, self.new, self.nodes = old, new, real_nodes(old)
        live: Any = self.live(list(old.bundle.objects))
        bundle = new.bundle
        found = planned_renames(live, bundle.objects, new.factory, new.plan, bundle.cluster)
        self.noted = Renames.from_data(found.to_data(), is_resumed=True)
        assert self.noted == Renames(found.components, found.places, is_resumed=True)

    def live(self, objects: list[Object]) -> Live:
        """Return a cluster with some objects and all machines."""
        live = Live(self.new, self.nodes)
        live.objects = [*objects, *self.nodes]
        return live

    def told(self, objects: list[Object], noted: Renames | None, wanted: Described | None = None) -> Told:
        """Return what is told of renames and removals, wherever things move."""
        new = wanted or self.new
        found = moves(
            [*objects, *self.nodes],
            new.bundle.objects,
            Usage(),
            new.factory,
            new.plan,
            new.bundle.cluster,
            noted,
        )
        return {(move.kind, move.old, move.new) for move in found if not move.place}

    def cordon(self) -> None:
        """Drain the machines that leave, as the run does first of all."""
        live: Any = self.live(list(self.old.bundle.objects))
        was = {}
        for departure in departing(live, self.new.factory, self.new.plan, self.new.bundle, self.noted):
            was[departure.node] = orjson.dumps(departure.was).decode()
        for node in self.nodes:
            if node["metadata"]["name"] in was:
                drained(node, was[node["metadata"]["name"]])

    def drained(self, objects: list[Object], wanted: Described, noted: Renames | None) -> set[str]:
        """Return the machines that a deployment drains then."""
        live: Any = self.live(objects)
        found = departing(live, wanted.factory, wanted.plan, wanted.bundle, noted)
        return {departure.node for departure in found}


def require_what_is_there(old: Described, new: Described, third: Described) -> None:
    """See that after a run that was cut short another description is told of nothing that is not there."""
    run, words = Run(old, new), {word: prefix for prefix, word in MOVABLE.items()}
    other = Renames(run.noted.components, run.noted.places)
    before = "nothing is done", list(old.bundle.objects)
    for step, objects in (before, *moments(old.bundle, new.bundle)):
        there = components_of([*objects, *run.nodes])
        for kind, name, _ in run.told(objects, other, third):
            if kind in words:
                assert f"{words[kind]}.{name}" in there, step


def require_one_story(old: Described, new: Described) -> None:
    """See that a run that goes on tells and drains what the first one did, wherever that was cut short."""
    run, before = Run(old, new), list(old.bundle.objects)
    told, leaving = run.told(before, None), run.drained(before, new, None)
    assert run.told(before, run.noted) == told
    assert run.drained(before, new, run.noted) == leaving
    run.cordon()
    # Whoever deploys something else knows what the run that was cut short had taken for renamed.
    other = Renames(run.noted.components, run.noted.places)
    for step, objects in moments(old.bundle, new.bundle):
        assert run.told(objects, run.noted) <= told, step
        assert run.drained(objects, new, run.noted) <= leaving, step
        assert run.drained(objects, new, other) <= leaving, step
        assert run.drained(objects, old, other) == set(), step

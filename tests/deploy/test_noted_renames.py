"""A run that was cut short and goes on takes for renamed what the first one took, wherever it was cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.component_move import Usage
from sovereign_ai.deploy.departures import departing
from sovereign_ai.deploy.noted_renames import Renames
from sovereign_ai.deploy.renames import moves, planned_renames
from tests.daytwo.probes import Described
from tests.daytwo.table import Change, changes, part_of
from tests.deploy.test_departures import Live, drained, real_nodes
from tests.support.cut_runs import Object, moments

CHOSEN = frozenset(
    {
        "a tenant is renamed",
        "a tier is renamed",
        "a pool is renamed",
        "a zone of high trust is renamed",
        "a tenant takes the name that another gives up",
        "a zone takes the name that another gives up",
        "a pool and its tenant move to a new zone",
        "the first site is given up for the second",
        "everything has another name",
        "every label is another",
    }
)
"""Changes that stand for all others where there is no time for these."""
Told = set[tuple[str, str, str]]


def _params() -> Iterator[Any]:
    """Yield every change of which both descriptions deploy, those that do not stand for others marked."""
    for change in part_of(changes(), os.environ.get("PART", "")):
        if not change.refused:
            marks = [] if change.name in CHOSEN else [pytest.mark.daytwo]
            yield pytest.param(change, id=change.name, marks=marks)


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
        self.noted = Renames.from_data(found.to_data(), goes_on=True)
        assert self.noted == Renames(found.components, found.places, goes_on=True)

    def live(self, objects: list[Object]) -> Live:
        """Return a cluster with some objects and all machines."""
        live = Live(self.new, self.nodes)
        live.objects = [*objects, *self.nodes]
        return live

    def told(self, objects: list[Object], noted: Renames | None) -> Told:
        """Return what is told of renames and removals, wherever things move."""
        new, cluster = self.new, self.new.bundle.cluster
        found = moves(
            [*objects, *self.nodes], new.bundle.objects, Usage(), new.factory, new.plan, cluster, noted
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


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("change", list(_params()))
def test_wherever_a_run_is_cut_short_the_next_one_tells_and_drains_what_the_first_one_did(
    change: Change, way: str
) -> None:
    ends = Described.of(change.before), Described.of(change.after)
    old, new = ends if way == "there" else ends[::-1]
    if old.bundle.cluster != new.bundle.cluster:
        pytest.skip("the cluster has another name, and is another deployment")
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


def test_once_a_run_has_come_to_its_end_nothing_is_told_of_what_it_renamed() -> None:
    for change in changes():
        if change.name in CHOSEN:
            old, new = Described.of(change.before), Described.of(change.after)
            run = Run(old, new)
            run.nodes = real_nodes(new)
            assert run.told(list(new.bundle.objects), run.noted) == set()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"components": [], "places": "?"},
        {"components": {"a": 3}, "places": {"site": {"a": None}, "b": 1}},
    ],
)
def test_what_is_no_note_is_none(data: dict[str, Any]) -> None:
    assert Renames.from_data(data) == Renames()

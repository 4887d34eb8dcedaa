"""What is told of the way between any two descriptions is what a deployment then does, without a cluster.

The descriptions are the ends of the table's changes: a way between two of them changes many things at once,
as nobody has written down.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from sovereign_ai.deploy.changes import compare
from sovereign_ai.deploy.engine.partial_run import partial_run
from sovereign_ai.deploy.moves.component_move import Move, Usage
from sovereign_ai.deploy.moves.component_places import places_of
from sovereign_ai.deploy.moves.departures import departing
from sovereign_ai.deploy.moves.renames import moves
from sovereign_ai.deploy.moves.successors import MOVABLE, component_of
from sovereign_ai.deploy.objects import resource_name, stated
from sovereign_ai.deploy.removal.withdrawal import withdrawn
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.bundle import Bundle
from sovereign_ai.verify.defaults import completed
from tests.daytwo.probes import Described
from tests.daytwo.table import BESIDE, changes
from tests.deploy.moves.test_departures import Live, real_nodes
from tests.deploy.test_changes import DIGESTS, HEAD, PROVIDER, ROOT, resource, seen

SEEDS, SHORT = 60, 2
DESCRIPTIONS, PAIRS = 10, 25
"""Descriptions of a seed, and how many ways between them it tries."""
_FIXED = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
"""Fields of a storage class that no API server lets anybody change."""
_FIELDS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}


@cache
def described(name: str) -> Described:
    """Return what a change of the table leads to."""
    [change] = [change for change in changes() if change.name == name]
    return Described.of(change.after)


def ways(seed: int) -> list[tuple[str, str]]:
    """Draw ways between ends of the table's changes."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    drawn = dice.sample(_names(), DESCRIPTIONS)
    return [(first, second) for first, second in (dice.sample(drawn, 2) for _ in range(PAIRS))]


@cache
def _names() -> tuple[str, ...]:
    """Name the changes that deploy; a process knows the rows of one catalog only."""
    names = []
    for change in changes():
        if not change.refused and not {BESIDE, "catalog"} & change.after.keys():
            names.append(change.name)
    return tuple(names)


class Way:
    """A deployment of one description over another one on real machines."""

    def __init__(self, old: Described, new: Described) -> None:
        self.old, self.new, self.nodes = old, new, real_nodes(old)
        self.live = [*old.bundle.objects, *self.nodes]
        cluster = new.bundle.cluster
        self.moves = moves(self.live, new.bundle.objects, Usage(), new.factory, new.plan, cluster)
        self.before = {resource_name(obj): obj for obj in old.bundle.objects}
        self.after = {resource_name(obj): obj for obj in new.bundle.objects}

    @property
    def api(self) -> Any:
        """The cluster before it."""
        live = Live(self.new, self.nodes)
        live.objects = self.live
        return live

    def told(self) -> list[Move]:
        """Return the moves that tell of a component that goes or gets another name."""
        return [move for move in self.moves if not move.place and move.kind in MOVABLE.values()]


def require_truth(way: Way) -> None:
    """See that what is told of a way is what is done on it."""
    _require_components(way)
    _require_namespaces(way)
    _require_machines(way)
    _require_classes(way)
    _require_gateways(way)
    _require_objects(way)


def _require_components(way: Way) -> None:
    """See that each component that goes is told once, and each heir is a new one and nobody else's."""
    prefixes = {word: prefix for prefix, word in MOVABLE.items()}
    told = Counter(f"{prefixes[move.kind]}.{move.old}" for move in way.told())
    heirs = Counter(f"{prefixes[move.kind]}.{move.new}" for move in way.told() if move.new)
    gone = _described(way.old) - _described(way.new)
    with_objects = {component_of(obj) for obj in way.old.bundle.objects} & gone
    assert with_objects <= told.keys() <= gone
    assert heirs.keys() <= _described(way.new) - _described(way.old)
    assert {*told.values(), *heirs.values()} <= {1}


def _described(end: Described) -> set[str]:
    names = set()
    for prefix, field in _FIELDS.items():
        names.update(f"{prefix}.{part.name}" for part in getattr(end.factory, field))
    return names


def _require_namespaces(way: Way) -> None:
    """See that each namespace of a tenant that is deleted with all that is in it is told, and no other."""
    gone = set()
    for name, obj in way.before.items():
        if obj["kind"] == "Namespace" and name not in way.after and component_of(obj).startswith("tenant."):
            gone.add(obj["metadata"]["name"])
    told = {move.old for move in way.moves if move.kind == "namespace"}
    for move in way.moves:
        for cost in move.costs:
            if named := re.fullmatch(r"everything else in namespaces? (.+) (?:is|are) deleted", cost):
                told.update(re.split(r", | and ", named[1]))
    assert told == gone


def _require_machines(way: Way) -> None:
    """See that each pool of which machines are drained is told, and that whose drain is told is drained."""
    new = way.new
    pools = {}
    for node in way.nodes:
        pools[node["metadata"]["name"]] = node["metadata"]["labels"][KEYS.pool]
    leaving = departing(way.api, new.factory, new.plan, new.bundle)
    drained = {pools[departure.node] for departure in leaving}
    told, promised = set(), set()
    for move in way.moves:
        costs = [cost for cost in move.costs if move.kind == "pool" and "node" in cost]
        told.update(move.old for _ in costs)
        promised.update(move.old for cost in costs if "`up` drains" in cost)
    assert promised <= drained <= told


def _require_classes(way: Way) -> None:
    """See that a storage class is told to be made again if it is, and to be changed if its places are."""
    remade, moved, told, told_again = set(), set(), set(), set()
    for name, obj in way.before.items():
        if obj["kind"] != "StorageClass":
            continue
        after = way.after.get(name)
        is_remade = after is None or any(obj.get(field) != after.get(field) for field in _FIXED)
        if is_remade:
            remade.add(obj["metadata"]["name"])
        elif not set(places_of(obj)) <= set(places_of(after)):
            moved.add(obj["metadata"]["name"])
    for move in way.moves:
        told.update(move.old for _ in range(move.kind == "storage tier"))
        for cost in move.costs:
            if named := re.fullmatch(r"storage class(?:es)? (.+) (?:is|are) (made again|changed)", cost):
                (told_again if named[2] == "made again" else told).update(named[1].split(", "))
    assert told_again <= remade <= told | told_again
    assert moved <= told


def _require_gateways(way: Way) -> None:
    """See that each gateway that goes is told once, and each that takes its place is a new one."""
    before = {gateway.name for gateway in way.old.factory.gateways}
    after = {gateway.name for gateway in way.new.factory.gateways}
    there = {obj["metadata"]["name"] for obj in way.old.bundle.objects if obj["kind"] == "NetworkPolicy"}
    told: Counter[str] = Counter()
    heirs: Counter[str] = Counter()
    for move in way.moves:
        if move.kind == "gateway" and not move.place:
            told[move.old] += 1
            heirs.update([move.new] if move.new else [])
    assert told.keys() == {name for name in before - after if f"gateway-{name}" in there}
    assert heirs.keys() <= after - before
    assert {*told.values(), *heirs.values()} <= {1}


def _require_objects(way: Way) -> None:
    """See that every object that is made, changed or deleted is named, and no other."""
    live = [completed(obj) for obj in way.old.bundle.objects]
    found = compare(way.new.bundle, DIGESTS, PROVIDER, _state(way.old.bundle), seen(live))
    changed = set()
    for name in way.before.keys() & way.after.keys():
        if stated(way.before[name]) != stated(way.after[name]):
            changed.add(name)
    assert set(found.create) == way.after.keys() - way.before.keys()
    assert set(found.update) == changed
    assert set(found.delete) == way.before.keys() - way.after.keys()
    assert (found.adopt, found.restore, found.vanished) == ((), (), 0)
    assert {resource_name(obj) for obj in withdrawn(way.api, way.new.bundle.objects, "lab")} <= {
        *found.delete
    }
    part = partial_run(found, way.new.bundle, DIGESTS, _state(way.old.bundle))
    if part is not None:
        assert {*found.create, *found.update} <= part.objects


def _state(bundle: Bundle) -> Checkpoint:
    """Return what a state holds after a bundle was deployed."""
    root = {"urn": ROOT, "type": "sovereign:index:FactoryDeployment", "inputs": dict(DIGESTS)}
    provider = {
        "urn": f"{HEAD}p::lab",
        "type": "pulumi:providers:kubernetes",
        "parent": ROOT,
        "inputs": PROVIDER,
    }
    resources: list[dict[str, Any]] = [root, provider]
    for name, objects in bundle.by_component().items():
        part = resource("sovereign:index:Part", name, ROOT, {"component": name, "objects": len(objects)})
        resources.append(part)
        for obj in objects:
            kind = f"kubernetes:{obj['kind']}"
            resources.append(resource(kind, resource_name(obj), part["urn"], stated(obj)))
    return Checkpoint(b"", "", datetime.now(UTC), "", tuple(resources), (), "")


SEEDED = [
    pytest.param(seed, marks=[] if seed < SHORT else [pytest.mark.daytwo], id=f"seed {seed}")
    for seed in range(SEEDS)
]


@pytest.mark.parametrize("seed", SEEDED)
def test_what_is_told_of_the_way_between_two_descriptions_is_what_a_deployment_does(seed: int) -> None:
    for first, second in ways(seed):
        old, new = described(first), described(second)
        if old.bundle.cluster == new.bundle.cluster:
            try:
                require_truth(Way(old, new))
            except AssertionError as error:
                error.add_note(f"from {first!r} to {second!r}")
                raise


DESCRIBED_BEFORE = (
    "a zone is given up for one in which nothing was",
    "a pool is given up for one that comes from the site beside",
    "a tier is given up for one that comes from the site beside",
    "a tenant is given up for one that comes from the site beside",
    "a gateway is given up for one whose zone had no tenant",
)


@pytest.mark.parametrize("name", DESCRIBED_BEFORE)
def test_what_was_described_before_takes_nobodys_place_although_it_had_nothing_on_the_cluster(
    name: str,
) -> None:
    old, new = ends(name)
    assert {move.new for move in Way(old, new).told()} <= {""}
    require_truth(Way(old, new))
    require_truth(Way(new, old))


@pytest.mark.parametrize("name", ["a tier moves to the site beside", "a tier becomes an object store"])
def test_a_tier_that_stays_without_its_storage_class_is_told_with_the_volumes_of_that(name: str) -> None:
    old, new = ends(name)
    require_truth(Way(old, new))
    [move] = Way(old, new).moves
    assert (move.kind, move.old, move.new) == ("storage tier", "models", "models")
    volume = {"spec": {"storageClassName": "models", "capacity": {"storage": "2T"}}}
    claim = {"metadata": {"namespace": "startups"}, "spec": {"storageClassName": "models"}}
    live, bundle = old.bundle.objects, new.bundle
    usage = Usage(volumes=(volume,), claims=(claim,))
    [found] = moves(live, bundle.objects, usage, new.factory, new.plan, bundle.cluster)
    assert found.costs == (
        "1 volume (2 TB) keeps the old storage class's name, and no new claim can have it",
        "1 volume claim waits for its storage class, and gets no volume",
    )


def ends(name: str) -> tuple[Described, Described]:
    """Return what a change of the table starts from and leads to."""
    [change] = [change for change in changes() if change.name == name]
    return Described.of(change.before), Described.of(change.after)

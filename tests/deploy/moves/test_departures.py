"""Which nodes leave or become other machines, and which have arrived."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.deploy.live.deployed_record import record_in
from sovereign_ai.deploy.moves.departures import (
    CORDONED_AS,
    Departure,
    arrivals,
    departing,
    departures,
    is_cordoned_here,
)
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.sim.nodes import node_objects
from tests.daytwo.edits import Data, edited
from tests.daytwo.probes import Described
from tests.daytwo.table import changes, described, written
from tests.render.lab import stack

CHANGES = {change.name: change for change in changes()}


def node(
    name: str, pool: str = "train", factory: str = "lab", annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    labels = {KEYS.owner: OWNER, KEYS.factory: factory, KEYS.pool: pool}
    meta = {"name": name, "labels": labels, "annotations": annotations or {}}
    return {"kind": "Node", "metadata": meta}


def test_machines_that_the_plan_lacks_or_moves_leave_and_no_other() -> None:
    _, plan = stack("lab")
    live = [
        node("train-001"),
        node("train-013"),
        node("train-002", pool="serve"),
        node("elsewhere", factory="other"),
        node("train-099", annotations={"kwok.x-k8s.io/node": "fake"}),
    ]
    for number, machine in enumerate(live):
        machine["metadata"]["uid"] = f"u{number}"
    leaving = departures(live, "lab", plan, "lab")
    assert leaving == (
        Departure("train-002", "it moves from pool serve to pool train"),
        Departure("train-013", "the plan does not contain it"),
    )
    assert [departure.uid for departure in leaving] == ["u2", "u1"]


def cordoned(
    name: str, pool: str = "train", by: str | None = OWNER, factory: str = "lab", **annotations: str
) -> dict[str, Any]:
    owners = {CORDON_OWNER: by} if by else {}
    made = node(name, pool, factory, {**owners, **annotations})
    made["metadata"]["resourceVersion"] = "7"
    return {**made, "spec": {"unschedulable": True}}


def test_a_drained_node_has_arrived_where_it_is_in_the_pool_that_the_plan_has_it_in() -> None:
    _, plan = stack("lab")
    live = [
        cordoned("train-001"),
        cordoned("train-002", pool="serve"),
        cordoned("train-003", by=None),
        cordoned("train-004", by="repair"),
        cordoned("train-099"),
        cordoned("train-005", factory="other"),
        {**cordoned("train-006"), "spec": {}},
    ]
    assert arrivals(live, "lab", plan, "lab") == ("train-001",)


def cordoned_by_manager(manager: str) -> dict[str, Any]:
    """Return a node with the annotations of a drain, which the manager cordoned last."""
    entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
    kubelet = {"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:labels": {}}}}
    each = cordoned("train-001", **{CORDONED_AS: '{"hall":"somewhere"}'})
    each["metadata"]["managedFields"] = [kubelet, entry]
    return each


@pytest.mark.parametrize("manager", ["sovereign-ai", "python-urllib3"])
def test_the_cordon_of_a_drain_is_known_by_who_set_it(manager: str) -> None:
    assert is_cordoned_here(cordoned_by_manager(manager))


def test_annotations_that_an_uncordoned_drain_left_make_nobody_elses_cordon_ours() -> None:
    """`kubectl uncordon`, and weeks later `kubectl cordon`: nothing is lifted, and nothing evicted anew."""
    _, plan = stack("lab")
    again = cordoned_by_manager("kubectl-cordon")
    assert arrivals([again], "lab", plan, "lab") == ()
    assert departures([again], "lab", plan, "lab") == ()
    again["metadata"]["annotations"][CORDONED_AS] = "{}"
    assert arrivals([again], "lab", plan, "lab") == ()


def test_a_node_whose_first_change_has_come_and_which_is_drained_for_another_has_not_arrived() -> None:
    _, plan = stack("lab")
    here = cordoned("train-001")
    assert arrivals([here], "lab", plan, "lab") == ("train-001",)
    assert arrivals([here], "lab", plan, "lab", [Departure("train-001", "it moves to another hall")]) == ()


@cache
def described_as(text: str) -> Described:
    """Return a description as written; each is planned and rendered once."""
    return Described.of(yaml.safe_load(text))


def of(data: Data) -> Described:
    return described_as(written(data))


def real_nodes(described: Described) -> list[dict[str, Any]]:
    """Return the planned nodes as kubelets and the vendor's programs have them on a cluster of a user."""
    nodes = copy.deepcopy(node_objects(described.factory, described.plan, described.bundle.cluster))
    for each in nodes:
        each["metadata"]["annotations"] = {}
    return nodes


class Live:
    """A cluster that stands at a description."""

    def __init__(self, at: Described, nodes: list[dict[str, Any]] | None = None) -> None:
        self.objects = [*at.bundle.objects, *(real_nodes(at) if nodes is None else nodes)]

    def list(self, _version: str, kind: str, **_: Any) -> list[dict[str, Any]]:
        return [obj for obj in self.objects if obj["kind"] == kind]

    def get(self, version: str, kind: str, name: str, _namespace: str) -> dict[str, Any] | None:
        return next((obj for obj in self.list(version, kind) if obj["metadata"]["name"] == name), None)

    def many(self, calls: Any) -> list[Any]:
        return [call() for call in calls]


def leaving(old: Described, new: Described, nodes: list[dict[str, Any]] | None = None) -> dict[str, str]:
    live: Any = Live(old, nodes)
    found = departing(live, new.factory, new.plan, new.bundle)
    return {departure.node: departure.reason for departure in found}


def change(*edits: dict[str, Any], base: str = "lab") -> tuple[Described, Described]:
    before = described(base)
    return of(before), of(edited(before, edits))


SERVE = [f"serve-00{number}" for number in range(1, 5)]


@pytest.mark.parametrize(
    ("base", "edit", "reason"),
    [
        (
            "full",
            {"set": "pools[serve].mig", "to": None},
            "its MIG profile changes from 1g.10gb to none",
        ),
        (
            "lab",
            {"set": "pools[serve].system", "to": "dgx-h200"},
            "its system changes from dgx-h100 to dgx-h200",
        ),
        (
            "lab",
            {"set": "pools[serve].driver", "to": "575.57.08"},
            "its driver changes from 580.95.5 to 575.57.08",
        ),
    ],
)
def test_a_pool_that_becomes_other_machines_leaves(base: str, edit: dict[str, Any], reason: str) -> None:
    old, new = change(edit, base=base)
    assert leaving(old, new) == dict.fromkeys(SERVE, reason)


@pytest.mark.parametrize(
    ("name", "nodes", "reason"),
    [
        ("a pool moves to another zone", 4, "it moves from zone open to zone restricted"),
        ("a pool moves to a new hall", 4, "it moves from hall h1 to hall h2"),
        ("a pool shrinks by a machine", 1, "the plan does not contain it"),
        ("a pool is renamed", 4, "the plan does not contain it"),
        (
            "a second site comes with a pool and the first keeps the cluster",
            4,
            "the plan does not contain it",
        ),
    ],
)
def test_changes_of_the_table_that_make_machines_others(name: str, nodes: int, reason: str) -> None:
    old, new = of(CHANGES[name].before), of(CHANGES[name].after)
    found = leaving(old, new)
    assert len(found) == nodes
    assert set(found.values()) == {reason}


@pytest.mark.parametrize(
    "name",
    ["a site is renamed", "a zone of low trust is renamed", "a zone of high trust is renamed"],
)
def test_machines_of_a_place_that_is_only_renamed_stay(name: str) -> None:
    old, new = of(CHANGES[name].before), of(CHANGES[name].after)
    assert leaving(old, new) == {}


def test_zones_that_exchange_their_names_exchange_their_machines() -> None:
    found = CHANGES["two zones exchange their names"]
    # Whose pods may be where is what a zone decides, and both names are still described.
    assert len(leaving(of(found.before), of(found.after))) == 16


def test_a_machine_that_becomes_a_spare_leaves_and_a_spare_that_is_needed_does_not() -> None:
    fewer = [
        {"set": "pools[train].nodes", "to": 11},
        {"set": "pools[train].spares", "to": 2},
        {"set": "tenants[research].gpus", "to": 88},
    ]
    old, new = change(*fewer, base="full")
    assert leaving(old, new) == {"train-012": "it becomes a spare"}
    assert leaving(new, old) == {}


def test_what_changed_without_the_description_is_no_reason_to_leave() -> None:
    old, new = change({"set": "pools[serve].nodes", "to": 3}, {"set": "tenants[startups].gpus", "to": 24})
    nodes = real_nodes(old)
    for each in nodes:
        labels = each["metadata"]["labels"]
        labels["nvidia.com/cuda.driver-version.full"] = "535.104.05"
        labels[KEYS.hall] = labels["topology.kubernetes.io/region"] = "elsewhere"
        labels["node.kubernetes.io/instance-type"] = "p5.48xlarge"
    assert leaving(old, new, nodes) == {"serve-004": "the plan does not contain it"}


def test_a_driver_in_another_spelling_is_the_same_driver() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "580.95.05"})
    assert leaving(old, new) == {}


def test_a_machine_that_has_the_new_driver_already_stays() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    nodes = real_nodes(old)
    for each in nodes:
        if each["metadata"]["name"] == "serve-002":
            each["metadata"]["labels"]["nvidia.com/cuda.driver-version.full"] = "575.57.08"
    assert sorted(leaving(old, new, nodes)) == ["serve-001", "serve-003", "serve-004"]


def test_simulated_machines_and_those_of_others_never_leave() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    simulated = node_objects(old.factory, old.plan, old.bundle.cluster)
    assert leaving(old, new, simulated) == {}
    strangers = real_nodes(old)
    for each in strangers:
        each["metadata"]["labels"][KEYS.factory] = "other"
    assert leaving(old, new, strangers) == {}


def test_without_a_record_of_what_was_deployed_only_names_pools_and_zones_decide() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    assert departures(real_nodes(old), "lab", new.plan, "lab") == ()
    moved = of(CHANGES["a pool moves to another zone"].after)
    assert len(departures(real_nodes(old), "lab", moved.plan, "lab")) == 4


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"serve": 3}', '{"serve": {"driver": 3, "counted": "x"}}'),
        # Python reads no number of so many digits.
        f'{{"serve": {{"counted": "{"9" * 5000}"}}}}',
        "[" * 100_000,
    ],
)
def test_a_record_that_somebody_damaged_is_no_record(text: str) -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    data = {"factory": "lab", "cluster": "lab", "machines": text, "parts": text}
    record = record_in([{"kind": "ConfigMap", "metadata": {"name": "factory"}, "data": data}], "lab", "lab")
    assert departures(real_nodes(old), "lab", new.plan, "lab", record) == ()


def drained(each: dict[str, Any], was: str) -> dict[str, Any]:
    each["metadata"]["annotations"] = {CORDON_OWNER: OWNER, CORDONED_AS: was}
    each["spec"]["unschedulable"] = True
    return each


def test_a_drained_machine_arrives_once_it_shows_the_new_driver_or_the_change_is_taken_back() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    was = '{"driver":"580.95.5"}'
    waiting = [drained(each, was) for each in real_nodes(old) if each["metadata"]["name"] in SERVE]
    assert arrivals(waiting, "lab", new.plan, "lab") == ()
    assert arrivals(waiting, "lab", old.plan, "lab") == tuple(SERVE)
    configured = [drained(each, was) for each in real_nodes(new) if each["metadata"]["name"] in SERVE]
    assert arrivals(configured, "lab", new.plan, "lab") == tuple(SERVE)


def test_a_drained_machine_that_shows_no_driver_waits_for_a_person() -> None:
    old, new = change({"set": "pools[serve].driver", "to": "575.57.8"})
    waiting = drained(real_nodes(old)[-1], '{"driver":"580.95.5"}')
    labels = waiting["metadata"]["labels"]
    waiting["metadata"]["labels"] = {key: labels[key] for key in labels if "nvidia.com" not in key}
    (found,) = departures([waiting], "lab", new.plan, "lab")
    assert found.hidden == ("driver",)
    # Whoever uncordons it has decided.
    waiting["spec"]["unschedulable"] = False
    assert departures([waiting], "lab", new.plan, "lab") == ()


RENAMED = {
    "zone": (
        {"rename": "zone", "of": "restricted", "to": "secure"},
        {"rename": "zone", "of": "restricted", "to": "citadel"},
    ),
    "site": ({"rename": "site", "of": "fra1", "to": "muc1"}, {"rename": "site", "of": "fra1", "to": "ham1"}),
    "hall": ({"rename": "hall", "of": "h1", "to": "north"}, {"rename": "hall", "of": "h1", "to": "south"}),
    "region": ({"set": "sites[fra1].region", "to": "elbe"}, {"set": "sites[fra1].region", "to": "isar"}),
}
"""Kind of place to two other names of one."""


def cut_short(old: Described, new: Described) -> Iterator[list[dict[str, Any]]]:
    """Yield the objects of a cluster where a run is killed after each kind of objects, what leaves being
    still there, or gone already as what admission policies judge is.
    """
    wanted = {resource_name(obj): obj for obj in new.bundle.objects}
    kept = {resource_name(obj): obj for obj in old.bundle.objects}
    for objects in (dict(kept), {name: obj for name, obj in kept.items() if name in wanted}):
        yield list(objects.values())
        for _, of_kind in groupby(wanted.items(), key=lambda item: item[1]["kind"]):
            objects.update(of_kind)
            yield list(objects.values())


def drained_by(objects: list[dict[str, Any]], nodes: list[dict[str, Any]], new: Described) -> dict[str, str]:
    live: Any = Live(new, nodes)
    live.objects = [*objects, *nodes]
    return {each.node: each.reason for each in departing(live, new.factory, new.plan, new.bundle)}


@pytest.mark.parametrize("kind", RENAMED)
def test_a_name_that_was_given_half_way_drains_no_machine_whatever_is_deployed_next(kind: str) -> None:
    """The same description again, the old one, or one with a third name: nothing but a name differs."""
    base = described("lab")
    # A region has a name of its own before it gets another one.
    first = [{"set": "sites[fra1].region", "to": "rhine"}] if kind == "region" else []
    before = of(edited(base, first))
    second, third = (of(edited(base, [*first, edit])) for edit in RENAMED[kind])
    nodes = real_nodes(before)
    states = list(cut_short(before, second))
    assert len(states) > 40
    for objects in states:
        for following in (second, before, third):
            assert drained_by(objects, nodes, following) == {}


@pytest.mark.parametrize("kind", RENAMED)
def test_a_second_name_drains_no_machine_that_shows_the_first_one_still(kind: str) -> None:
    """Hosts are configured anew by another command, which nobody has run between the two renames."""
    base = described("lab")
    second, third = (of(edited(base, [edit])) for edit in RENAMED[kind])
    assert leaving(second, third, real_nodes(of(base))) == {}

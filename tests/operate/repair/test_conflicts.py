"""Writes to Nodes that somebody changed since: which changes stop them, and which do not.

A machine that falls silent gets taints from the node controller, each by a write of its own, so that in a
storm many decisions meet a newer resourceVersion and nothing that they rest on has changed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.operate.repair.controller import RepairController
from sovereign_ai.operate.repair.decide import Act, Policy
from sovereign_ai.operate.repair.policies import NodeGroup, Policies
from sovereign_ai.operate.repair.readiness import read_rule
from sovereign_ai.operate.repair.record import (
    ACCEPTANCE,
    ANNOTATION,
    CONTROLLER,
    HOLD,
    REPAIRS,
    REPLACES,
    Record,
    Step,
    read_record,
    write_repairs,
    write_verdict,
)
from sovereign_ai.operate.repair.view import (
    FATAL_CONDITIONS,
    MAINTENANCE,
    SPARE,
    NodeReports,
    PodCount,
    list_reports,
    observe_reports,
)
from sovereign_ai.operate.repair.watched import WatchedCluster, decision_basis
from tests.operate.repair.test_controller import NOW, PLACED, Cluster, acts, controller, refused
from tests.operate.repair.test_watched import Listed, read

MACHINE = "train-003"
BEFORE = (NOW - timedelta(days=1)).isoformat()
READINESS = "readiness.k8s.io/gpu"
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": BEFORE}
Node = dict[str, Any]
Change = Callable[[Node], object]


def silent(cluster: Cluster) -> None:
    """Let a machine be silent for a day."""
    conditions = cluster.nodes[MACHINE]["status"]["conditions"]
    conditions[0].update(status="Unknown", lastTransitionTime=BEFORE, lastHeartbeatTime=BEFORE)


def changed_before_write(cluster: Cluster, change: Change) -> Node:
    """Let somebody change the machine's Node just before the next write to it; return what it is then."""
    changed: Node = {}

    def meddle() -> None:
        cluster.before_write = lambda: None
        change(cluster.nodes[MACHINE])
        cluster.change(MACHINE, {})
        changed.update(copy.deepcopy(cluster.nodes[MACHINE]))

    cluster.before_write = meddle
    return changed


def annotate(key: str, value: str | None) -> Change:
    def change(node: Node) -> None:
        annotations = node["metadata"]["annotations"]
        annotations.pop(key, None)
        if value is not None:
            annotations[key] = value

    return change


def condition(kind: str, status: str = "True", **more: str) -> Change:
    def change(node: Node) -> None:
        others = [each for each in node["status"]["conditions"] if each["type"] != kind]
        node["status"]["conditions"] = [*others, {"type": kind, "status": status, **more}]

    return change


def taint(**fields: str) -> Change:
    return lambda node: node["spec"].setdefault("taints", []).append({"effect": "NoSchedule", **fields})


OTHERS_RECORD = Record(Step.ACCEPT, NOW, "another copy's").to_text()
STOPS: dict[str, Change] = {
    "hold": annotate(HOLD, "board on the bench"),
    "long hold": annotate(HOLD, "a" * 9000),
    "another copy's record": annotate(ANNOTATION, OTHERS_RECORD),
    "no record": annotate(ANNOTATION, None),
    "verdict": annotate(ACCEPTANCE, write_verdict(passed=False, now=NOW)),
    "repairs": annotate(REPAIRS, write_repairs([NOW])),
    "stands in": annotate(REPLACES, "train-001"),
    "another's cordon": annotate(CORDON_OWNER, "operator"),
    "uncordoned": lambda node: node["spec"].pop("unschedulable"),
    "ready": condition("Ready"),
    "silent anew": condition("Ready", "Unknown", lastTransitionTime=NOW.isoformat()),
    "maintenance": condition(MAINTENANCE),
    "of a policy": condition("DiskPressure"),
    "of NVSentinel": condition("GpuCheck", reason="GpuCheckIsNotHealthy", message="ErrorCode:1"),
    "spare": taint(key=SPARE, value="true"),
    "not ready by a rule": taint(key=READINESS),
    "made anew": lambda node: node["metadata"].update(uid="another"),
    **{kind: condition(kind) for kind in FATAL_CONDITIONS},
}
LEAVES: dict[str, Change] = {
    "taint of the node controller": taint(**UNREACHABLE),
    "heartbeat": lambda node: node["status"]["conditions"][0].update(lastHeartbeatTime=NOW.isoformat()),
    "another's annotation": annotate("example.com/note", "x"),
    "label": lambda node: node["metadata"].update(labels={"example.com/rack": "r1"}),
    "condition of nobody": condition("PIDPressure"),
    "capacity": lambda node: node["status"].update(capacity={"nvidia.com/gpu": "7"}),
}
POLICIES = Policies(
    Policy(),
    {
        "train-001": NodeGroup.model_validate(
            {"name": "a", "conditions": ["DiskPressure"], "readiness": "1 h"}
        )
    },
)


@pytest.fixture(params=["listed", "watched"])
def repaired(request: pytest.FixtureRequest) -> tuple[Listed, RepairController]:
    """Return a cluster with a silent machine whose restart is requested in the next round."""
    cluster = Listed()
    silent(cluster)
    watched: WatchedCluster | None = None
    if request.param == "watched":
        watched = read(cluster, *FATAL_CONDITIONS, *POLICIES.conditions(), readiness=True)
    repairer = RepairController(cluster, PLACED, POLICIES, "first", watched)  # type: ignore[arg-type]
    assert acts(cluster, repairer) == [(MACHINE, Act.CORDON)]
    if watched is not None:
        relist(watched)
    return cluster, repairer


def relist(watched: WatchedCluster) -> None:
    for follower in watched._followers:
        follower._list()


def step_of(cluster: Cluster) -> Step | None:
    record = read_record(cluster.nodes[MACHINE]["metadata"]["annotations"].get(ANNOTATION))
    return record.step if record else None


@pytest.mark.parametrize("name", STOPS)
def test_what_a_decision_rests_on_stops_its_write(
    repaired: tuple[Listed, RepairController], name: str
) -> None:
    cluster, repairer = repaired
    changed = changed_before_write(cluster, STOPS[name])
    (done,) = repairer.round(NOW)
    assert done.decision.act is Act.REBOOT
    assert done.refused == "the Node changed in the meantime"
    assert cluster.nodes[MACHINE] == changed


@pytest.mark.parametrize("name", LEAVES)
def test_what_no_decision_reads_does_not(repaired: tuple[Listed, RepairController], name: str) -> None:
    cluster, repairer = repaired
    changed = changed_before_write(cluster, LEAVES[name])
    (done,) = repairer.round(NOW)
    assert (done.decision.act, done.refused) == (Act.REBOOT, "")
    assert step_of(cluster) is Step.REBOOT
    # What the other one wrote is there still.
    node = cluster.nodes[MACHINE]
    for ours in (node, changed):
        del ours["metadata"]["resourceVersion"]
        for key in (ANNOTATION, REPAIRS):
            ours["metadata"]["annotations"].pop(key, None)
    assert node == changed


def test_a_node_that_changes_twice_is_left_to_the_next_round(
    repaired: tuple[Listed, RepairController],
) -> None:
    cluster, repairer = repaired
    cluster.before_write = lambda: cluster.change(MACHINE, {})
    (done,) = repairer.round(NOW)
    assert done.refused == "the Node changed in the meantime"
    assert step_of(cluster) is Step.DRAIN


def test_a_node_that_is_gone_by_then_is_left_alone(repaired: tuple[Listed, RepairController]) -> None:
    cluster, repairer = repaired

    def missing(path: str) -> None:
        if path == f"/api/v1/nodes/{MACHINE}" and cluster.before_write is gone:
            raise refused(404)

    def gone() -> None:
        cluster.change(MACHINE, {})
        cluster.before_request = missing

    cluster.before_write = gone
    (done,) = repairer.round(NOW)
    assert done.refused == "refused with 404"
    assert step_of(cluster) is Step.DRAIN


def test_a_copy_that_no_longer_leads_writes_nothing_at_the_second_look() -> None:
    """Nothing of this Node changed, and another copy may have drained other machines since."""
    seconds = {"passed": 0.0}
    cluster: Any = Cluster()
    silent(cluster)
    first = RepairController(cluster, PLACED, Policy(), "first", clock=lambda: seconds["passed"])
    assert acts(cluster, first) == [(MACHINE, Act.CORDON)]

    def stopped(node: Node) -> None:
        seconds["passed"] = 60.0
        node["metadata"]["annotations"][HOLD] = "look"
        controller(cluster, "second").round(NOW + timedelta(seconds=59))
        node["metadata"]["annotations"].pop(HOLD)

    changed_before_write(cluster, stopped)
    (done,) = first.round(NOW)
    assert done.refused == "the Node changed in the meantime"
    assert step_of(cluster) is Step.DRAIN


def test_a_spare_keeps_the_taints_that_came_in_between() -> None:
    cluster: Any = Cluster()
    spare = "train-004"
    cluster.nodes[spare]["spec"]["taints"] = [{"key": SPARE, "value": "true", "effect": "NoSchedule"}]
    silent(cluster)

    def meddle() -> None:
        cluster.before_write = lambda: None
        cluster.change(spare, {}, taints=[*cluster.nodes[spare]["spec"]["taints"], UNREACHABLE])

    def wait_for_the_second_write() -> None:
        cluster.before_write = meddle

    cluster.before_write = wait_for_the_second_write
    done = {each.decision.act: each.refused for each in controller(cluster).round(NOW)}
    assert done == {Act.CORDON: "", Act.ACTIVATE: ""}
    assert cluster.nodes[spare]["spec"]["taints"] == [UNREACHABLE]


def rich() -> Node:
    """Return a Node with all that a decision reads, and much that none does."""
    node = copy.deepcopy(Cluster().nodes[MACHINE])
    record = Record(Step.ACCEPT, NOW - timedelta(hours=1), "why", 1)
    node["metadata"]["labels"] = {"a": "b"}
    node["metadata"]["annotations"] = {
        ANNOTATION: record.to_text(),
        ACCEPTANCE: write_verdict(passed=True, now=NOW),
        REPLACES: "train-001",
        REPAIRS: write_repairs([NOW - timedelta(days=2)]),
        HOLD: "look",
        CORDON_OWNER: CONTROLLER,
        "example.com/note": "x",
    }
    node["spec"] = {
        "unschedulable": True,
        "podCIDR": "10.0.0.0/24",
        "taints": [
            {"key": SPARE, "value": "true", "effect": "NoSchedule"},
            {"key": READINESS, "effect": "NoSchedule"},
            dict(UNREACHABLE),
        ],
    }
    kinds = ["Ready", MAINTENANCE, "DiskPressure", "PIDPressure", "RdmaReady", *FATAL_CONDITIONS]
    conditions = []
    for kind in kinds:
        fields = {"type": kind, "status": "False", "lastTransitionTime": BEFORE, "lastHeartbeatTime": BEFORE}
        conditions.append({**fields, "reason": "r", "message": "m"})
    conditions.append(
        {
            "type": "GpuCheck",
            "status": "True",
            "reason": "GpuCheckIsNotHealthy",
            "message": "ErrorCode:48 GPU:0 Recommended Action=COMPONENT_RESET;",
            "lastTransitionTime": BEFORE,
        }
    )
    node["status"] = {"conditions": conditions, "capacity": {"nvidia.com/gpu": "8"}}
    return node


def leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every leaf."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path


VALUES = ("True", "Unknown", "other", NOW.isoformat(), "", None, False, OTHERS_RECORD)


def test_whatever_changes_an_observation_of_a_machine_changes_the_basis_of_its_decisions() -> None:
    rule = read_rule(
        {
            "spec": {
                "taint": {"key": READINESS},
                "conditions": [{"type": "RdmaReady", "requiredStatus": "True"}],
            }
        }
    )
    assert rule is not None
    reports = list_reports(Cluster())  # type: ignore[arg-type]
    types = {*FATAL_CONDITIONS, "DiskPressure"}

    def observed(node: Node, now: datetime) -> object:
        given = NodeReports([node], reports.rules, reports.slices, (), [rule])
        view = observe_reports(
            given,
            PLACED,
            now,
            lambda names: dict.fromkeys(names, PodCount(1)),
            more=lambda _machine: ("DiskPressure",),
            patience=lambda _machine: timedelta(hours=1),
        )
        return view.machines

    node = rich()
    basis = decision_basis(node, types, readiness=True)
    # What is held of it says the same.
    assert decision_basis(basis, types, readiness=True) == basis
    seen = 0
    for path in leaves(node):
        if path[-1] == "name" or path == ("metadata", "resourceVersion"):
            continue
        for value in VALUES:
            # The server has a truth for a cordon, and texts for all else.
            if value is False and path[-1] != "unschedulable":
                continue
            changed = copy.deepcopy(node)
            parent: Any = changed
            for key in path[:-1]:
                parent = parent[key]
            if value is None:
                del parent[path[-1]]
            else:
                parent[path[-1]] = value
            if observed(changed, NOW) != observed(node, NOW):
                seen += 1
                assert decision_basis(changed, types, readiness=True) != basis, (path, value)
    assert seen > 40

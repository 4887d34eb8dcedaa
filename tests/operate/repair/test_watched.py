"""What a watched cluster holds, when it is too old to decide on, and what wakes whoever waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster.api import UnreachableError
from sovereign_ai.errors import Problem
from sovereign_ai.operate.repair.record import HOLD
from sovereign_ai.operate.repair.view import observe_machines, observe_reports
from sovereign_ai.operate.repair.watched import WatchedCluster
from tests.operate.repair.test_controller import NOW, PLACED, Cluster

Object = dict[str, Any]


class Listed(Cluster):
    """A cluster whose lists a follower reads; nothing is watched."""

    server = "https://listed"

    def __init__(self) -> None:
        super().__init__()
        self.slices: list[Object] = []

    def pages(self, version: str, kind: str, **_how: bool) -> Any:
        kinds = {
            "NodeMaintenance": self.maintenances if version.startswith("maintenance.nvidia") else [],
            "Node": list(self.nodes.values()),
            "DeviceTaintRule": self.rules,
            "ResourceSlice": self.slices,
            "NodeReadinessRule": self.readiness,
        }
        yield "7", kinds[kind]


@pytest.fixture
def cluster() -> Listed:
    return Listed()


def read(cluster: Any, *conditions: str, readiness: bool = False) -> WatchedCluster:
    watched = WatchedCluster(cluster, PLACED, conditions, readiness=readiness)
    for follower in watched._followers:
        follower._list()
    return watched


def full(name: str, **metadata: Any) -> Object:
    """Return a Node as a kubelet writes it, with much that no decision reads."""
    conditions = [
        {"type": "Ready", "status": "True", "lastTransitionTime": NOW.isoformat(), "message": "kubelet is"},
        {"type": "MemoryPressure", "status": "False", "lastTransitionTime": NOW.isoformat()},
    ]
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "resourceVersion": "4",
            "managedFields": ["x" * 9000],
            **metadata,
        },
        "spec": {
            "podCIDR": "10.0.0.0/24",
            "unschedulable": True,
            "taints": [{"key": "a", "effect": "NoSchedule"}],
        },
        "status": {"conditions": conditions, "images": ["y" * 9000]},
    }


def test_of_a_node_is_held_what_decisions_read_and_no_more(cluster: Listed) -> None:
    cluster.nodes = {
        "train-001": full("train-001", annotations={"other": "z", "sovereign-ai.internal/repair": "{}"})
    }
    (node,) = read(cluster).reports().nodes
    assert node["metadata"]["resourceVersion"] == "4"
    assert node["metadata"]["annotations"] == {"sovereign-ai.internal/repair": "{}"}
    assert node["spec"] == {"unschedulable": True, "taints": [{"key": "a", "effect": "NoSchedule"}]}
    assert [row["type"] for row in node["status"]["conditions"]] == ["Ready"]
    assert len(json.dumps(node)) < 500


def test_conditions_of_a_policy_are_held_too(cluster: Listed) -> None:
    cluster.nodes = {"train-001": full("train-001")}
    (node,) = read(cluster, "MemoryPressure").reports().nodes
    assert [row["type"] for row in node["status"]["conditions"]] == ["Ready", "MemoryPressure"]


def test_an_annotation_longer_than_any_record_is_not_held(cluster: Listed) -> None:
    cluster.nodes = {"train-001": full("train-001", annotations={"sovereign-ai.internal/repair": "x" * 5000})}
    (node,) = read(cluster).reports().nodes
    assert node["metadata"]["annotations"] == {}


def test_a_node_of_nobodys_plan_and_a_slice_without_taints_are_not_held(cluster: Listed) -> None:
    cluster.slices = [
        {"metadata": {"name": "well", "resourceVersion": "1"}, "spec": {"devices": [{"name": "gpu-0"}]}},
        {
            "metadata": {"name": "ill", "resourceVersion": "2"},
            "spec": {
                "nodeName": "train-002",
                "devices": [{"name": "gpu-0"}, {"name": "gpu-1", "taints": [{}]}],
            },
        },
    ]
    reports = read(cluster).reports()
    assert "elsewhere" not in {node["metadata"]["name"] for node in reports.nodes}
    assert reports.slices == [
        {"spec": {"nodeName": "train-002", "devices": [{"name": "gpu-1", "taints": [{}]}]}}
    ]


def test_what_is_watched_is_observed_as_what_is_listed(cluster: Listed) -> None:
    cluster.break_gpu("train-003")
    view = observe_reports(read(cluster).reports(), PLACED, datetime.now(UTC), lambda _names: {})
    assert [machine.name for machine in view.machines if machine.faults] == ["train-003"]
    assert view.versions["train-003"] == "0"


def test_a_machine_that_a_rule_keeps_tainted_is_watched_as_it_is_listed(cluster: Listed) -> None:
    taint = {"key": "readiness.k8s.io/network", "effect": "NoSchedule"}
    required = [{"type": "NetworkReady", "requiredStatus": "True"}]
    metadata = {"name": "network", "resourceVersion": "1", "managedFields": ["y" * 9000]}
    cluster.readiness.append({"metadata": metadata, "spec": {"conditions": required, "taint": taint}})
    node = cluster.nodes["train-003"]
    node["spec"]["taints"] = [taint]
    unmet = {"type": "NetworkReady", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    node["status"]["conditions"].append({**unmet, "message": "x" * 9000})
    reports = read(cluster, readiness=True).reports()
    assert len(str(reports.readiness)) < 500
    said = []
    patience = {"train-003": timedelta(minutes=15)}.get
    for view in (
        observe_reports(reports, PLACED, NOW, lambda _names: {}, patience=patience),
        observe_machines(cluster, PLACED, NOW, patience=patience),  # type: ignore[arg-type]
    ):
        said.append([(each.name, str(each.faults[0])) for each in view.machines if each.faults])
    assert said == [[("train-003", "readiness.k8s.io/network")]] * 2
    # Without a policy that asks for it, nothing is read and nothing is a fault.
    unasked = read(cluster).reports()
    assert unasked.readiness == []
    assert [each.faults for each in observe_machines(cluster, PLACED, NOW).machines if each.faults] == []  # type: ignore[arg-type]


def test_who_maintains_a_machine_is_watched_as_it_is_listed(cluster: Listed) -> None:
    spec = {"nodeName": "train-003", "requestorID": "nvidia.network.operator", "drainSpec": {"force": True}}
    conditions = [{"type": "Ready", "status": "True", "reason": "Ready", "message": "x" * 9000}]
    metadata = {"namespace": "network", "name": "m", "resourceVersion": "1", "managedFields": ["y" * 9000]}
    cluster.maintenances.append({"metadata": metadata, "spec": spec, "status": {"conditions": conditions}})
    reports = read(cluster).reports()
    assert len(str(reports.maintenances)) < 500
    said = []
    for view in (
        observe_reports(reports, PLACED, NOW, lambda _names: {}),
        observe_machines(cluster, PLACED, NOW),  # type: ignore[arg-type]
    ):
        said.append({machine.name: machine.maintainer for machine in view.machines if machine.maintainer})
    text = "nvidia.network.operator, by NodeMaintenance network/m (Ready)"
    assert said == [{"train-003": text}] * 2


def test_nothing_is_decided_before_everything_is_listed(cluster: Listed) -> None:
    watched = WatchedCluster(cluster, PLACED)  # type: ignore[arg-type]
    with pytest.raises(UnreachableError, match="has not listed everything yet"):
        watched.reports()


def test_nothing_is_decided_on_what_is_older_than_a_lease(cluster: Listed) -> None:
    watched = read(cluster)
    watched._rules.problem = UnreachableError(Problem("unreachable", "nothing answers"))
    watched._rules._lose()
    assert watched.reports().nodes
    watched._rules._lost_at -= 16
    with pytest.raises(UnreachableError, match="nothing answers"):
        watched.reports()


def test_a_storm_wakes_once_and_a_heartbeat_never(cluster: Listed) -> None:
    cluster.nodes = {"train-001": full("train-001")}
    watched = read(cluster)
    assert watched.wait(0)
    assert not watched.wait(0)
    heartbeat = full("train-001", resourceVersion="5")
    heartbeat["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-27T12:00:10Z"
    watched._nodes._take(json.dumps({"type": "MODIFIED", "object": heartbeat}).encode())
    assert not watched.wait(0)
    for version in range(6, 1006):
        status = "True" if version % 2 else "False"
        flapping = full("train-001", resourceVersion=str(version))
        flapping["status"]["conditions"][0]["status"] = status
        watched._nodes._take(json.dumps({"type": "MODIFIED", "object": flapping}).encode())
    assert watched.wait(0)
    assert not watched.wait(0)
    assert len(watched.reports().nodes) == 1


def test_a_hold_of_many_letters_is_one(cluster: Listed) -> None:
    cluster.nodes = {"train-001": full("train-001", annotations={HOLD: "a" * 9000})}
    (machine,) = observe_reports(read(cluster).reports(), PLACED, NOW, lambda _names: {}).machines
    assert machine.held.startswith("a person holds it: aaa")


def test_a_health_event_whose_type_the_policy_of_others_names_is_one_still(cluster: Listed) -> None:
    event = {
        "type": "GpuCheck",
        "status": "True",
        "reason": "GpuCheckIsNotHealthy",
        "message": "ErrorCode:48 GPU:0 Recommended Action=COMPONENT_RESET;",
        "lastTransitionTime": NOW.isoformat(),
    }
    cluster.nodes["train-001"]["status"]["conditions"].append(event)
    listed = observe_machines(cluster, PLACED, NOW).machines  # type: ignore[arg-type]
    reports = read(cluster, "GpuCheck").reports()
    machines = observe_reports(reports, PLACED, NOW, lambda _names: {}).machines
    assert [machine.faults for machine in machines] == [machine.faults for machine in listed]
    assert machines[0].faults

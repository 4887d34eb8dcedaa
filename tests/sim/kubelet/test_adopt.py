from __future__ import annotations

import pytest

from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.sim.factory import simulate
from sovereign_ai.sim.faults import heal, inject
from sovereign_ai.sim.kubelet.adopt import adopt
from sovereign_ai.verify.nodes import stated_labels
from tests.sim.kubelet.conftest import FACTORY, PLAN
from tests.sim.plans import CLUSTER
from tests.verify.in_memory import InMemoryApi

OWN = {"kubernetes.io/hostname": "train-0001", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
STARTING = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def joined() -> InMemoryApi:
    """A cluster that one real machine has joined."""
    api = InMemoryApi()
    metadata = {"name": "train-0001", "labels": dict(OWN)}
    spec = {
        "providerID": "kind://docker/lab/train-0001",
        "taints": [STARTING, {"key": "strange", "effect": "NoSchedule"}],
    }
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": metadata,
            "spec": spec,
            "status": {"capacity": {"cpu": "2"}},
        }
    )
    return api


def test_a_real_node_stands_where_its_machine_stands_and_keeps_what_is_its_own() -> None:
    api = joined()
    assert adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"]) == 1
    live = api.live("Node", "train-0001")
    machine = next(node for node in PLAN.nodes if node.name == "train-0001")
    assert stated_labels(FACTORY, machine).items() <= live["metadata"]["labels"].items()
    assert "type" not in live["metadata"]["labels"]
    assert {one["key"] for one in live["spec"]["taints"]} == {KEYS.namespace_zone, STARTING["key"]}
    assert live["spec"]["providerID"] == "kind://docker/lab/train-0001"
    assert live["status"]["capacity"] == {"cpu": "2", "rdma/roce": "4"}


def test_adopting_again_writes_nothing() -> None:
    api = joined()
    adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"])
    api.asked.clear()
    assert adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"]) == 0
    assert api.asked == ["GET Node"]


def test_only_a_real_node_of_a_planned_name_can_be_adopted() -> None:
    api = joined()
    with pytest.raises(UsageError, match="no machine 'train-0009'"):
        adopt(api, FACTORY, PLAN, CLUSTER, ["train-0009"])
    with pytest.raises(EnvironmentLacksError, match="no node train-0002"):
        adopt(api, FACTORY, PLAN, CLUSTER, ["train-0002"])
    api.live("Node", "train-0001")["metadata"]["annotations"] = {"kwok.x-k8s.io/node": "fake"}
    with pytest.raises(UsageError, match="played by KWOK"):
        adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"])


def test_an_adopted_machine_is_left_to_its_kubelet_and_the_others_are_simulated() -> None:
    api = joined()
    adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"])
    before = api.get("v1", "Node", "train-0001")
    done = simulate(api, FACTORY, PLAN, CLUSTER, foreign=True)
    assert (done.nodes, done.slices) == (len(PLAN.nodes) - 1, 3)
    assert api.get("v1", "Node", "train-0001") == before
    assert "train-0001" not in {
        one["spec"]["nodeName"] for one in api.list("resource.k8s.io/v1", "ResourceSlice")
    }


def test_simulating_leaves_the_slices_of_a_real_machine_alone() -> None:
    from sovereign_ai.sim.kubelet.worker import publish
    from sovereign_ai.sim.slices import slice_objects

    api = joined()
    adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"])
    api.live("Node", "train-0001")["status"]["allocatable"] = {"nvidia.com/gpu": "8"}
    slices = [one for one in slice_objects(PLAN, CLUSTER) if one["spec"]["nodeName"] == "train-0001"]
    assert publish(api, slices, "train-0001", "nvidia.com/gpu")
    simulate(api, FACTORY, PLAN, CLUSTER, foreign=True)
    assert "train-0001" in {
        one["spec"]["nodeName"] for one in api.list("resource.k8s.io/v1", "ResourceSlice")
    }


def test_a_fault_taints_a_real_machine_as_it_does_a_simulated_one_and_adopting_keeps_the_taint() -> None:
    api = joined()
    adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"])
    api.live("Node", "train-0001")["status"]["allocatable"] = {"nvidia.com/gpu": "8"}
    assert inject(api, FACTORY, PLAN, "train-0001", gpu=3, xid=79)
    assert adopt(api, FACTORY, PLAN, CLUSTER, ["train-0001"]) == 0
    assert any(
        one["key"] == f"{KEYS.domain}/fault" for one in api.live("Node", "train-0001")["spec"]["taints"]
    )
    heal(api, FACTORY, PLAN, "train-0001")
    assert not any(
        one["key"] == f"{KEYS.domain}/fault" for one in api.live("Node", "train-0001")["spec"]["taints"]
    )

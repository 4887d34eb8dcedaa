from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.errors import UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.sim.allocation import read_holders
from sovereign_ai.sim.difference import FAULT
from sovereign_ai.sim.factory import remove, simulate
from sovereign_ai.sim.faults import CONDITION, faults, heal, inject
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi

FACTORY = factory_of(pool("train"), pool("cut", nodes=1, mig="1g.10gb"), pool("red", "mi300x-oam8", 1))
PLAN = plan_of(FACTORY)


def simulated() -> InMemoryApi:
    api = InMemoryApi()
    simulate(api, FACTORY, PLAN, CLUSTER)
    return api


def state(api: Api, name: str = "train-0001") -> tuple[bool, str, str]:
    """Whether the machine is tainted, how many devices it offers, and what it says."""
    node = api.get("v1", "Node", name)
    assert node is not None
    tainted = any(taint["key"] == FAULT for taint in node["spec"]["taints"])
    said = next(
        (one.get("message", "") for one in node["status"]["conditions"] if one["type"] == CONDITION), ""
    )
    return tainted, node["status"]["allocatable"]["nvidia.com/gpu"], said


def break_and_mend(api: Api) -> None:
    assert inject(api, FACTORY, PLAN, "train-0001", gpu=3, xid=79)
    assert state(api) == (True, "7", "GPU 3: Xid 79")
    assert inject(api, FACTORY, PLAN, "train-0001", gpu=5, xid=48)
    assert state(api) == (True, "6", "GPU 3: Xid 79, GPU 5: Xid 48")
    assert faults(api, FACTORY) == {("train-0001", 3): 79, ("train-0001", 5): 48}
    assert heal(api, FACTORY, PLAN, "train-0001") == 2
    assert state(api) == (False, "8", "")
    assert faults(api, FACTORY) == {}


def test_a_hardware_xid_takes_the_gpu_out_until_it_is_mended() -> None:
    break_and_mend(simulated())


def test_an_application_xid_is_recorded_and_takes_nothing_out() -> None:
    api = simulated()
    assert not inject(api, FACTORY, PLAN, "train-0001", gpu=3, xid=31)
    assert state(api) == (False, "8", "")
    assert faults(api, FACTORY) == {("train-0001", 3): 31}
    (rule,) = api.list("resource.k8s.io/v1", "DeviceTaintRule")
    assert rule["spec"]["taint"]["effect"] == "None"


def test_a_gpu_that_is_cut_loses_all_its_instances() -> None:
    api = simulated()
    inject(api, FACTORY, PLAN, "cut-0001", gpu=0, xid=94)
    assert state(api, "cut-0001")[1] == "49"
    assert len(api.list("resource.k8s.io/v1", "DeviceTaintRule")) == 7


def test_a_broken_machine_is_not_mended_by_simulating_again() -> None:
    api = simulated()
    inject(api, FACTORY, PLAN, "train-0001", gpu=3, xid=79)
    assert simulate(api, FACTORY, PLAN, CLUSTER).mended == 0
    assert state(api) == (True, "7", "GPU 3: Xid 79")


def test_removal_takes_faults_along() -> None:
    api = simulated()
    inject(api, FACTORY, PLAN, "train-0001", gpu=3, xid=79)
    remove(api, FACTORY, CLUSTER)
    assert api.objects == {}


@pytest.mark.parametrize(
    ("node", "gpu", "xid", "text"),
    [
        ("train-9999", 0, 79, "no machine 'train-9999'"),
        ("train-0001", 8, 79, "has no GPU 8"),
        ("train-0001", -1, 79, "has no GPU -1"),
        ("train-0001", 0, 1, "Xid 1 is not simulated"),
        ("red-0001", 0, 79, "no NVIDIA GPUs"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(node: str, gpu: int, xid: int, text: str) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        inject(simulated(), FACTORY, PLAN, node, gpu=gpu, xid=xid)
    assert caught.value.problems[0].hint


def claimer() -> list[dict[str, Any]]:
    """A pod that tolerates a broken machine and asks for one whole GPU by claim, and what it needs."""
    head = {"name": "claimer", "namespace": "default"}
    request = {
        "name": "gpu",
        "exactly": {"deviceClassName": "whole-gpu", "allocationMode": "ExactCount", "count": 1},
    }
    expression = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"
    container = {
        "name": "x",
        "image": "registry.example.com/ai/x",
        "resources": {"claims": [{"name": "gpu"}]},
    }
    spec = {
        "containers": [container],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "claimer"}],
        "nodeSelector": {KEYS.pool: "train"},
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
    }
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": "whole-gpu"},
            "spec": {"selectors": [{"cel": {"expression": expression}}]},
        },
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": head,
            "spec": {"devices": {"requests": [request]}},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec},
    ]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.cluster
def test_on_a_real_control_plane_a_broken_gpu_is_out_for_claims_as_well(small: Api) -> None:
    simulate(small, FACTORY, PLAN, CLUSTER)
    break_and_mend(small)
    for node in ("train-0001", "train-0002"):
        for gpu in range(8):
            inject(small, FACTORY, PLAN, node, gpu=gpu, xid=79)
        assert state(small, node)[1] == "0"
    for obj in claimer():
        small.create(obj)
    until(lambda: "claims" in str(claimer_status(small)))
    assert claimer_status(small)["phase"] == "Pending"
    heal(small, FACTORY, PLAN, "train-0002")
    until(lambda: claimer_status(small)["phase"] == "Running")
    held = read_holders(small, PLAN, CLUSTER)
    assert [holder for holder in held["train-0002"] if holder] == ["default/claimer"]
    for obj in reversed(claimer()):
        small.delete(
            obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")
        )
    heal(small, FACTORY, PLAN, "train-0001")
    remove(small, FACTORY, CLUSTER)


def claimer_status(api: Api) -> dict[str, Any]:
    pod = api.get("v1", "Pod", "claimer", "default")
    assert pod is not None
    status: dict[str, Any] = pod["status"]
    return status

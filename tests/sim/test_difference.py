"""The changes that bring live objects to the planned ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sovereign_ai.sim.difference import FAULT, changes, node_spec, owned_slice, taint_set, taints_of_others
from sovereign_ai.sim.factory import owned
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.sim.slices import slice_objects
from tests.sim.plans import CLUSTER, factory_of, plan_of

FACTORY = factory_of()
PLAN = plan_of(FACTORY)


@pytest.fixture
def wanted() -> dict[str, Any]:
    return node_objects(FACTORY, PLAN, CLUSTER)[0]


@pytest.fixture
def live(wanted: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(wanted)


def test_objects_are_made_restored_replaced_and_removed_by_name() -> None:
    def named(name: str, value: int) -> dict[str, Any]:
        return {"metadata": {"name": name}, "value": value}

    def judge(wanted: Any, live: Any) -> dict[str, Any] | str | None:
        if wanted["value"] == live["value"]:
            return None
        return "value" if live["value"] < 0 else {**wanted, "judged": True}

    planned = [named("same", 1), named("other", 2), named("stuck", 3), named("absent", 4)]
    change = changes(
        planned, [named("gone", 0), named("same", 1), named("other", 9), named("stuck", -1)], judge
    )
    assert change.make == (planned[3],)
    assert change.mend == ({**planned[1], "judged": True},)
    assert change.replace == (planned[2],)
    assert change.remove == (named("gone", 0),)


def test_a_node_as_planned_is_not_written(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    live["metadata"]["labels"]["example.com/theirs"] = "stays"
    live["status"]["nodeInfo"]["kubeProxyVersion"] = "fake"
    assert node_spec(wanted, live) is None


@pytest.mark.parametrize(
    "part", ["labels", "annotations", "taints", "capacity", "allocatable", "addresses", "nodeInfo"]
)
def test_a_change_of_any_planned_part_is_restored(
    wanted: dict[str, Any], live: dict[str, Any], part: str
) -> None:
    if part in {"labels", "annotations"}:
        live["metadata"][part].popitem()
    elif part == "taints":
        live["spec"]["taints"] = [{"key": "example.com/other", "effect": "NoSchedule"}]
    elif part == "addresses":
        live["status"]["addresses"] = []
    else:
        live["status"][part].popitem()
    restored = node_spec(wanted, live)
    assert isinstance(restored, dict)
    assert restored["metadata"]["name"] == wanted["metadata"]["name"]


def test_a_label_of_the_vendors_that_is_not_planned_is_removed(
    wanted: dict[str, Any], live: dict[str, Any]
) -> None:
    live["metadata"]["labels"]["nvidia.com/gpu.old"] = "true"
    restored = node_spec(wanted, live)
    assert isinstance(restored, dict)
    assert restored["metadata"]["labels"]["nvidia.com/gpu.old"] is None


def test_a_faulty_node_may_offer_less_and_keeps_its_taint(
    wanted: dict[str, Any], live: dict[str, Any]
) -> None:
    fault = {"key": FAULT, "value": "xid-79", "effect": "NoSchedule"}
    live["spec"].setdefault("taints", []).append(fault)
    live["status"]["allocatable"]["nvidia.com/gpu"] = "7"
    assert node_spec(wanted, live) is None
    live["metadata"]["labels"].clear()
    restored = node_spec(wanted, live)
    assert isinstance(restored, dict)
    assert fault in restored["spec"]["taints"]


def test_a_provider_id_can_be_set_and_not_changed(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    live["spec"]["providerID"] = ""
    assert isinstance(node_spec(wanted, live), dict)
    live["spec"]["providerID"] = "other://x"
    assert node_spec(wanted, live) == "spec.providerID"


def test_a_slice_of_another_owner_or_driver_is_replaced_and_other_devices_get_a_new_generation() -> None:
    (wanted, *_) = owned(slice_objects(PLAN, CLUSTER), {"train-0001": "uid-1"})
    live = copy.deepcopy(wanted)
    assert owned_slice(wanted, live) is None
    live["spec"]["devices"] = []
    renewed = owned_slice(wanted, live)
    assert isinstance(renewed, dict)
    assert renewed["spec"]["pool"]["generation"] == live["spec"]["pool"]["generation"] + 1
    live["metadata"]["ownerReferences"][0]["uid"] = "uid-2"
    assert owned_slice(wanted, live) == "metadata.ownerReferences"
    live["spec"]["driver"] = "other.example.com"
    assert owned_slice(wanted, live) == "spec.driver"


def test_taints_are_compared_without_their_time_and_controllers_taints_are_others() -> None:
    ready = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    own = {"key": "example.com/zone", "value": "a", "effect": "NoSchedule"}
    assert taint_set([ready | {"timeAdded": "2026-11-24T00:00:00Z"}]) == taint_set([ready])
    assert taints_of_others({"spec": {"taints": [ready, own]}}) == [ready]

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.sim.factory import simulate
from sovereign_ai.verify.nodes import stated_labels
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi
from tests.verify.small_bundle import check, small_bundle
from tests.verify.test_verdict import FACTORY, PLAN, memory


def found(api: InMemoryApi) -> list[tuple[str, str, str]]:
    return [(one.kind, one.resource, one.field) for one in check(api, FACTORY, PLAN).findings]


def set_label(key: str, value: str) -> Callable[[dict[str, Any]], object]:
    return lambda node: node["metadata"]["labels"].update({key: value})


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (set_label(KEYS.zone, "open"), f"metadata.labels[{KEYS.zone}]"),
        (set_label(KEYS.jurisdiction, "FR"), f"metadata.labels[{KEYS.jurisdiction}]"),
        (set_label(KEYS.rack, "h1-r999"), f"metadata.labels[{KEYS.rack}]"),
        (set_label(KEYS.scalable_unit, "elsewhere"), f"metadata.labels[{KEYS.scalable_unit}]"),
        (lambda node: node["spec"].update(taints=[]), "spec.taints"),
        (lambda node: node["spec"]["taints"].append({"key": "x", "effect": "NoExecute"}), "spec.taints"),
        (lambda node: node["spec"].update(providerID="sovereign-ai://x/y/z"), "spec.providerID"),
        (
            lambda node: node["status"]["allocatable"].update({"nvidia.com/gpu": "7"}),
            "status.allocatable[nvidia.com/gpu]",
        ),
        (lambda node: node["status"]["capacity"].pop("nvidia.com/gpu"), "status.capacity[nvidia.com/gpu]"),
        (
            lambda node: node["status"]["capacity"].update({"amd.com/gpu": "8"}),
            "status.capacity[amd.com/gpu]",
        ),
        (
            lambda node: node["status"]["addresses"][0].update(address="192.0.2.1"),
            "status.addresses[InternalIP]",
        ),
        (lambda node: node["spec"].update(podCIDR="10.200.0.0/26"), "spec.podCIDR"),
        (lambda node: node["status"]["conditions"][0].update(status="Unknown"), "status.conditions[Ready]"),
        (lambda node: node["status"].update(conditions=[]), "status.conditions[Ready]"),
    ],
)
def test_a_machine_that_is_not_as_planned_is_found_with_the_field(
    spoil: Callable[[dict[str, Any]], object], field: str
) -> None:
    api = memory()
    spoil(api.live("Node", "train-0001"))
    assert found(api) == [("changed", "Node/train-0001", field)]


def test_the_leaf_above_a_machine_is_a_label_that_is_compared() -> None:
    stated = stated_labels(FACTORY, PLAN.nodes[0], ("leaf-1", "spine-1"))
    assert (stated[KEYS.tier(0)], stated[KEYS.tier(1)]) == ("leaf-1", "spine-1")


def test_the_clusters_own_taints_are_expected() -> None:
    api = memory()
    api.live("Node", "train-0001")["spec"]["taints"].append(
        {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
    )
    assert found(api) == []


@pytest.mark.parametrize(
    ("taint", "also", "way"),
    [
        ("sovereign-ai.internal/fault", False, "repair run"),
        ("sovereign-ai.internal/fault", True, "sovereign-ai up"),
        ("example.com/fault", False, "sovereign-ai up"),
    ],
)
def test_the_taint_of_an_injected_fault_is_for_repair_and_not_for_a_deployment(
    taint: str, also: bool, way: str
) -> None:
    api = memory()
    live = api.live("Node", "train-0001")
    live["spec"]["taints"].append({"key": taint, "value": "xid-79", "effect": "NoSchedule"})
    if also:
        live["metadata"]["labels"][KEYS.rack] = "elsewhere"
    (finding,) = check(api, FACTORY, PLAN).findings
    assert way in finding.hint


def test_a_spare_without_its_taint_is_found() -> None:
    api = memory()
    api.live("Node", "train-0003")["spec"]["taints"].pop()
    assert found(api) == [("changed", "Node/train-0003", "spec.taints")]


def test_a_device_that_is_missing_from_a_slice_is_found_on_its_machine() -> None:
    api = memory()
    api.live("ResourceSlice", "train-0001-gpu-nvidia-com-0")["spec"]["devices"].pop()
    assert found(api) == [("changed", "Node/train-0001", "ResourceSlice[gpu.nvidia.com].devices")]


def test_a_machine_that_nobody_planned_is_foreign_and_a_control_plane_node_is_not() -> None:
    api = memory()
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "visitor"},
        "spec": {},
        "status": {},
    }
    api.put(node)
    assert found(api) == [("foreign", "Node/visitor", "")]
    api.live("Node", "visitor")["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    assert found(api) == []


def test_several_wrong_fields_of_a_machine_are_one_finding() -> None:
    api = memory()
    node = api.live("Node", "train-0001")
    node["metadata"]["labels"][KEYS.zone] = "open"
    node["spec"]["taints"] = []
    (finding,) = check(api, FACTORY, PLAN).findings
    assert len(finding.also) == 1
    assert str(finding).endswith("(and 1 more field)")


@pytest.mark.parametrize(
    "one",
    [
        pool("cut", nodes=2, mig="1g.10gb"),
        pool("rackscale", "gb200-nvl72-tray", 3),
        pool("red", "mi300x-oam8"),
        pool("gaudi", "gaudi3-oam8"),
    ],
)
def test_simulated_machines_of_every_kind_are_as_the_plan_wants_them(one: Any) -> None:
    factory = factory_of(one)
    plan = plan_of(factory, spares=1)
    api = InMemoryApi()
    simulate(api, factory, plan, CLUSTER)
    api.put(*small_bundle(factory, plan).objects)
    assert check(api, factory, plan).findings == ()


def test_beside_a_control_plane_node_machines_may_have_pods_in_the_range_next_to_the_plans() -> None:
    api = memory()
    block = IPv4Network(next(prefix.cidr for prefix in PLAN.prefixes if prefix.use == "pods"))
    beyond = next(half for half in block.supernet().subnets(new_prefix=block.prefixlen) if half != block)
    api.live("Node", "train-0002")["spec"]["podCIDR"] = f"{beyond.network_address}/26"
    assert found(api) == [("changed", "Node/train-0002", "spec.podCIDR")]
    control_plane = {"name": "cp", "labels": {"node-role.kubernetes.io/control-plane": ""}}
    api.put({"apiVersion": "v1", "kind": "Node", "metadata": control_plane, "spec": {}, "status": {}})
    assert found(api) == []

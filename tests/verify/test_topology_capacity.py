"""How many pods fit into the domains of a topology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sovereign_ai.verify.topology_capacity import largest_capacity, topology_capacity_of

LEVELS = ("unit", "rack")


def node(name: str, rack: str, cpu: str = "8", **spec: Any) -> dict[str, Any]:
    labels = {"pool": "train", "unit": "u0", "rack": rack}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "pods": "110"}},
    }


def pod(cpu: str, **more: Any) -> dict[str, Any]:
    container = {"resources": {"requests": {"cpu": cpu}}}
    return {"spec": {"containers": [container], **more.pop("spec", {})}, **more}


def fitting_pods(nodes: list[dict[str, Any]], pods: Sequence[dict[str, Any]] = (), **flavor: Any) -> Any:
    spec = {"nodeLabels": {"pool": "train"}, **flavor}
    capacity = topology_capacity_of({"template": pod("2")}, LEVELS, {"spec": spec}, nodes, pods)
    return capacity.fitting_pods, sum(map(len, capacity.lost.values()))


def test_nodes_of_one_rack_are_counted_together() -> None:
    counted, lost = fitting_pods([node("a", "r0"), node("b", "r0", cpu="5"), node("c", "r1")])
    assert counted == {("u0", "r0"): 6, ("u0", "r1"): 4}
    assert lost == 0


def test_the_largest_room_of_a_level_is_that_of_one_domain() -> None:
    counted: dict[tuple[str, ...], int] = {("u0", "r0"): 6, ("u0", "r1"): 4, ("u1", "r2"): 9}
    assert [largest_capacity(counted, level) for level in (0, 1)] == [10, 9]
    assert largest_capacity({}, 0) == 0


@pytest.mark.parametrize(("phase", "capacity"), [("Running", 2), ("Succeeded", 4)])
def test_a_pod_leaves_less_room_until_it_is_finished(phase: str, capacity: int) -> None:
    running = pod("4", spec={"nodeName": "a"}, status={"phase": phase})
    assert fitting_pods([node("a", "r0")], [running])[0] == {("u0", "r0"): capacity}


def test_the_pods_of_a_node_are_limited_by_number_too() -> None:
    full = node("a", "r0")
    full["status"]["allocatable"]["pods"] = "1"
    assert fitting_pods([full])[0] == {("u0", "r0"): 1}


@pytest.mark.parametrize(
    ("spec", "lost"),
    [
        ({"unschedulable": True}, 1),
        ({"taints": [{"key": "broken", "effect": "NoSchedule"}]}, 1),
        ({"taints": [{"key": "broken", "effect": "PreferNoSchedule"}]}, 0),
        ({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, 0),
    ],
)
def test_a_node_that_takes_no_pods_is_counted_as_lost(spec: dict[str, Any], lost: int) -> None:
    tolerated = [{"key": "gpu", "operator": "Exists"}]
    counted, number = fitting_pods([node("a", "r0", **spec)], tolerations=tolerated)
    assert number == lost
    assert bool(counted) is not bool(lost)


def test_a_node_of_another_pool_or_without_a_level_has_no_room() -> None:
    other, unlabelled = node("a", "r0"), node("b", "r0")
    other["metadata"]["labels"]["pool"] = "serve"
    del unlabelled["metadata"]["labels"]["rack"]
    assert fitting_pods([other, unlabelled]) == ({}, 0)

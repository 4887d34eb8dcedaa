from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.sim.factory import remove, simulate
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.spec.factory import ClusterLimits
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi

FACTORY = factory_of()
PLAN = plan_of(FACTORY)


def simulated(api: InMemoryApi, **more: Any) -> Any:
    api.asked.clear()
    return simulate(api, FACTORY, PLAN, CLUSTER, **more)


def writes(api: InMemoryApi) -> list[str]:
    return [one for one in api.asked if not one.startswith(("LIST", "GET"))]


def stranger(name: str, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {},
        "status": {},
    }


def test_machines_and_slices_are_made_and_a_second_call_writes_nothing() -> None:
    api = InMemoryApi()
    done = simulated(api)
    assert (done.nodes, done.ready, done.slices, done.created) == (3, 3, 3, 6)
    again = simulated(api)
    assert (again.created, again.mended, again.removed) == (0, 0, 0)
    assert writes(api) == []


def test_a_second_call_asks_a_bounded_number_of_questions() -> None:
    api = InMemoryApi()
    simulated(api)
    simulated(api)
    assert api.asked == ["LIST Node", "LIST ResourceSlice", "LIST Node"]


def test_a_slice_belongs_to_its_node() -> None:
    api = InMemoryApi()
    simulated(api)
    owner = api.live("ResourceSlice", "train-0001-gpu-nvidia-com-0")["metadata"]["ownerReferences"][0]
    assert owner["uid"] == api.live("Node", "train-0001")["metadata"]["uid"]


def _relabelled(node: dict[str, Any]) -> None:
    node["metadata"]["labels"][KEYS.zone] = "open"


def _untainted(node: dict[str, Any]) -> None:
    node["spec"]["taints"] = []


def _weakened(node: dict[str, Any]) -> None:
    node["status"]["allocatable"]["nvidia.com/gpu"] = "4"


@pytest.mark.parametrize("spoil", [_relabelled, _untainted, _weakened])
def test_what_was_changed_on_a_machine_is_restored(spoil: Callable[[dict[str, Any]], None]) -> None:
    api = InMemoryApi()
    simulated(api)
    before = api.get("v1", "Node", "train-0001")
    spoil(api.live("Node", "train-0001"))
    assert simulated(api).mended == 1
    assert api.get("v1", "Node", "train-0001") == before


def test_the_clusters_own_taints_and_labels_of_others_stay() -> None:
    api = InMemoryApi()
    simulated(api)
    node = api.live("Node", "train-0001")
    node["spec"]["taints"].append({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"})
    node["metadata"]["labels"]["example.com/rack-photo"] = "taken"
    assert simulated(api).mended == 0


def test_a_machine_that_is_gone_comes_back_with_slices_of_its_own() -> None:
    api = InMemoryApi()
    simulated(api)
    api.delete("v1", "Node", "train-0001")
    assert simulated(api).ready == 3
    owner = api.live("ResourceSlice", "train-0001-gpu-nvidia-com-0")["metadata"]["ownerReferences"][0]
    assert owner["uid"] == api.live("Node", "train-0001")["metadata"]["uid"]


def test_a_machine_that_moved_to_another_hall_is_made_anew() -> None:
    api = InMemoryApi()
    simulated(api)
    api.live("Node", "train-0001")["spec"]["providerID"] = "sovereign-ai://fra1/h9/train-0001"
    uid = api.live("Node", "train-0001")["metadata"]["uid"]
    simulated(api)
    assert api.live("Node", "train-0001")["metadata"]["uid"] != uid
    assert simulated(api).mended == 0


def test_machines_that_are_no_longer_planned_go_with_their_slices() -> None:
    api = InMemoryApi()
    simulate(api, factory_of(pool("train", nodes=5)), plan_of(factory_of(pool("train", nodes=5))), CLUSTER)
    fewer = factory_of(pool("train", nodes=1))
    done = simulate(api, fewer, plan_of(fewer), CLUSTER)
    assert done.removed == 8
    assert sorted(key[3] for key in api.objects) == ["train-0001", "train-0001-gpu-nvidia-com-0"]


def test_machines_that_go_take_their_pods_along_and_those_of_others_stay() -> None:
    api = InMemoryApi()
    more, fewer = factory_of(pool("train", nodes=5)), factory_of(pool("train", nodes=1))
    simulate(api, more, plan_of(more), CLUSTER)
    for name, node in (("stays", "train-0001"), ("goes", "train-0004"), ("waits", None)):
        metadata = {"name": name, "namespace": "research", "uid": name}
        api.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}})
    simulate(api, fewer, plan_of(fewer), CLUSTER)
    assert sorted(pod["metadata"]["name"] for pod in api.list("v1", "Pod")) == ["stays", "waits"]


def test_a_changed_device_list_is_restored_under_a_new_generation() -> None:
    api = InMemoryApi()
    simulated(api)
    live = api.live("ResourceSlice", "train-0001-gpu-nvidia-com-0")
    live["spec"]["devices"].pop()
    assert simulated(api).mended == 1
    live = api.live("ResourceSlice", "train-0001-gpu-nvidia-com-0")
    assert (len(live["spec"]["devices"]), live["spec"]["pool"]["generation"]) == (8, 2)
    assert simulated(api).mended == 0


def test_a_cluster_with_machines_of_others_is_refused_before_the_first_write() -> None:
    api = InMemoryApi()
    api.put(stranger("worker-1"))
    with pytest.raises(UsageError, match="not simulated: worker-1"):
        simulated(api)
    assert writes(api) == []


def test_a_foreign_cluster_may_be_meant_and_its_machines_are_not_touched() -> None:
    api = InMemoryApi()
    api.put(stranger("worker-1"))
    assert simulated(api, foreign=True).ready == 3
    remove(api, FACTORY, CLUSTER)
    assert [key[3] for key in api.objects] == ["worker-1"]


def test_beside_real_machines_simulated_ones_have_no_address_that_leads_out_of_the_cluster() -> None:
    alone, beside = InMemoryApi(), InMemoryApi()
    played = min(node.name for node in PLAN.nodes_of(CLUSTER))
    beside.put(
        {
            **stranger(played),
            "metadata": {"name": played, "labels": {KEYS.owner: "sovereign-ai", KEYS.factory: FACTORY.name}},
        }
    )
    simulated(alone)
    simulated(beside, foreign=True)
    assert kinds_of_addresses(alone, played) == {"InternalIP", "Hostname"}
    assert kinds_of_addresses(beside, played) == {"Hostname"}


def kinds_of_addresses(api: InMemoryApi, left_out: str) -> set[str]:
    nodes = [node for node in api.list("v1", "Node") if node["metadata"]["name"] != left_out]
    return {address["type"] for node in nodes for address in node["status"]["addresses"]}


def test_a_planned_name_that_somebody_elses_machine_bears_is_refused_even_on_a_foreign_cluster() -> None:
    api = InMemoryApi()
    api.put(stranger("train-0001"))
    with pytest.raises(UsageError, match="have planned names: train-0001"):
        simulated(api, foreign=True)


def test_machines_that_nothing_plays_are_named_after_the_wait() -> None:
    api = InMemoryApi()
    api.plays_nodes = False
    with pytest.raises(EnvironmentLacksError, match="3 machines are not Ready") as caught:
        simulated(api, wait_seconds=0)
    assert "KWOK" in caught.value.problems[0].hint


def test_pod_ranges_are_given_once_and_never_twice() -> None:
    api = InMemoryApi()
    simulated(api)
    before = api.live("Node", "train-0002")["spec"]["podCIDR"]
    more = factory_of(pool("alpha", nodes=3), *FACTORY.pools)
    simulate(api, more, plan_of(more), CLUSTER)
    ranges = [obj["spec"]["podCIDR"] for key, obj in api.objects.items() if key[1] == "Node"]
    assert len(ranges) == len(set(ranges)) == 6
    assert api.live("Node", "train-0002")["spec"]["podCIDR"] == before


def test_a_pod_range_that_is_too_small_is_refused_before_anything_is_written() -> None:
    api = InMemoryApi()
    tight = replace(PLAN, prefixes=(replace(PLAN.prefixes[0], cidr="10.0.0.0/25"),))
    with pytest.raises(UsageError, match=r"no part of /26 .* made: train-0002"):
        simulate(api, FACTORY, tight, CLUSTER)
    assert writes(api) == []


def test_machines_that_go_leave_their_pod_ranges_to_those_that_come() -> None:
    api = InMemoryApi()
    prefixes = (replace(PLAN.prefixes[0], cidr="10.0.0.0/24"),)
    simulate(api, FACTORY, replace(PLAN, prefixes=prefixes), CLUSTER)
    renamed = factory_of(pool("alpha"), pool("beta", nodes=2, zone="open"))
    simulate(api, renamed, replace(plan_of(renamed), prefixes=prefixes), CLUSTER)
    ranges = [obj["spec"]["podCIDR"] for key, obj in api.objects.items() if key[1] == "Node"]
    assert sorted(ranges) == ["10.0.0.0/26", "10.0.0.128/26", "10.0.0.192/26", "10.0.0.64/26"]


@pytest.mark.parametrize(
    "other",
    [("mi300x-oam8", {}), ("gaudi3-oam8", {}), ("gb200-nvl72-tray", {}), ("dgx-h100", {"mig": "1g.10gb"})],
)
def test_a_machine_that_becomes_another_keeps_nothing_of_what_it_was(
    other: tuple[str, dict[str, str]],
) -> None:
    system, more = other
    api = InMemoryApi()
    simulated(api)
    changed = factory_of(pool("train", system, **more), pool("serve", system, nodes=1, zone="open", **more))
    for factory in (changed, FACTORY):
        derived = plan_of(factory)
        simulate(api, factory, derived, CLUSTER)
        for wanted in node_objects(factory, derived, CLUSTER):
            live = api.live("Node", wanted["metadata"]["name"])
            assert live["metadata"]["labels"] == wanted["metadata"]["labels"]
            assert {part: live["status"][part] for part in wanted["status"]} == wanted["status"]
        api.asked.clear()
        simulate(api, factory, derived, CLUSTER)
        assert writes(api) == []


def test_a_label_that_somebody_else_added_stays_on_a_machine_that_changes() -> None:
    api = InMemoryApi()
    simulated(api)
    api.live("Node", "train-0001")["metadata"]["labels"]["example.com/team"] = "blue"
    changed = factory_of(pool("train", "mi300x-oam8"), pool("serve", nodes=1, zone="open"))
    simulate(api, changed, plan_of(changed), CLUSTER)
    assert api.live("Node", "train-0001")["metadata"]["labels"]["example.com/team"] == "blue"


def test_a_machine_gets_the_address_that_the_plan_gives_it_now() -> None:
    api = InMemoryApi()
    simulated(api)
    moved = replace(
        PLAN,
        nodes=tuple(replace(node, address=f"172.16.0.{number}") for number, node in enumerate(PLAN.nodes, 2)),
    )
    assert simulate(api, FACTORY, moved, CLUSTER).mended == 3
    assert api.live("Node", moved.nodes[0].name)["status"]["addresses"][0]["address"] == "172.16.0.2"


def test_a_machine_is_made_anew_where_its_pods_get_addresses_of_another_range_or_are_more() -> None:
    api = InMemoryApi()
    simulated(api)
    elsewhere = replace(PLAN, prefixes=(replace(PLAN.prefixes[0], cidr="10.48.0.0/16"),))
    assert simulate(api, FACTORY, elsewhere, CLUSTER).created == 6
    more = FACTORY.model_copy(update={"clusters": ClusterLimits(nodes=1_000, pods_per_node=110)})
    for factory, derived, beginning, length in (
        (FACTORY, elsewhere, "10.48.", "/26"),
        (more, elsewhere, "10.48.", "/24"),
    ):
        simulate(api, factory, derived, CLUSTER)
        ranges = [obj["spec"]["podCIDR"] for key, obj in api.objects.items() if key[1] == "Node"]
        assert len(set(ranges)) == 3
        assert all(one.startswith(beginning) and one.endswith(length) for one in ranges)


def test_removal_leaves_nothing_and_works_on_a_server_without_device_taints() -> None:
    api = InMemoryApi(unserved=["DeviceTaintRule"])
    simulated(api)
    assert remove(api, FACTORY, CLUSTER) == 6
    assert api.objects == {}


def test_progress_says_what_is_done() -> None:
    lines: list[str] = []
    simulated(InMemoryApi(), progress=lines.append)
    assert lines == ["tiny: 3 machines to make, 0 to restore, 0 to remove", "tiny: 3 of 3 machines ready"]


@pytest.mark.cluster
def test_on_a_real_control_plane_machines_of_every_vendor_are_ready_and_come_back(small: Api) -> None:
    one = factory_of(
        pool("train", nodes=3),
        pool("cut", nodes=1, mig="1g.10gb"),
        pool("tray", "gb200-nvl72-tray"),
        pool("red", "mi300x-oam8"),
        pool("gaudi", "gaudi3-oam8"),
    )
    plan = plan_of(one, spares=1)
    first = simulate(small, one, plan, CLUSTER)
    assert (first.ready, first.created) == (15, 27)
    again = simulate(small, one, plan, CLUSTER)
    assert (again.created, again.mended, again.removed) == (0, 0, 0)
    small.delete("v1", "Node", "train-0001")
    small.apply(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "train-0002", "labels": {KEYS.zone: "open"}},
        },
        field_manager="somebody",
        force=True,
    )
    mended = simulate(small, one, plan, CLUSTER)
    assert (mended.created, mended.mended) == (2, 1)
    addresses = {node["spec"]["podCIDR"] for node in small.list("v1", "Node")}
    assert len(addresses) == 15
    remove(small, one, CLUSTER)
    assert small.list("v1", "Node") == small.list("resource.k8s.io/v1", "ResourceSlice") == []

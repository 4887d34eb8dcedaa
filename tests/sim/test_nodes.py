from __future__ import annotations

import re
from typing import Any

import pytest

from sovereign_ai.names import KEYS, MANAGEMENT_ROLE
from sovereign_ai.plan.factory import plan
from sovereign_ai.sim.nodes import SPARE, node_objects, with_cache_time
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool
from tests.plan import factories as planner
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

LABEL_VALUE = re.compile(r"^(|[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)$")


def first(factory: AIFactory, name: str, *, spares: int = 0) -> dict[str, Any]:
    return next(
        obj
        for obj in node_objects(factory, plan_of(factory, spares=spares), CLUSTER)
        if obj["metadata"]["name"] == name
    )


def planned(*pools: GpuNodePool) -> list[dict[str, Any]]:
    factory = factory_of(*pools)
    return node_objects(factory, plan_of(factory), CLUSTER)


def test_a_dgx_h100_carries_the_labels_of_feature_discovery_and_of_its_place() -> None:
    labels = first(factory_of(), "train-0001")["metadata"]["labels"]
    wanted = {
        "kubernetes.io/hostname": "train-0001",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "fra1",
        "topology.kubernetes.io/zone": "h1",
        "node.kubernetes.io/instance-type": "dgx-h100",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.family": "hopper",
        "nvidia.com/gpu.compute.major": "9",
        "nvidia.com/gpu.compute.minor": "0",
        "nvidia.com/cuda.driver-version.full": "580.95.05",
        "nvidia.com/cuda.driver-version.revision": "05",
        KEYS.zone: "restricted",
        KEYS.jurisdiction: "DE",
        KEYS.pool: "train",
        "type": "kwok",
    }
    assert wanted.items() <= labels.items()


def test_a_nodes_tiers_are_the_switches_above_it_the_leaf_first() -> None:
    factory, plan = stack("lab")
    labels = node_objects(factory, plan, plan.clusters[0].name)[0]["metadata"]["labels"]
    assert labels[KEYS.tier(0)] == "compute-fra1-p0-leaf-r0-001"
    assert labels[KEYS.tier(1)] == "compute-fra1-p0-spine-001"
    assert KEYS.tier(2) not in labels


def test_deprecated_labels_and_a_clique_without_a_rack_scale_domain_are_left_out() -> None:
    labels = first(factory_of(), "train-0001")["metadata"]["labels"]
    assert not {"nvidia.com/cuda.driver.major", "nvidia.com/gpu.clique", KEYS.nvlink_domain} & labels.keys()


def test_a_gb200_tray_is_an_arm64_node_of_four_gpus_in_a_clique_that_its_rack_shares() -> None:
    nodes = planned(pool("rackscale", "gb200-nvl72-tray", 19))
    labels = [obj["metadata"]["labels"] for obj in nodes]
    assert {one["kubernetes.io/arch"] for one in labels} == {"arm64"}
    assert {obj["status"]["capacity"]["nvidia.com/gpu"] for obj in nodes} == {"4"}
    assert len({one["nvidia.com/gpu.clique"] for one in labels[:18]}) == 1
    assert labels[18]["nvidia.com/gpu.clique"] != labels[0]["nvidia.com/gpu.clique"]
    assert labels[18][KEYS.nvlink_domain] != labels[0][KEYS.nvlink_domain]


@pytest.mark.parametrize(
    ("machine", "resource"), [("mi300x-oam8", "amd.com/gpu"), ("gaudi3-oam8", "habana.ai/gaudi")]
)
def test_other_vendors_have_their_own_resource_and_none_of_nvidias_labels(
    machine: str, resource: str
) -> None:
    node = first(factory_of(pool("other", machine, 1)), "other-0001")
    assert node["status"]["allocatable"][resource] == "8"
    assert not [key for key in node["metadata"]["labels"] if key.startswith("nvidia.com/")]
    assert "nvidia.com/gpu" not in node["status"]["capacity"]


def test_mig_of_one_profile_counts_instances_under_the_whole_gpus_resource() -> None:
    node = first(factory_of(pool("cut", nodes=1, mig="1g.10gb")), "cut-0001")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "56"
    labels = node["metadata"]["labels"]
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"
    assert (labels["nvidia.com/gpu.count"], labels["nvidia.com/mig.strategy"]) == ("56", "single")


def test_a_dedicated_zone_taints_its_machines_and_a_spare_carries_one_taint_more() -> None:
    nodes = node_objects(factory_of(), plan_of(factory_of(), spares=1), CLUSTER)
    taints = {obj["metadata"]["name"]: [taint["key"] for taint in obj["spec"]["taints"]] for obj in nodes}
    assert taints["train-0001"] == [KEYS.namespace_zone]
    assert taints["train-0003"] == [KEYS.namespace_zone, SPARE]


def test_a_management_machine_has_the_label_and_the_taint_of_its_role_and_no_gpu() -> None:
    heads = planner.pool("heads", system="r660", purpose="management")
    factory = planner.factory(pools=[heads, planner.pool()])
    derived = plan(factory)
    node, *_ = node_objects(factory, derived, derived.clusters[0].name)
    assert node["metadata"]["labels"][MANAGEMENT_ROLE] == ""
    assert {"key": MANAGEMENT_ROLE, "effect": "NoSchedule"} in node["spec"]["taints"]
    assert not [key for key in node["status"]["capacity"] if "/gpu" in key]


def test_a_shared_zone_has_no_taint() -> None:
    factory = factory_of()
    shared = factory.zones[0].model_copy(
        update={"isolation": factory.zones[0].isolation.model_copy(update={"nodes": "shared"})}
    )
    open_zone = factory.model_copy(update={"zones": (shared, factory.zones[1])})
    assert "taints" not in first(open_zone, "train-0001")["spec"]


def test_every_label_value_is_one_that_kubernetes_accepts() -> None:
    factory = factory_of(
        pool("a-pool-with-a-name-of-length-31x", "gb200-nvl72-tray", 2), pool("cut", nodes=1, mig="1g.10gb")
    )
    for obj in node_objects(factory, plan_of(factory), CLUSTER):
        for value in obj["metadata"]["labels"].values():
            assert LABEL_VALUE.match(value), value


def test_rdma_resources_follow_the_fabrics_that_a_pool_joins() -> None:
    assert first(factory_of(), "train-0001")["status"]["capacity"]["rdma/roce"] == "4"


def test_the_same_plan_gives_the_same_nodes() -> None:
    assert planned() == planned()


def test_the_cache_time_grows_with_the_cluster_as_its_own_controller_would_have_it() -> None:
    node = planned()[0]
    times = [
        with_cache_time(node, count)["metadata"]["annotations"]["node.alpha.kubernetes.io/ttl"]
        for count in (1, 100, 101, 1000, 5000)
    ]
    assert times == ["0", "0", "15", "30", "300"]
    assert "node.alpha.kubernetes.io/ttl" not in node["metadata"]["annotations"]

"""Quotas of GPUs that are cut: they count what the nodes offer, and nothing is promised twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, only_shape, pool

GPU = "nvidia.com/gpu"


def _wish(*pools: dict[str, Any], **gpus: int | None) -> AIFactory:
    return factory(
        pools=list(pools),
        zones=[{"name": "z", "trust": "low", "tenants": list(gpus)}],
        tenants=[
            {"name": name, "seat": "DE"} | ({} if count is None else {"gpus": count})
            for name, count in gpus.items()
        ],
    )


def _quotas(wish: AIFactory, derived: Plan) -> tuple[dict[str, dict[str, int]], Counter[str]]:
    """Give each namespace's limits of devices, and what all queues have by resource."""
    objects = render(wish, derived, derived.clusters[0].name).objects
    hard = {
        obj["metadata"]["namespace"]: {
            name: int(amount)
            for name, amount in obj["spec"]["hard"].items()
            if "gpu" in name or "mig" in name
        }
        for obj in objects
        if obj["kind"] == "ResourceQuota"
    }
    queued: Counter[str] = Counter()
    for obj in objects:
        if obj["kind"] == "ClusterQueue":
            for one in obj["spec"]["resourceGroups"][0]["flavors"][0]["resources"]:
                queued[one["name"]] += int(one["nominalQuota"]) if one["name"] == GPU else 0
    return hard, queued


def _offered(wish: AIFactory, derived: Plan) -> int:
    nodes = node_objects(wish, derived, derived.clusters[0].name)
    return sum(int(node["status"]["allocatable"][GPU]) for node in nodes)


@pytest.mark.parametrize(("profile", "each"), [(None, 1), ("1g.10gb", 7), ("3g.40gb", 2), ("7g.80gb", 1)])
def test_quotas_and_queues_count_the_devices_that_nodes_offer(profile: str | None, each: int) -> None:
    wish = _wish(pool(nodes=2, mig=profile), team=None)
    derived = plan(wish)
    hard, queued = _quotas(wish, derived)
    assert _offered(wish, derived) == 16 * each
    assert queued[GPU] == 16 * each
    kind = "mig" if profile else "gpu"
    assert hard["team"] == {
        f"requests.{GPU}": 16 * each,
        f"{kind}.nvidia.com.deviceclass.resource.k8s.io/devices": 16 * each,
    }
    assert only_shape(wish).nodes * 8 == derived.clusters[0].namespaces[0].gpus[GPU]


def test_a_tenants_number_is_of_gpus_and_its_quota_of_their_instances() -> None:
    wish = _wish(pool(nodes=2, mig="1g.10gb"), one=4, other=12)
    hard, _ = _quotas(wish, plan(wish))
    assert {name: limits[f"requests.{GPU}"] for name, limits in hard.items()} == {"one": 28, "other": 84}


def test_where_some_gpus_of_a_zone_are_cut_and_others_whole_no_device_is_promised_twice() -> None:
    wish = _wish(
        pool(nodes=2),
        pool("cut", nodes=1, mig="1g.10gb"),
        pool("half", nodes=1, mig="3g.40gb"),
        one=5,
        other=7,
        third=None,
    )
    derived = plan(wish)
    hard, queued = _quotas(wish, derived)
    assert (
        sum(limits[f"requests.{GPU}"] for limits in hard.values())
        == queued[GPU]
        == _offered(wish, derived)
        == 16 + 56 + 16
    )
    for kind, there in (("gpu", 16), ("mig", 72)):
        assert (
            sum(limits[f"{kind}.nvidia.com.deviceclass.resource.k8s.io/devices"] for limits in hard.values())
            == there
        )


def test_a_pool_of_another_zone_gives_a_namespace_none_of_its_devices() -> None:
    wish = factory(
        pools=[pool(nodes=2), pool("cut", nodes=1, zone="y", mig="1g.10gb")],
        zones=[
            {"name": "z", "trust": "low", "tenants": ["one"]},
            {"name": "y", "trust": "low", "tenants": ["other"]},
        ],
        tenants=[{"name": "one", "seat": "DE"}, {"name": "other", "seat": "DE"}],
    )
    hard, _ = _quotas(wish, plan(wish))
    suffix = "nvidia.com.deviceclass.resource.k8s.io/devices"
    assert hard["one"] == {f"requests.{GPU}": 16, f"gpu.{suffix}": 16, f"mig.{suffix}": 0}
    assert hard["other"] == {f"requests.{GPU}": 56, f"gpu.{suffix}": 0, f"mig.{suffix}": 56}

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.plan.clusters import PoolSlice
from sovereign_ai.render.kubernetes import queues, tenants
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.platform import Platform
from sovereign_ai.spec.zone import Isolation
from tests.render.lab import every, one, stack


@pytest.mark.parametrize("name", ["lab", "plural", "gigafactory"])
def test_a_pools_queue_has_what_its_machines_have_and_lends_to_no_other_zone(name: str):
    _, derived = stack(name)
    queues = {obj["metadata"]["labels"][KEYS.component]: obj["spec"] for obj in every("ClusterQueue", name)}
    for pool in derived.clusters[0].pools:
        spec = queues[f"pool.{pool.pool}"]
        quotas = {
            one["name"]: one["nominalQuota"] for one in spec["resourceGroups"][0]["flavors"][0]["resources"]
        }
        assert quotas[pool.resource] == str(pool.gpus)
        assert spec["namespaceSelector"] == {"matchLabels": {KEYS.namespace_zone: pool.zone}}
        assert "cohortName" not in spec


def test_a_topology_ends_at_the_machine_and_names_labels_that_the_machines_carry():
    from sovereign_ai.sim.nodes import node_objects

    factory, derived = stack("lab")
    nodes = node_objects(factory, derived, "lab")
    topologies = {
        obj["metadata"]["name"]: [level["nodeLabel"] for level in obj["spec"]["levels"]]
        for obj in every("Topology")
    }
    for flavour in every("ResourceFlavor"):
        levels = topologies[flavour["spec"]["topologyName"]]
        assert levels[-1] == "kubernetes.io/hostname"
        wanted = flavour["spec"]["nodeLabels"].items()
        served = [node for node in nodes if wanted <= node["metadata"]["labels"].items()]
        assert served
        assert all(level in node["metadata"]["labels"] for node in served for level in levels)


def test_lent_quota_is_divided_over_queues_of_one_cohort_that_take_it_back():
    factory, derived = stack("superpod")
    lent = [replace_fields(zone, idle_quota="lent") for zone in factory.zones]
    platform = Platform(queueing=("kueue",))
    lending = replace_fields(factory, zones=tuple(lent), platform=platform)
    cluster = derived.clusters[0]
    rendered = list(queues.objects(lending, cluster))
    specs = {obj["metadata"]["name"]: obj["spec"] for obj in rendered if obj["kind"] == "ClusterQueue"}
    quota = 0
    for spec in specs.values():
        assert (spec["cohortName"], spec["preemption"]["reclaimWithinCohort"]) == ("dgx", "Any")
        resources = spec["resourceGroups"][0]["flavors"][0]["resources"]
        quota += int(resources[-1]["nominalQuota"])
    assert quota == cluster.pools[0].gpus
    leads = {}
    for obj in rendered:
        if obj["kind"] == "LocalQueue":
            leads[obj["metadata"]["namespace"]] = obj["spec"]["clusterQueue"]
    assert leads == {"climate": "dgx.climate", "materials": "dgx.materials"}
    for space, name in leads.items():
        selector = specs[name]["namespaceSelector"]["matchLabels"]
        assert selector["kubernetes.io/metadata.name"] == space


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (2.0, "2"),
        (0.0, "0"),
        (0.5, "500m"),
        (1.25, "1250m"),
        (1500.0, "1500"),
        (2000.0, "2k"),
        (0.1, "100m"),
        (0.000_000_002, "2n"),
        (0.000_000_001_5, "2n"),
        (1_000_000_000.0, "1G"),
    ],
)
def test_the_weight_of_a_tenant_is_that_of_its_lending_queues_as_the_api_server_writes_it(
    weight: float, text: str
):
    factory = sharing(weight)
    derived = stack("superpod")[1]
    weights = {}
    for obj in queues.objects(factory, derived.clusters[0]):
        if obj["kind"] == "ClusterQueue":
            weights[obj["metadata"]["name"]] = obj["spec"].get("fairSharing")
    assert weights == {"dgx.climate": {"weight": text}, "dgx.materials": None}


def sharing(weight: float) -> AIFactory:
    """Return the superpod, whose tenants share what they lend; the first has a weight."""
    factory = stack("superpod")[0]
    lent = [replace_fields(zone, idle_quota="lent") for zone in factory.zones]
    tenants = []
    for tenant in factory.tenants:
        tenants.append(replace_fields(tenant, weight=weight if tenant.name == "climate" else None))
    platform = Platform(queueing=("kueue",), fair_sharing=("LessThanInitialShare",))
    shared = replace_fields(factory, zones=tuple(lent), tenants=tuple(tenants), platform=platform)
    assert isinstance(shared, AIFactory)
    return shared


def test_under_fair_sharing_no_queue_is_without_a_cohort_and_those_that_lend_nothing_share_theirs_with_none():
    """Without one Kueue 0.17 ends with a fault when work there finds too little to preempt."""
    factory, derived = stack("lab")
    zones = [replace_fields(zone, idle_quota="kept") for zone in factory.zones]
    zones[0] = replace_fields(zones[0], idle_quota="lent")
    platform = Platform(queueing=("kueue",), fair_sharing=("LessThanInitialShare",))
    shared = replace_fields(factory, zones=tuple(zones), platform=platform)
    cohorts = {}
    for obj in queues.objects(shared, derived.clusters[0]):
        if obj["kind"] == "ClusterQueue":
            cohorts[obj["metadata"]["name"]] = obj["spec"]["cohortName"]
    assert cohorts == {"train.research": "train", "serve": "serve"}


def test_tenants_write_no_queue_whose_weight_would_be_their_own():
    factory = sharing(2.0)
    derived = stack("superpod")[1]
    written = set()
    for obj in tenants.objects(factory, derived, derived.clusters[0]):
        for rule in obj.get("rules", ()):
            if set(rule["verbs"]) - {"get", "list", "watch"} and "kueue.x-k8s.io" in rule["apiGroups"]:
                written |= set(rule["resources"])
    assert written == set()


def test_a_namespace_of_a_zone_that_lends_may_hold_all_of_its_gpus():
    factory, derived = stack("superpod")
    lent = [replace_fields(zone, idle_quota="lent") for zone in factory.zones]
    lending = replace_fields(factory, zones=tuple(lent), platform=Platform(queueing=("kueue",)))
    limits = set()
    for obj in tenants.objects(lending, derived, derived.clusters[0]):
        if obj["kind"] == "ResourceQuota":
            limits.add(obj["spec"]["hard"]["requests.nvidia.com/gpu"])
    assert limits == {"1016"}


def replace_fields(model: Any, **fields: object) -> Any:
    """Return a copy of a part of a description with other fields, judged anew."""
    return type(model).model_validate(
        {**{key: getattr(model, key) for key in type(model).model_fields}, **fields}
    )


def test_local_queues_lead_to_a_queue_of_their_own_zone():
    queues = {obj["metadata"]["name"] for obj in every("ClusterQueue")}
    for obj in every("LocalQueue"):
        assert obj["spec"]["clusterQueue"] in queues
    assert one("LocalQueue", "train", "research")["spec"]["clusterQueue"] == "train"


def test_a_flavour_of_one_name_has_one_specification_whatever_the_pool_and_its_zone_become():
    seen: dict[str, set[str]] = {}
    for system, zone, isolation in product(
        ("dgx-h100", "gb200-nvl72-tray"), ("restricted", "open"), ("dedicated", "shared")
    ):
        factory, pool = _with(system, zone, isolation)
        spec = queues._flavour_spec(factory, pool)
        seen.setdefault(queues.flavour_name(factory, pool), set()).add(json.dumps(spec, sort_keys=True))
    assert len(seen) == 8
    assert all(len(specs) == 1 for specs in seen.values())


def _with(system: str, zone: str, isolation: str) -> tuple[AIFactory, PoolSlice]:
    """Return the lab with another isolation, and a slice of a pool of its."""
    factory, derived = stack("lab")
    zones = [one.model_copy(update={"isolation": Isolation(nodes=isolation)}) for one in factory.zones]
    changed = factory.model_copy(update={"zones": tuple(zones)})
    return changed, replace(derived.clusters[0].pools[0], system=system, zone=zone)

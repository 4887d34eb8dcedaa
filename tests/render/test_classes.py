from __future__ import annotations

import pytest

from sovereign_ai.names import KEYS
from tests.render.lab import every, one, stack


def test_a_storage_class_is_confined_encrypted_and_binds_late():
    scratch = one("StorageClass", "scratch")
    expressions = scratch["allowedTopologies"][0]["matchLabelExpressions"]
    assert expressions == [
        {"key": "topology.kubernetes.io/region", "values": ["fra1"]},
        {"key": "topology.kubernetes.io/zone", "values": ["h1"]},
    ]
    assert scratch["parameters"][f"{KEYS.domain}/encryption-key"] == "hsm-fra"
    assert (scratch["volumeBindingMode"], scratch["reclaimPolicy"]) == ("WaitForFirstConsumer", "Retain")
    assert not any("is-default-class" in str(obj) for obj in every("StorageClass"))


def test_device_classes_speak_the_vendors_own_cel():
    spec = one("DeviceClass", "gpu.nvidia.com")["spec"]
    assert spec["extendedResourceName"] == "nvidia.com/gpu"
    expression = spec["selectors"][0]["cel"]["expression"]
    assert expression == "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"


def test_several_vendors_have_their_own_classes_and_resources():
    names = {obj["metadata"]["name"] for obj in every("DeviceClass", "plural")}
    assert {"gpu.nvidia.com", "gpu.amd.com"} <= names
    assert {obj["metadata"]["name"] for obj in every("RuntimeClass", "plural")} == {"nvidia", "habana"}
    resources = {name for obj in every("ClusterQueue", "plural") for name in obj["spec"]["resourceGroups"][0]["coveredResources"]}
    assert {"nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi"} <= resources


@pytest.mark.parametrize("name", ["lab", "plural", "gigafactory"])
def test_a_pools_queue_has_what_its_machines_have_and_lends_to_no_other_zone(name: str):
    _, derived = stack(name)
    queues = {obj["metadata"]["labels"][KEYS.component]: obj["spec"] for obj in every("ClusterQueue", name)}
    for pool in derived.clusters[0].pools:
        spec = queues[f"pool.{pool.pool}"]
        quotas = {one["name"]: one["nominalQuota"] for one in spec["resourceGroups"][0]["flavors"][0]["resources"]}
        assert quotas[pool.resource] == str(pool.gpus)
        assert spec["namespaceSelector"] == {"matchLabels": {KEYS.namespace_zone: pool.zone}}
        assert "cohortName" not in spec


def test_a_topology_ends_at_the_machine_and_names_labels_that_the_machines_carry():
    from sovereign_ai.sim.nodes import node_objects

    factory, derived = stack("lab")
    nodes = node_objects(factory, derived, "lab")
    topologies = {obj["metadata"]["name"]: [level["nodeLabel"] for level in obj["spec"]["levels"]] for obj in every("Topology")}
    for flavour in every("ResourceFlavor"):
        levels = topologies[flavour["spec"]["topologyName"]]
        assert levels[-1] == "kubernetes.io/hostname"
        wanted = flavour["spec"]["nodeLabels"].items()
        served = [node for node in nodes if wanted <= node["metadata"]["labels"].items()]
        assert served
        assert all(level in node["metadata"]["labels"] for node in served for level in levels)


def test_local_queues_lead_to_a_queue_of_their_own_zone():
    queues = {obj["metadata"]["name"] for obj in every("ClusterQueue")}
    for obj in every("LocalQueue"):
        assert obj["spec"]["clusterQueue"] in queues
    assert one("LocalQueue", "train", "research")["spec"]["clusterQueue"] == "restricted-train"

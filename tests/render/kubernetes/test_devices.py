"""Device classes: the vendors' own CEL, and a class for each vendor."""

from __future__ import annotations

from tests.render.lab import every, one


def test_device_classes_speak_the_vendors_own_cel():
    spec = one("DeviceClass", "gpu.nvidia.com")["spec"]
    assert spec["extendedResourceName"] == "nvidia.com/gpu"
    expression = spec["selectors"][0]["cel"]["expression"]
    assert (
        expression == "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"
    )


def test_several_vendors_have_their_own_classes_and_resources():
    names = {obj["metadata"]["name"] for obj in every("DeviceClass", "plural")}
    assert {"gpu.nvidia.com", "gpu.amd.com"} <= names
    assert {obj["metadata"]["name"] for obj in every("RuntimeClass", "plural")} == {"nvidia", "habana"}
    resources = {
        name
        for obj in every("ClusterQueue", "plural")
        for name in obj["spec"]["resourceGroups"][0]["coveredResources"]
    }
    assert {"nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi"} <= resources

from __future__ import annotations

import re
from typing import Any

import cel
import pytest

from sovereign_ai.sim.slices import MOST_DEVICES, slice_objects
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.small_bundle import CLASSES

SEMANTIC = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
"""Three numbers of a semantic version 2.0.0: none has a leading zero."""


def slices(*pools: Any) -> list[dict[str, Any]]:
    return slice_objects(plan_of(factory_of(*pools)), CLUSTER)


def matches(expression: str, driver: str, device: dict[str, Any]) -> bool:
    """Evaluate a DeviceClass expression as Kubernetes does: bare keys belong to the driver's own domain."""
    attributes: dict[str, dict[str, Any]] = {driver: {}}
    for key, value in device["attributes"].items():
        domain, _, name = key.rpartition("/")
        attributes.setdefault(domain or driver, {})[name] = next(iter(value.values()))
    return bool(cel.evaluate(expression, {"device": {"driver": driver, "attributes": attributes}}))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (pool("whole"), "gpu.nvidia.com"),
        (pool("cut", mig="1g.10gb"), "mig.nvidia.com"),
        (pool("rackscale", "gb200-nvl72-tray"), "gpu.nvidia.com"),
        (pool("red", "mi300x-oam8"), "gpu.amd.com"),
    ],
)
def test_every_device_is_one_that_the_vendors_own_deviceclass_accepts(wanted: Any, name: str) -> None:
    found = slices(wanted)
    assert found
    for obj in found:
        assert all(matches(CLASSES[name], obj["spec"]["driver"], device) for device in obj["spec"]["devices"])


def test_a_whole_gpu_is_not_taken_for_an_instance() -> None:
    device = slices(pool("whole"))[0]["spec"]["devices"][0]
    assert not matches(CLASSES["mig.nvidia.com"], "gpu.nvidia.com", device)


def test_a_gpu_carries_the_attributes_that_nvidias_driver_publishes() -> None:
    device = slices()[-1]["spec"]["devices"][7]
    assert device["name"] == "gpu-7"
    assert set(device["attributes"]) == {
        "architecture", "brand", "cudaComputeCapability", "cudaDriverVersion", "driverVersion", "productName", "type", "uuid",  # noqa: E501 - one literal text
        "resource.kubernetes.io/numaNode", "resource.kubernetes.io/pciBusID", "resource.kubernetes.io/pcieRoot",  # noqa: E501 - one literal text
    }  # fmt: skip
    assert device["attributes"]["driverVersion"] == {"version": "580.95.5"}
    assert device["attributes"]["cudaComputeCapability"] == {"version": "9.0.0"}
    assert device["attributes"]["resource.kubernetes.io/numaNode"] == {"int": 1}
    assert device["capacity"] == {"memory": {"value": "80G"}}


def test_the_driver_version_is_one_a_pool() -> None:
    found = slices(pool("old", driver="550.54.15"), pool("new", driver="580.95.5"))
    versions = {
        (obj["spec"]["pool"]["name"].split("-")[0], device["attributes"]["driverVersion"]["version"])
        for obj in found
        for device in obj["spec"]["devices"]
    }
    assert versions == {("old", "550.54.15"), ("new", "580.95.5")}


@pytest.mark.parametrize("vendor", ["dgx-h100", "mi300x-oam8"])
@pytest.mark.parametrize(
    "driver", ["580.95.05", "0580.095.005", "580.00.0", "6.10.5", "9999.9999.9999", "0.0.0"]
)
def test_every_version_is_semantic_as_the_api_server_wants_it_however_the_driver_is_written(
    vendor: str, driver: str
) -> None:
    found = [
        attribute["version"]
        for obj in slices(pool("whole", vendor, driver=driver))
        for device in obj["spec"]["devices"]
        for attribute in device["attributes"].values()
        if "version" in attribute
    ]
    assert found
    assert all(SEMANTIC.fullmatch(version) for version in found), found


def test_a_driver_branch_without_a_known_cuda_version_claims_none() -> None:
    device = slices(pool("odd", driver="999.1.1"))[0]["spec"]["devices"][0]
    assert "cudaDriverVersion" not in device["attributes"]


def test_no_two_devices_of_a_factory_have_the_same_uuid() -> None:
    found = [
        device["attributes"]["uuid"]["string"]
        for obj in slices(pool("a"), pool("b", mig="1g.10gb"))
        for device in obj["spec"]["devices"]
    ]
    assert len(found) == len(set(found)) == 2 * 8 + 2 * 56


def test_an_instance_names_its_profile_and_the_gpu_it_is_cut_from() -> None:
    whole = slices(pool("same"))[0]["spec"]["devices"]
    cut = slices(pool("same", mig="1g.10gb"))[0]["spec"]["devices"]
    assert {device["attributes"]["profile"]["string"] for device in cut} == {"1g.10gb"}
    parents = [device["attributes"]["parentUUID"]["string"] for device in cut]
    assert parents == [device["attributes"]["uuid"]["string"] for device in whole for _ in range(7)]


def test_a_vendor_without_a_dra_driver_has_no_slices() -> None:
    assert slices(pool("other", "gaudi3-oam8")) == []


def test_slices_keep_to_the_apis_limits() -> None:
    for obj in slices(pool("cut", mig="1g.10gb")):
        assert len(obj["spec"]["devices"]) <= MOST_DEVICES
        for device in obj["spec"]["devices"]:
            assert len(device["attributes"]) + len(device["capacity"]) <= 32
            assert all(len(str(next(iter(value.values())))) <= 64 for value in device["attributes"].values())

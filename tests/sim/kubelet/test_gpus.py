"""The devices of a machine, and what a container that holds some of them gets."""

from __future__ import annotations

import pytest

from sovereign_ai.sim.identity import gpu_uuid, instance_uuid
from sovereign_ai.sim.kubelet.gpus import IN_CONTAINER, NULL, container_contents, devices, tool_mounts
from sovereign_ai.sim.slices import device_names
from tests.sim.kubelet.conftest import FACTORY, machine


def test_devices_have_the_names_and_identities_of_resource_slices() -> None:
    own = machine("train-0001")
    assert [device.name for device in devices(own)] == device_names(own)
    assert devices(own)[3].uuid == gpu_uuid(FACTORY.name, "train-0001", 3)


def test_instances_are_numbered_gpu_by_gpu() -> None:
    own = machine("cut-0001")
    last = devices(own)[-1]
    assert (last.number, last.gpu) == (own.devices - 1, own.node.gpus - 1)
    assert last.uuid == instance_uuid(FACTORY.name, "cut-0001", last.gpu, own.instances - 1)


def test_folders_of_readings_sort_as_devices_do() -> None:
    folders = [device.folder for device in devices(machine("cut-0001"))]
    assert folders == sorted(folders)


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [
        ("train-0001", "NVIDIA_VISIBLE_DEVICES", "/dev/nvidia1"),
        ("red-0001", "AMD_VISIBLE_DEVICES", "/dev/dri/renderD129"),
        ("blue-0001", "HABANA_VISIBLE_DEVICES", "/dev/accel/accel1"),
    ],
)
def test_a_container_gets_its_vendors_variable_and_device_file(name: str, variable: str, file: str) -> None:
    own = machine(name)
    contents = container_contents(own, devices(own)[1:2])
    assert variable in contents.variables
    assert contents.files == {file: NULL}
    assert f"{IN_CONTAINER}/001" in contents.mounts


def test_only_nvidias_tool_is_mounted() -> None:
    assert set(tool_mounts(machine("train-0001"))) == {"/usr/bin/nvidia-smi"}
    assert tool_mounts(machine("red-0001")) == {}


def test_two_instances_of_a_gpu_share_its_device_file() -> None:
    own = machine("cut-0001")
    contents = container_contents(own, devices(own)[:2])
    assert (len(contents.files), len(contents.variables["SOVEREIGN_DEVICES"].split(","))) == (1, 2)

"""The devices of the machine that a worker plays, and what a container that holds some of them gets.

A container sees the vendor's own variable, variables of ours, a device file for each GPU, and for each
device a folder of readings that change while it runs. A device file is a node of the kernel's null
device under the vendor's name: it can be opened, and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sovereign_ai.sim.identity import gpu_uuid, instance_uuid, numa_node
from sovereign_ai.sim.kubelet.paths import GPUS
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.slices import device_names

IN_CONTAINER = "/run/sovereign-ai/gpus"
"""Where a container finds the readings of its devices."""
TOOL = "nvidia-smi"
NULL = "/dev/null"
_FIRST_RENDER = 128


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a vendor's container toolkit shows devices to a container.

    Attributes:
        variable: the environment variable that lists them.
        by_uuid: whether by UUID; else by index.
        file: the device file's path, with a place for a number.
        first: the number of the first device's file.
        tool: whether there is a tool that we play.
    """

    variable: str
    by_uuid: bool
    file: str
    first: int = 0
    tool: bool = False


VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {
        "nvidia": Vendor("NVIDIA_VISIBLE_DEVICES", by_uuid=True, file="/dev/nvidia{}", tool=True),
        "amd": Vendor("AMD_VISIBLE_DEVICES", by_uuid=False, file="/dev/dri/renderD{}", first=_FIRST_RENDER),
        "intel": Vendor("HABANA_VISIBLE_DEVICES", by_uuid=False, file="/dev/accel/accel{}"),
    }
)
"""NVIDIA container toolkit (docker specialised, environment variables); AMD container toolkit; Intel Gaudi container runtime."""


@dataclass(frozen=True, slots=True)
class Device:
    """One schedulable device.

    Attributes:
        number: its place on the machine.
        name: its name in ResourceSlices.
        uuid: its UUID, and its name for the device plugin.
        gpu: the index of the GPU that it is, or is cut from.
        numa: the NUMA node of that GPU.
    """

    number: int
    name: str
    uuid: str
    gpu: int
    numa: int

    @property
    def folder(self) -> str:
        """The name of its folder of readings, which sorts as devices do."""
        return f"{self.number:03}"


@dataclass(frozen=True, slots=True)
class Given:
    """What a container gets.

    Attributes:
        variables: environment variables.
        mounts: path in the container to path in the node, read-only.
        files: device file in the container to one in the node.
    """

    variables: Mapping[str, str]
    mounts: Mapping[str, str]
    files: Mapping[str, str]


def devices(machine: Machine) -> tuple[Device, ...]:
    """Give a machine's devices: GPUs, or MIG instances."""
    found = []
    for number, name in enumerate(device_names(machine)):
        gpu, instance = divmod(number, machine.instances)
        factory, node = machine.factory, machine.node.name
        uuid = instance_uuid(factory, node, gpu, instance) if machine.part.mig else gpu_uuid(factory, node, gpu)
        found.append(Device(number, name, uuid, gpu, numa_node(gpu, machine.node.gpus)))
    return tuple(found)


def variables(machine: Machine, chosen: Sequence[Device]) -> dict[str, str]:
    """Give the environment of a container that holds these devices."""
    vendor = VENDORS[machine.accelerator.vendor]
    node = machine.node
    return {
        vendor.variable: ",".join(one.uuid if vendor.by_uuid else str(one.gpu) for one in chosen),
        "SOVEREIGN_DEVICES": ",".join(one.name for one in chosen),
        "SOVEREIGN_MACHINE": node.name,
        "SOVEREIGN_POOL": node.pool,
        "SOVEREIGN_ZONE": node.zone,
    }


def device_files(machine: Machine, one: Device) -> dict[str, str]:
    """Give the device file of one device."""
    vendor = VENDORS[machine.accelerator.vendor]
    return {vendor.file.format(vendor.first + one.gpu): NULL}


def tool_mounts(machine: Machine) -> dict[str, str]:
    """Give the mount of the vendor's tool, where it is played."""
    return {f"/usr/bin/{TOOL}": f"{GPUS}/{TOOL}"} if VENDORS[machine.accelerator.vendor].tool else {}


def reading_mounts(one: Device) -> dict[str, str]:
    """Give the mount of one device's readings."""
    return {f"{IN_CONTAINER}/{one.folder}": f"{GPUS}/{one.folder}"}


def given(machine: Machine, chosen: Sequence[Device]) -> Given:
    """Give all that a container gets that holds these devices."""
    mounts: dict[str, str] = tool_mounts(machine)
    files: dict[str, str] = {}
    for one in chosen:
        mounts |= reading_mounts(one)
        files |= device_files(machine, one)
    return Given(variables(machine, chosen), mounts, files)

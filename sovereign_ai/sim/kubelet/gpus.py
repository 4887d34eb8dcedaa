"""The devices of the machine that a worker plays, and what a container that holds some of them gets.

A container sees the vendor's own environment variable, variables of this project, a device file for each GPU,
and for each device a folder of readings that change while it runs. A device file is a node of the kernel's
null device under the vendor's name: it can be opened, and does nothing.
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
"""The folder in a container with the readings of its devices."""
TOOL = "nvidia-smi"
NULL = "/dev/null"
# Minor numbers of DRM render nodes start at 128 (Linux, Documentation/gpu/drm-uapi.rst).
_FIRST_RENDER = 128


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a vendor's container toolkit presents devices to a container.

    Attributes:
        variable: the environment variable that lists them.
        by_uuid: whether it lists UUIDs; else indices.
        file: the device file's path, with a place for a number.
        first: the number of the first device's file.
        tool: whether the vendor's tool is simulated.
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
"""Sources: NVIDIA container toolkit (docker specialised, environment variables), AMD container toolkit, Intel
Gaudi container runtime."""


@dataclass(frozen=True, slots=True)
class GpuDevice:
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
        """The name of its folder of readings; names sort as devices do."""
        return f"{self.number:03}"


@dataclass(frozen=True, slots=True)
class GivenDevices:
    """What a container gets.

    Attributes:
        variables: environment variables.
        mounts: path in the container to path in the node, read-only.
        files: device file in the container to one in the node.
    """

    variables: Mapping[str, str]
    mounts: Mapping[str, str]
    files: Mapping[str, str]


def devices(machine: Machine) -> tuple[GpuDevice, ...]:
    """Return a machine's devices: GPUs, or MIG instances."""
    factory, node = machine.factory, machine.node.name
    listed = []
    for number, name in enumerate(device_names(machine)):
        # Names are listed GPU by GPU.
        gpu, instance = divmod(number, machine.instances)
        uuid = gpu_uuid(factory, node, gpu)
        if machine.part.mig:
            uuid = instance_uuid(factory, node, gpu, instance)
        listed.append(GpuDevice(number, name, uuid, gpu, numa_node(gpu, machine.node.gpus)))
    return tuple(listed)


def variables(machine: Machine, chosen: Sequence[GpuDevice]) -> dict[str, str]:
    """Return the environment of a container that holds these devices."""
    vendor = VENDORS[machine.accelerator.vendor]
    node = machine.node
    visible = []
    names = []
    for device in chosen:
        visible.append(device.uuid if vendor.by_uuid else str(device.gpu))
        names.append(device.name)
    return {
        vendor.variable: ",".join(visible),
        "SOVEREIGN_DEVICES": ",".join(names),
        "SOVEREIGN_MACHINE": node.name,
        "SOVEREIGN_POOL": node.pool,
        "SOVEREIGN_ZONE": node.zone,
    }


def device_files(machine: Machine, device: GpuDevice) -> dict[str, str]:
    """Return the device file of one device: path in the container to path in the node."""
    vendor = VENDORS[machine.accelerator.vendor]
    path = vendor.file.format(vendor.first + device.gpu)
    return {path: NULL}


def tool_mounts(machine: Machine) -> dict[str, str]:
    """Return the mount of the vendor's tool, where it is simulated."""
    if not VENDORS[machine.accelerator.vendor].tool:
        return {}
    return {f"/usr/bin/{TOOL}": f"{GPUS}/{TOOL}"}


def reading_mounts(device: GpuDevice) -> dict[str, str]:
    """Return the mount of one device's readings."""
    return {f"{IN_CONTAINER}/{device.folder}": f"{GPUS}/{device.folder}"}


def container_contents(machine: Machine, chosen: Sequence[GpuDevice]) -> GivenDevices:
    """Return all that a container with these devices gets."""
    mounts = tool_mounts(machine)
    files: dict[str, str] = {}
    for device in chosen:
        mounts |= reading_mounts(device)
        # Instances of one GPU share its file.
        files |= device_files(machine, device)
    return GivenDevices(variables(machine, chosen), mounts, files)

"""The devices of the machine that a worker plays, and what a container that holds some of them gets.

A container sees the vendor's own environment variable, variables of this project, a device file for each GPU,
and for each device a folder of readings that change while it runs. A device file is a node of the kernel's
null device under the vendor's name: it can be opened, and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sim.identity import gpu_uuid, instance_uuid, numa_node
from sovereign_ai.sim.kubelet.paths import GPUS
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.slices import device_names

IN_CONTAINER = "/run/sovereign-ai/gpus"
"""The folder in a container with the readings of its devices."""
NULL = "/dev/null"


@frozen_dataclass
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


@frozen_dataclass
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
    container = machine.gpu_vendor.container if machine.gpu_vendor else None
    by_uuid = container is not None and container.by_uuid
    node = machine.node
    visible = []
    names = []
    for device in chosen:
        visible.append(device.uuid if by_uuid else str(device.gpu))
        names.append(device.name)
    given = {container.variable: ",".join(visible)} if container else {}
    return given | {
        "SOVEREIGN_DEVICES": ",".join(names),
        "SOVEREIGN_MACHINE": node.name,
        "SOVEREIGN_POOL": node.pool,
        "SOVEREIGN_ZONE": node.zone,
    }


def device_files(machine: Machine, device: GpuDevice) -> dict[str, str]:
    """Return the device file of one device: path in the container to path in the node."""
    container = machine.gpu_vendor.container if machine.gpu_vendor else None
    return {container.device_file(device.gpu): NULL} if container else {}


def tool(machine: Machine) -> str:
    """Return the name of the vendor's tool, where it is simulated; else an empty text."""
    container = machine.gpu_vendor.container if machine.gpu_vendor else None
    return container.tool if container else ""


def tool_mounts(machine: Machine) -> dict[str, str]:
    """Return the mount of the vendor's tool, where it is simulated."""
    name = tool(machine)
    return {f"/usr/bin/{name}": f"{GPUS}/{name}"} if name else {}


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

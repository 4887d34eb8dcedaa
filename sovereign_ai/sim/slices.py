"""DRA ResourceSlices from the plan, as the vendors' own drivers publish them.

NVIDIA (`gpu.nvidia.com`, kubernetes-sigs/dra-driver-nvidia-gpu, ResourceSlice attributes): whole GPUs of type
`gpu`, MIG instances of type `mig`; AMD (`gpu.amd.com`, ROCm/k8s-gpu-dra-driver, driver attributes): type
`amdgpu`. Attributes for which there is no source are left out. A vendor without a DRA driver has no slices.

Each node has one pool, as with both drivers; a node with more than 128 devices has several slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sovereign_ai.catalog import instance_memory
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan import Plan
from sovereign_ai.sim.identity import gpu_uuid, instance_uuid, numa_node, pci_bus, pci_root
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.units import Bytes

MOST_DEVICES = 128
"""Devices that one ResourceSlice may hold (resource.k8s.io/v1, ResourceSliceMaxDevices)."""
_PLAIN_TYPE = "gpu"
"""The type of device of NVIDIA's driver, whose form devices without a driver have as well."""
_CUDA = {535: "12.2.0", 550: "12.4.0", 570: "12.8.0", 580: "13.0.0"}
"""CUDA version of each driver branch (NVIDIA CUDA release notes); other branches have no attribute."""

Attributes = dict[str, dict[str, str | int]]


def slice_objects(plan: Plan, cluster: str) -> list[dict[str, Any]]:
    """Return the ResourceSlices of one cluster, in the plan's order, without owner references.

    Raises:
        KeyError: the plan has no such cluster.
    """
    slices = []
    for machine in machines(plan, cluster):
        slices += _of_machine(machine)
    return slices


def device_names(machine: Machine) -> list[str]:
    """Return the names of a machine's devices, GPU by GPU; for machines without a DRA driver as well."""
    names = []
    for device in _devices(machine):
        name = str(device["name"])
        names.append(name)
    return names


def cuda_version(driver: str) -> str | None:
    """Return the CUDA version of a driver; None for a branch that is not known."""
    branch, _, _ = driver.partition(".")
    return _CUDA.get(int(branch))


def semantic_version(driver: str) -> str:
    """Return a driver's version without leading zeros.

    Semantic versioning, and so the API server, does not permit them. NVIDIA writes `580.95.05`; its DRA
    driver publishes what a lenient parser makes of that (`semver.MustParse(driverVersion).String()`,
    cmd/gpu-kubelet-plugin/deviceinfo.go).

    >>> semantic_version("580.95.05"), semantic_version("6.10.5")
    ('580.95.5', '6.10.5')
    """
    return ".".join(str(int(number)) for number in driver.split("."))


def _of_machine(machine: Machine) -> list[dict[str, Any]]:
    """Return one machine's slices."""
    driver = machine.dra_driver
    if driver is None:
        return []
    node = machine.node
    devices = _devices(machine)
    chunks = [devices[start : start + MOST_DEVICES] for start in range(0, len(devices), MOST_DEVICES)]
    labels = {
        KEYS.owner: OWNER,
        KEYS.factory: machine.factory,
        KEYS.component: f"pool.{node.pool}",
        KEYS.pool: node.pool,
    }
    # Every slice of a pool states how many there are: until all are there, nothing of the pool is allocated.
    pool = {"name": node.name, "generation": 1, "resourceSliceCount": len(chunks)}
    slices = []
    for number, chunk in enumerate(chunks):
        name = label(node.name, driver.replace(".", "-"), str(number))
        obj = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": name, "labels": labels},
            "spec": {"driver": driver, "nodeName": node.name, "pool": pool, "devices": chunk},
        }
        slices.append(obj)
    return slices


def _devices(machine: Machine) -> list[dict[str, Any]]:
    """Return a machine's devices."""
    dra = machine.accelerator.gpu_vendor.dra
    build = _BUILDERS.get(dra.device_type, _gpu) if dra else _gpu
    if machine.part.mig:
        build = _instance
    devices = []
    for gpu in range(machine.node.gpus):
        for instance in range(machine.instances):
            device = build(machine, gpu, instance)
            devices.append(device)
    return devices


def _gpu(machine: Machine, gpu: int, _instance: int) -> dict[str, Any]:
    """Return a whole NVIDIA GPU."""
    identity: Attributes = {
        "type": {"string": _PLAIN_TYPE},
        "uuid": {"string": gpu_uuid(machine.factory, machine.node.name, gpu)},
    }
    return _device(f"gpu-{gpu}", _gpu_attributes(machine, gpu) | identity, machine.accelerator.memory)


def _instance(machine: Machine, gpu: int, instance: int) -> dict[str, Any]:
    """Return a MIG instance of one GPU."""
    factory, node, profile = machine.factory, machine.node.name, machine.part.mig
    identity: Attributes = {
        "type": {"string": "mig"},
        "profile": {"string": profile},
        "parentUUID": {"string": gpu_uuid(factory, node, gpu)},
        "uuid": {"string": instance_uuid(factory, node, gpu, instance)},
    }
    # A device's name is a DNS label, and profiles such as `1g.10gb` have a dot.
    name = f"gpu-{gpu}-mig-{profile}-{instance}".replace(".", "-")
    return _device(
        name, _gpu_attributes(machine, gpu) | identity, instance_memory(profile, machine.accelerator)
    )


def _gpu_attributes(machine: Machine, gpu: int) -> Attributes:
    """Return the attributes of NVIDIA's driver that whole GPUs and their instances share."""
    kind, driver = machine.accelerator, machine.part.driver
    dra = kind.gpu_vendor.dra
    attributes: Attributes = {
        "architecture": {"string": kind.architecture},
        "brand": {"string": dra.brand if dra else ""},
        "cudaComputeCapability": {"version": f"{kind.compute_capability}.0"},
        "driverVersion": {"version": semantic_version(driver)},
        "productName": {"string": (kind.product or kind.name).replace("-", " ")},
        "resource.kubernetes.io/numaNode": {"int": numa_node(gpu, machine.node.gpus)},
        **_bus(gpu),
    }
    cuda = cuda_version(driver)
    if cuda:
        attributes["cudaDriverVersion"] = {"version": cuda}
    return attributes


def _amdgpu(machine: Machine, gpu: int, _instance: int) -> dict[str, Any]:
    """Return a whole GPU as AMD's driver publishes it."""
    container = machine.accelerator.gpu_vendor.container
    # AMD's device names carry the number of the GPU's DRM render node.
    first = container.first if container else 0
    attributes: Attributes = {
        "type": {"string": "amdgpu"},
        "productName": {"string": machine.accelerator.product or machine.accelerator.name},
        "driverVersion": {"version": semantic_version(machine.part.driver)},
        "numaNode": {"int": numa_node(gpu, machine.node.gpus)},
        **_bus(gpu),
    }
    return _device(f"gpu-{gpu}-{first + gpu}", attributes, machine.accelerator.memory)


def _bus(gpu: int) -> Attributes:
    """Return a GPU's bus address and root."""
    return {
        "resource.kubernetes.io/pciBusID": {"string": pci_bus(gpu)},
        "resource.kubernetes.io/pcieRoot": {"string": pci_root(gpu)},
    }


def _device(name: str, attributes: Attributes, memory: Bytes) -> dict[str, Any]:
    """Return one entry of a slice."""
    capacity = {"memory": {"value": memory.to_kubernetes()}}
    return {"name": name, "attributes": attributes, "capacity": capacity}


_BUILDERS: Mapping[str, Callable[[Machine, int, int], dict[str, Any]]] = MappingProxyType({"amdgpu": _amdgpu})
"""Types of device with attributes of another form than NVIDIA's, and what builds one."""

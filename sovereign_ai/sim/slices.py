"""DRA ResourceSlices from the plan, as the vendors' own drivers publish them.

NVIDIA (`gpu.nvidia.com`, kubernetes-sigs/dra-driver-nvidia-gpu, ResourceSlice attributes): whole GPUs
of type `gpu`, MIG instances of type `mig`; AMD (`gpu.amd.com`, ROCm/k8s-gpu-dra-driver, driver
attributes): type `amdgpu`. Attributes for which there is no source are left out. A vendor without
a DRA driver has no slices.

One pool a node, as both drivers have it; a machine with more than 128 devices takes several slices.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.catalog.mig import instance_memory
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.identity import BUS_PLACES, gpu_uuid, instance_uuid, numa_node, pci_bus, pci_root
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.units import Bytes

MOST_DEVICES = 128
"""Devices that one ResourceSlice may hold (resource.k8s.io/v1, ResourceSliceMaxDevices)."""
_FIRST_RENDER = 128
"""Static: the first DRM render node, whose number AMD's device names carry."""
_CUDA = {535: "12.2.0", 550: "12.4.0", 570: "12.8.0", 580: "13.0.0"}
"""CUDA version that a driver branch brings (NVIDIA CUDA release notes); a branch that is not here has no attribute."""

Attributes = dict[str, dict[str, str | int]]


def slice_objects(plan: Plan, cluster: str) -> list[dict[str, Any]]:
    """Give the ResourceSlices of one cluster, in the plan's order; without the reference to their node's UID.

    Raises:
        KeyError: the plan has no such cluster.
    """
    return [obj for machine in machines(plan, cluster) for obj in _of_machine(machine)]


def device_names(machine: Machine) -> list[str]:
    """Name a machine's devices, GPU by GPU; for machines without a DRA driver as well."""
    return [str(device["name"]) for device in _devices(machine)]


def cuda_version(driver: str) -> str | None:
    """Give the CUDA version that a driver brings; None for a branch that is not known."""
    return _CUDA.get(int(driver.split(".", maxsplit=1)[0]))


def _of_machine(machine: Machine) -> list[dict[str, Any]]:
    """Give one machine's slices."""
    driver = machine.accelerator.dra_driver
    if driver is None:
        return []
    listed = _devices(machine)
    chunks = [listed[start : start + MOST_DEVICES] for start in range(0, len(listed), MOST_DEVICES)]
    node = machine.node
    labels = {KEYS.owner: OWNER, KEYS.factory: machine.factory, KEYS.component: f"pool.{node.pool}", KEYS.pool: node.pool}
    pool = {"name": node.name, "generation": 1, "resourceSliceCount": len(chunks)}
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": label(node.name, driver.replace(".", "-"), str(number)), "labels": labels},
            "spec": {"driver": driver, "nodeName": node.name, "pool": pool, "devices": chunk},
        }
        for number, chunk in enumerate(chunks)
    ]


def _devices(machine: Machine) -> list[dict[str, Any]]:
    """List a machine's devices."""
    build = _amd if machine.accelerator.vendor == "amd" else _instance if machine.part.mig else _gpu
    return [build(machine, gpu, instance) for gpu in range(machine.node.gpus) for instance in range(machine.instances)]


def _gpu(machine: Machine, gpu: int, _instance: int) -> dict[str, Any]:
    """A whole NVIDIA GPU."""
    identity: Attributes = {"type": {"string": "gpu"}, "uuid": {"string": gpu_uuid(machine.factory, machine.node.name, gpu)}}
    return _device(f"gpu-{gpu}", _nvidia(machine, gpu) | identity, machine.accelerator.memory)


def _instance(machine: Machine, gpu: int, instance: int) -> dict[str, Any]:
    """A MIG instance of one GPU."""
    factory, node, profile = machine.factory, machine.node.name, machine.part.mig
    identity: Attributes = {
        "type": {"string": "mig"},
        "profile": {"string": profile},
        "parentUUID": {"string": gpu_uuid(factory, node, gpu)},
        "uuid": {"string": instance_uuid(factory, node, gpu, instance)},
    }
    name = f"gpu-{gpu}-mig-{profile}-{instance}".replace(".", "-")
    return _device(name, _nvidia(machine, gpu) | identity, instance_memory(profile, machine.accelerator))


def _nvidia(machine: Machine, gpu: int) -> Attributes:
    """What whole GPUs and their instances share."""
    kind, driver = machine.accelerator, machine.part.driver
    found: Attributes = {
        "architecture": {"string": kind.architecture},
        "brand": {"string": "Nvidia"},
        "cudaComputeCapability": {"version": f"{kind.compute_capability}.0"},
        "driverVersion": {"version": driver},
        "productName": {"string": (kind.product or kind.name).replace("-", " ")},
        "resource.kubernetes.io/numaNode": {"int": numa_node(gpu, machine.node.gpus)},
        **_bus(machine, gpu),
    }
    cuda = cuda_version(driver)
    return found | ({"cudaDriverVersion": {"version": cuda}} if cuda else {})


def _amd(machine: Machine, gpu: int, _instance: int) -> dict[str, Any]:
    """A whole AMD GPU."""
    attributes: Attributes = {
        "type": {"string": "amdgpu"},
        "productName": {"string": machine.accelerator.product or machine.accelerator.name},
        "driverVersion": {"version": machine.part.driver},
        "numaNode": {"int": numa_node(gpu, machine.node.gpus)},
        **_bus(machine, gpu),
    }
    return _device(f"gpu-{gpu}-{_FIRST_RENDER + gpu}", attributes, machine.accelerator.memory)


def _bus(machine: Machine, gpu: int) -> Attributes:
    """Where a GPU hangs; left out for machines with more GPUs than the static bus map has places for."""
    if machine.node.gpus > BUS_PLACES:
        return {}
    return {"resource.kubernetes.io/pciBusID": {"string": pci_bus(gpu)}, "resource.kubernetes.io/pcieRoot": {"string": pci_root(gpu)}}


def _device(name: str, attributes: Attributes, memory: Bytes) -> dict[str, Any]:
    """One entry of a slice."""
    return {"name": name, "attributes": attributes, "capacity": {"memory": {"value": memory.to_kubernetes()}}}

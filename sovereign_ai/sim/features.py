"""The labels that the vendors' feature discovery puts on a node.

NVIDIA: GPU feature discovery's keys (k8s-device-plugin, docs/gpu-feature-discovery/README.md), of which the
deprecated `cuda.driver.*` are left out. AMD: the keys of its node labeller. Where the catalogue has no figure
there is no label. MIG labels are those of strategy *single* where the plan's resource is `nvidia.com/gpu`,
and those of *mixed* where it is `nvidia.com/mig-…`.
"""

from __future__ import annotations

from sovereign_ai.catalog.accelerators import Accelerator
from sovereign_ai.catalog.mig import instance_memory, instances
from sovereign_ai.catalog.systems import System
from sovereign_ai.names import label_value

_MEBIBYTE = 2**20


def feature_labels(
    machine: System, accelerator: Accelerator, *, driver: str, mig: str, resource: str
) -> dict[str, str]:
    """Return the labels of one node.

    Args:
        machine: its system.
        accelerator: its accelerators.
        driver: the pool's driver version.
        mig: the pool's MIG profile; empty where GPUs are whole.
        resource: the extended resource that the plan counts.
    """
    if accelerator.vendor == "nvidia":
        return _nvidia(machine, accelerator, driver, mig, resource)
    if accelerator.vendor == "amd":
        return _amd(accelerator)
    return {}


def _nvidia(
    machine: System, accelerator: Accelerator, driver: str, mig: str, resource: str
) -> dict[str, str]:
    """Return the labels of NVIDIA's GPU feature discovery."""
    # NVIDIA writes the last number with two digits, and its feature discovery copies the text: 580.95.05.
    major, minor, patch = driver.split(".")
    revision = f"{int(patch):02d}"
    capability = (accelerator.compute_capability or "0.0").split(".")
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.machine": label_value(machine.name),
        "nvidia.com/gpu.family": accelerator.architecture.split()[0].lower(),
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/gpu.compute.major": capability[0],
        "nvidia.com/gpu.compute.minor": capability[1],
        "nvidia.com/cuda.driver-version.major": major,
        "nvidia.com/cuda.driver-version.minor": minor,
        "nvidia.com/cuda.driver-version.revision": revision,
        "nvidia.com/cuda.driver-version.full": f"{major}.{minor}.{revision}",
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "single" if mig else "none",
    }
    product = accelerator.product or label_value(accelerator.name)
    whole = _counted("nvidia.com/gpu", product, machine.gpus, accelerator.memory.count)
    if not mig:
        return labels | whole
    number = machine.gpus * instances(mig, accelerator)
    memory = instance_memory(mig, accelerator).count
    profile = f"{product}-MIG-{mig}"
    if resource == accelerator.resource:
        return labels | _counted("nvidia.com/gpu", profile, number, memory)
    # Strategy *mixed* labels whole GPUs and instances, each under the resource that counts it.
    labels |= whole
    labels["nvidia.com/mig.strategy"] = "mixed"
    return labels | _counted(resource, profile, number, memory)


def _counted(prefix: str, product: str, number: int, memory: int) -> dict[str, str]:
    """Return the labels for product, count and memory, which is in MiB."""
    return {
        f"{prefix}.product": label_value(product),
        f"{prefix}.count": str(number),
        f"{prefix}.memory": str(memory // _MEBIBYTE),
    }


def _amd(accelerator: Accelerator) -> dict[str, str]:
    """Return the labels of AMD's node labeller: memory, and the product where the catalogue has one."""
    labels = {"amd.com/gpu.vram": f"{accelerator.memory.count // 10**9}G"}
    if accelerator.product:
        labels["amd.com/gpu.product-name"] = label_value(accelerator.product)
    return labels

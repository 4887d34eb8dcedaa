"""The labels that the vendors' feature discovery puts on a node.

NVIDIA: GPU feature discovery's keys (k8s-device-plugin, docs/gpu-feature-discovery/README.md), of
which the deprecated `cuda.driver.*` are left out. AMD: the keys of its node labeller. Where the
catalogue has no figure there is no label. MIG is shown as by strategy *single* where the plan calls
the resource `nvidia.com/gpu`, and as by *mixed* where it calls it `nvidia.com/mig-…`.
"""

from __future__ import annotations

from sovereign_ai.catalog.accelerators import Accelerator
from sovereign_ai.catalog.mig import instance_memory, instances
from sovereign_ai.catalog.systems import System
from sovereign_ai.names import label_value

_MEBIBYTE = 2**20


def feature_labels(machine: System, accelerator: Accelerator, *, driver: str, mig: str, resource: str) -> dict[str, str]:
    """Give the labels of one machine.

    Args:
        machine: the machine.
        accelerator: what is in it.
        driver: the pool's driver version.
        mig: the pool's MIG profile; empty where GPUs are whole.
        resource: the extended resource that the plan counts.
    """
    if accelerator.vendor == "nvidia":
        return _nvidia(machine, accelerator, driver, mig, resource)
    if accelerator.vendor == "amd":
        return _amd(accelerator)
    return {}


def _nvidia(machine: System, accelerator: Accelerator, driver: str, mig: str, resource: str) -> dict[str, str]:
    """NVIDIA's GPU feature discovery."""
    major, minor, revision = driver.split(".")
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
        "nvidia.com/cuda.driver-version.full": driver,
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "single" if mig else "none",
    }
    product = accelerator.product or label_value(accelerator.name)
    if not mig:
        return labels | _counted("nvidia.com/gpu", product, machine.gpus, accelerator.memory.count)
    number, memory = machine.gpus * instances(mig, accelerator), instance_memory(mig, accelerator).count
    instance = f"{product}-MIG-{mig}"
    if resource == accelerator.resource:
        return labels | _counted("nvidia.com/gpu", instance, number, memory)
    whole = _counted("nvidia.com/gpu", product, machine.gpus, accelerator.memory.count)
    return labels | whole | {"nvidia.com/mig.strategy": "mixed"} | _counted(resource, instance, number, memory)


def _counted(prefix: str, product: str, number: int, memory: int) -> dict[str, str]:
    """Product, count and memory in MiB."""
    return {f"{prefix}.product": label_value(product), f"{prefix}.count": str(number), f"{prefix}.memory": str(memory // _MEBIBYTE)}


def _amd(accelerator: Accelerator) -> dict[str, str]:
    """AMD's node labeller: product and memory, as far as the catalogue knows them."""
    labels = {"amd.com/gpu.vram": f"{accelerator.memory.count // 10**9}G"}
    return labels | ({"amd.com/gpu.product-name": label_value(accelerator.product)} if accelerator.product else {})

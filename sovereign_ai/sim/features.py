"""The labels that the vendors' feature discovery puts on a node.

NVIDIA: GPU feature discovery's keys (k8s-device-plugin, docs/gpu-feature-discovery/README.md), of which the
deprecated `cuda.driver.*` are left out. AMD: the keys of its node labeller. Where the catalogue has no figure
there is no label. MIG labels are those of strategy *single* where the plan's resource is `nvidia.com/gpu`,
and those of *mixed* where it is `nvidia.com/mig-…`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sovereign_ai.catalog import instance_memory, instances
from sovereign_ai.catalog.accelerator import Accelerator
from sovereign_ai.catalog.system import System
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
    build = _PROGRAMS.get(accelerator.gpu_vendor.features)
    return build(machine, accelerator, driver, mig, resource) if build else {}


def _feature_discovery(
    machine: System, accelerator: Accelerator, driver: str, mig: str, resource: str
) -> dict[str, str]:
    """Return the labels of NVIDIA's GPU feature discovery."""
    vendor = accelerator.gpu_vendor
    domain, gpu = vendor.label_domain, f"{vendor.label_domain}/gpu"
    # Feature discovery copies the version as the vendor writes it.
    written = vendor.driver.written(driver) if vendor.driver else driver
    major, minor, revision = written.split(".")
    capability = (accelerator.compute_capability or "0.0").split(".")
    family, *_ = accelerator.architecture.split()
    strategy = "single" if mig else "none"
    labels = {
        f"{gpu}.present": "true",
        f"{gpu}.machine": label_value(machine.name),
        f"{gpu}.family": family.lower(),
        f"{gpu}.replicas": "1",
        f"{gpu}.mode": "compute",
        f"{gpu}.compute.major": capability[0],
        f"{gpu}.compute.minor": capability[1],
        f"{domain}/cuda.driver-version.major": major,
        f"{domain}/cuda.driver-version.minor": minor,
        f"{domain}/cuda.driver-version.revision": revision,
        f"{domain}/cuda.driver-version.full": f"{major}.{minor}.{revision}",
        f"{domain}/mig.capable": "true",
        f"{domain}/mig.strategy": strategy,
    }
    product = accelerator.product or label_value(accelerator.name)
    whole = _counted(gpu, product, machine.gpus, accelerator.memory.count)
    if not mig:
        return labels | whole
    number = machine.gpus * instances(mig, accelerator)
    memory = instance_memory(mig, accelerator).count
    profile = f"{product}-MIG-{mig}"
    if resource == accelerator.resource:
        return labels | _counted(gpu, profile, number, memory)
    # Strategy *mixed* labels whole GPUs and instances, each under the resource that counts it.
    labels |= whole
    labels[f"{domain}/mig.strategy"] = "mixed"
    return labels | _counted(resource, profile, number, memory)


def _counted(prefix: str, product: str, number: int, memory: int) -> dict[str, str]:
    """Return the labels for product, count and memory, which is in MiB."""
    return {
        f"{prefix}.product": label_value(product),
        f"{prefix}.count": str(number),
        f"{prefix}.memory": str(memory // _MEBIBYTE),
    }


def _node_labeller(
    _machine: System, accelerator: Accelerator, driver: str, _mig: str, _resource: str
) -> dict[str, str]:
    """Return the labels of AMD's node labeller: memory, driver, and the product where it is known."""
    gpu = f"{accelerator.gpu_vendor.label_domain}/gpu"
    labels = {
        f"{gpu}.vram": f"{accelerator.memory.count // 10**9}G",
        f"{gpu}.driver-version": driver,
    }
    if accelerator.product:
        labels[f"{gpu}.product-name"] = label_value(accelerator.product)
    return labels


_PROGRAMS: Mapping[str, Callable[[System, Accelerator, str, str, str], dict[str, str]]] = MappingProxyType(
    {"gpu-feature-discovery": _feature_discovery, "node-labeller": _node_labeller}
)
"""The program of a vendor that labels nodes, to its labels."""

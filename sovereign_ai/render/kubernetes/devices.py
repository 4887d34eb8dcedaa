"""Device classes and runtime classes of the vendors whose accelerators a cluster has.

The CEL of a class is the vendor's own: kubernetes-sigs/dra-driver-nvidia-gpu (Helm chart,
`deviceclass-*.yaml`) and ROCm/k8s-gpu-dra-driver. `extendedResourceName` lets a pod ask for the
extended resource on nodes that publish devices by DRA alone; where a device plugin counts the
resource on a node, the scheduler takes that (KEP-5004), so the two do not meet on one request.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.clusters import ClusterPlan, PoolSlice
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.spec.factory import AIFactory

_NVIDIA = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == '{type}'"
_CLASSES = {
    "gpu.nvidia.com": (_NVIDIA.format(type="gpu"), "nvidia.com/gpu"),
    "mig.nvidia.com": (_NVIDIA.format(type="mig"), None),
    "gpu.amd.com": ("device.driver == 'gpu.amd.com'", "amd.com/gpu"),
}
_RUNTIMES = {"nvidia": "nvidia", "intel": "habana"}
"""Vendor to the runtime handler that its container toolkit installs; AMD needs none."""


def device_class(pool: PoolSlice) -> str:
    """Give the device class of a pool's devices; empty where its vendor has no DRA driver."""
    if pool.mig:
        return "mig.nvidia.com"
    return next((name for name, (_, extended) in _CLASSES.items() if extended == pool.resource), "")


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Give the classes that the cluster's pools need."""
    maker, component = Maker(factory.name), f"factory.{factory.name}"
    for name in sorted({device_class(pool) for pool in cluster.pools} - {""}):
        expression, extended = _CLASSES[name]
        spec: Object = {"selectors": [{"cel": {"expression": expression}}]}
        yield maker.make(
            "resource.k8s.io/v1", "DeviceClass", name, component, spec=spec | ({"extendedResourceName": extended} if extended else {})
        )
    vendors = {accelerator(system(pool.system).accelerator).vendor for pool in cluster.pools}
    for handler in sorted({_RUNTIMES[vendor] for vendor in vendors & set(_RUNTIMES)}):
        yield maker.make("node.k8s.io/v1", "RuntimeClass", handler, component, handler=handler)

"""Device classes and runtime classes of the vendors whose accelerators a cluster has.

The CEL of a class is the vendor's own: kubernetes-sigs/dra-driver-nvidia-gpu (Helm chart,
`deviceclass-*.yaml`) and ROCm/k8s-gpu-dra-driver. `extendedResourceName` lets a pod request the extended
resource on nodes that publish devices by DRA alone. Where a device plugin counts the resource on a node, the
scheduler uses the plugin's count (KEP-5004), so the two never serve one request.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.clusters import ClusterPlan, PoolSlice
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec.factory import AIFactory

_NVIDIA = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == '{type}'"
# Name to (CEL, extended resource). MIG instances have none: their resource names carry the profile.
_CLASSES = {
    "gpu.nvidia.com": (_NVIDIA.format(type="gpu"), "nvidia.com/gpu"),
    "mig.nvidia.com": (_NVIDIA.format(type="mig"), None),
    "gpu.amd.com": ("device.driver == 'gpu.amd.com'", "amd.com/gpu"),
}
_RUNTIMES = {"nvidia": "nvidia", "intel": "habana"}
"""Vendor to the runtime handler that its container toolkit installs; AMD needs none."""


def device_class(pool: PoolSlice) -> str:
    """Return the device class of a pool's devices; empty where its vendor has no DRA driver."""
    if pool.mig:
        return "mig.nvidia.com"
    for name, (_, extended) in _CLASSES.items():
        if extended == pool.resource:
            return name
    return ""


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the classes that the cluster's pools need."""
    maker = Maker(factory.name)
    component = f"factory.{factory.name}"
    classes: set[str] = set()
    handlers: set[str] = set()
    for pool in cluster.pools:
        classes.add(device_class(pool))
        vendor = accelerator(system(pool.system).accelerator).vendor
        if vendor in _RUNTIMES:
            handlers.add(_RUNTIMES[vendor])
    for name in sorted(classes - {""}):
        expression, extended = _CLASSES[name]
        spec: Object = {"selectors": [{"cel": {"expression": expression}}]}
        if extended:
            spec["extendedResourceName"] = extended
        yield maker.make("resource.k8s.io/v1", "DeviceClass", name, component, spec=spec)
    for handler in sorted(handlers):
        yield maker.make("node.k8s.io/v1", "RuntimeClass", handler, component, handler=handler)

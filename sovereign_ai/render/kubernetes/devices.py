"""Device classes and runtime classes of the vendors whose accelerators a cluster has.

The CEL of a class is the vendor's own (`catalog.vendors`). `extendedResourceName` lets a pod request the
extended resource on nodes that publish devices by DRA alone. Where a device plugin counts the resource on a
node, the scheduler uses the plugin's count (KEP-5004), so the two never serve one request.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.catalog.vendors import DeviceClass, Vendor, whole_device_class
from sovereign_ai.plan import ClusterPlan, PoolSlice
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec import AIFactory


def device_class(pool: PoolSlice) -> str:
    """Return the device class of a pool's devices; empty where its vendor has no DRA driver."""
    device = _device_class(pool)
    return device.name if device else ""


def _device_class(pool: PoolSlice) -> DeviceClass | None:
    """Return the device class of a pool's devices, by the resource that they are requested as."""
    if pool.mig:
        vendor = _vendor(pool)
        dra = vendor.dra if vendor else None
        return dra.partition_class if dra else None
    return whole_device_class(pool.resource)


def _vendor(pool: PoolSlice) -> Vendor | None:
    """Return the vendor of a pool's accelerators; None where it has none."""
    chip = accelerator_of(system(pool.system))
    return chip.gpu_vendor if chip else None


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the classes that the cluster's pools need."""
    maker = Maker(factory.name)
    component = f"factory.{factory.name}"
    classes: dict[str, DeviceClass] = {}
    handlers: set[str] = set()
    for pool in cluster.pools:
        device = _device_class(pool)
        if device:
            classes[device.name] = device
        vendor = _vendor(pool)
        if vendor and vendor.runtime:
            handlers.add(vendor.runtime.handler)
    for name, device in sorted(classes.items()):
        spec: Object = {"selectors": [{"cel": {"expression": device.expression}}]}
        if device.resource:
            spec["extendedResourceName"] = device.resource
        yield maker.make("resource.k8s.io/v1", "DeviceClass", name, component, spec=spec)
    for handler in sorted(handlers):
        yield maker.make("node.k8s.io/v1", "RuntimeClass", handler, component, handler=handler)

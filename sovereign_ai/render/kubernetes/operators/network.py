"""NVIDIA's Network Operator: its `NicClusterPolicy`, and a `HostDeviceNetwork` for each rail's port.

A pod gets a port as a whole. The plan knows the port's name, by which the machine has it; its addresses of
rails are for machines alone, so networks have no `ipam`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan, PlatformController
from sovereign_ai.render.kubernetes.objects import Object
from sovereign_ai.render.kubernetes.operators.images import PartImage, installs_packages, part_images
from sovereign_ai.render.kubernetes.operators.machines import (
    compute_ports,
    nvidia_pools,
    rdma_kinds,
    tolerations,
)
from sovereign_ai.render.switches.ports import host_interface
from sovereign_ai.spec import AIFactory

_GROUP = "mellanox.com/v1alpha1"
_RESOURCE_PREFIX = "nvidia.com"
_DRIVER, _DEVICE_PLUGIN = "doca-driver", "sriov-network-device-plugin"
_INTERFACES = {"cniPlugins": "plugins", "multus": "multus-cni"}


def settings(
    factory: AIFactory, plan: Plan, controller: PlatformController
) -> tuple[list[Object], list[str]]:
    """Return the operator's objects, and what a person must know of them."""
    pools = _pools(factory)
    ports = [host_interface(port) for port in compute_ports(plan, pools)]
    if not ports:
        return [], ["no pool has ports of NVIDIA on a compute fabric of InfiniBand or RoCE"]
    spec, notes = _spec(controller, ports)
    terms = [{"key": KEYS.pool, "operator": "In", "values": pools}]
    selected = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
    spec["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": selected}
    spec["tolerations"] = tolerations(factory, plan, pools)
    # The operator looks at the policy of this name alone.
    made: list[Object] = [_object("NicClusterPolicy", "nic-cluster-policy", spec)]
    for port in ports:
        network = {"networkNamespace": controller.namespace, "resourceName": port}
        made.append(_object("HostDeviceNetwork", port, network))
    if any("roce" in rdma_kinds(factory, factory.pool(pool)) for pool in pools):
        notes.append("networks: the plan has no addresses of rails for pods, so 'ipam' is left out")
    return made, notes


def _pools(factory: AIFactory) -> list[str]:
    """Return the pools whose ports are NVIDIA's: all on InfiniBand, and on RoCE those beside its GPUs."""
    with_gpus = {pool.name for pool in nvidia_pools(factory)}
    pools: list[str] = []
    for pool in factory.pools:
        kinds = rdma_kinds(factory, pool)
        if "infiniband" in kinds or (kinds and pool.name in with_gpus):
            pools.append(pool.name)
    return pools


def _spec(controller: PlatformController, ports: Sequence[str]) -> tuple[Object, list[str]]:
    """Return the policy's parts whose images are described, and notes on the others."""
    images = part_images(controller)
    notes: list[str] = []
    spec: Object = {}
    driver = _part(images, "ofedDriver", _DRIVER, notes)
    if driver:
        driver["upgradePolicy"] = {"autoUpgrade": False}
        driver["forcePrecompiled"] = not installs_packages(controller)
        spec["ofedDriver"] = driver
    plugin = _part(images, "sriovDevicePlugin", _DEVICE_PLUGIN, notes)
    if plugin:
        spec["sriovDevicePlugin"] = {**plugin, "config": _resources(ports)}
    interfaces: Object = {}
    for part, image in _INTERFACES.items():
        fields = _part(images, part, image, notes)
        if fields:
            interfaces[part] = fields
    if interfaces:
        spec["secondaryNetwork"] = interfaces
    return spec, notes


def _part(images: Mapping[str, Sequence[PartImage]], part: str, image: str, notes: list[str]) -> Object:
    """Return the image of one part; empty, with a note, where the description names none."""
    if image in images:
        return dict(images[image][0].fields)
    notes.append(f"{part}: no image {image!r} is described, so it is left out")
    return {}


def _resources(ports: Sequence[str]) -> str:
    """Return the configuration of the device plugin: one resource for each port."""
    resources: list[Object] = []
    for port in ports:
        selectors = {"isRdma": True, "pfNames": [port]}
        resources.append({"resourceName": port, "resourcePrefix": _RESOURCE_PREFIX, "selectors": selectors})
    return json.dumps({"resourceList": resources})


def _object(kind: str, name: str, spec: Object) -> Object:
    """Return an object of the whole cluster."""
    return {"apiVersion": _GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}

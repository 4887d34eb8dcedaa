"""Kubernetes nodes from the plan: labels, taints, resources and addresses.

A zone with dedicated nodes taints them `<domain>/zone=<zone>:NoSchedule`. A spare has the taint
`<domain>/spare=true:NoSchedule` besides: it is a full node, Ready and counted, that runs no work until the
taint is removed. It is not cordoned, because a cordon is an operator's own sign.

    node_objects(factory, plan, "lab")[0]["metadata"]["labels"]["nvidia.com/gpu.product"]
    # 'NVIDIA-H100-80GB-HBM3'
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS, OWNER, label_value
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import node_taints, place_labels, role_labels
from sovereign_ai.sim.features import feature_labels
from sovereign_ai.sim.identity import clique, identity
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.spec import AIFactory

FAKE = "kwok.x-k8s.io/node"
"""The annotation by which KWOK plays a node."""
SPARE = f"{KEYS.domain}/spare"
"""The taint of machines kept ready."""
_CACHE_TIME = "node.alpha.kubernetes.io/ttl"
# Nodes up to which a TTL applies, and the TTL (Kubernetes 1.37, pkg/controller/ttl).
_CACHE_SECONDS = ((100, 0), (500, 15), (1000, 30), (2000, 60), (10**9, 300))
_EPHEMERAL = "1Ti"
"""Static: local storage of every machine, since the catalogue has no figure for it."""
_KUBELET = "v1.37.2"
"""Static: the kubelet's version that nodes report."""
_RDMA = {"infiniband": "rdma/ib", "roce": "rdma/roce"}
_RDMA_ROLES = {"compute", "storage"}


def node_objects(factory: AIFactory, plan: Plan, cluster: str) -> list[dict[str, Any]]:
    """Return the v1 Node of every machine of one cluster, in the plan's order.

    Raises:
        KeyError: the plan has no such cluster.
    """
    fabrics = fabric_resources(factory)
    nodes = []
    for machine in machines(plan, cluster):
        fabric = fabrics.get(machine.node.pool, {})
        nodes.append(_node(factory, machine, fabric))
    return nodes


def fabric_resources(factory: AIFactory) -> dict[str, dict[str, int]]:
    """Return each pool's RDMA resources, `rdma/ib` or `rdma/roce`, with the number of devices a node.

    A node has a device for each rail of each plane of the compute and storage fabrics that its pool joins.
    """
    resources: dict[str, dict[str, int]] = {}
    for pool in factory.pools:
        devices = resources.setdefault(pool.name, {})
        for fabric in factory.fabrics:
            if pool.is_on(fabric) and fabric.kind in _RDMA and fabric.role in _RDMA_ROLES:
                name = _RDMA[fabric.kind]
                devices[name] = devices.get(name, 0) + fabric.rails * fabric.planes
    return resources


def with_cache_time(node: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a copy of a new node with the annotation that the cluster's TTL controller would write later.

    It saves one write in five.

    Args:
        node: a node to be made.
        count: nodes in the cluster once it is made.
    """
    seconds = next(seconds for most, seconds in _CACHE_SECONDS if count <= most)
    annotations = {**node["metadata"]["annotations"], _CACHE_TIME: str(seconds)}
    return {**node, "metadata": {**node["metadata"], "annotations": annotations}}


def _node(factory: AIFactory, machine: Machine, fabric: dict[str, int]) -> dict[str, Any]:
    """Return one node."""
    node = machine.node
    labels = _labels(machine) | _accelerators(machine) | role_labels(factory, node)
    spec: dict[str, Any] = {"providerID": f"sovereign-ai://{node.site}/{node.hall}/{node.name}"}
    taints = node_taints(factory, node)
    if taints:
        spec["taints"] = taints
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": dict(sorted(labels.items())),
            "annotations": {FAKE: "fake"},
        },
        "spec": spec,
        "status": _status(machine, fabric, factory.clusters.pods_per_node),
    }


def _labels(machine: Machine) -> dict[str, str]:
    """Return the labels of a node's place, its owner and its jurisdiction."""
    node, arch = machine.node, machine.system.cpu_arch
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": arch,
        "topology.kubernetes.io/region": node.region,
        "topology.kubernetes.io/zone": node.hall,
        "node.kubernetes.io/instance-type": node.system,
        "type": "kwok",
        KEYS.owner: OWNER,
        KEYS.factory: machine.factory,
        KEYS.component: f"pool.{node.pool}",
        KEYS.pool: node.pool,
        KEYS.zone: node.zone,
        KEYS.jurisdiction: node.jurisdiction,
    }
    valid = {key: label_value(value) for key, value in labels.items()}
    return valid | place_labels(node, machine.tiers)


def _accelerators(machine: Machine) -> dict[str, str]:
    """Return the labels of the vendor's feature discovery."""
    part, domain = machine.part, machine.node.nvlink_domain
    chip = machine.chip
    if chip is None:
        return {}
    labels = feature_labels(machine.system, chip, driver=part.driver, mig=part.mig, resource=part.resource)
    scale_up = chip.gpu_vendor.scale_up
    if domain and scale_up:
        labels[scale_up.label] = clique(machine.factory, domain)
    return labels


def _status(machine: Machine, fabric: dict[str, int], pods: int) -> dict[str, Any]:
    """Return resources and addresses; KWOK adds the conditions."""
    node = machine.node
    resources = {
        "cpu": str(machine.system.cpus),
        "memory": machine.system.memory.to_kubernetes(),
        "ephemeral-storage": _EPHEMERAL,
        "pods": str(pods),
    }
    if machine.part.resource:
        resources[machine.part.resource] = str(machine.devices)
    for name, number in fabric.items():
        resources[name] = str(number)
    addresses = [{"type": "Hostname", "address": node.name}]
    if node.address:
        addresses.insert(0, {"type": "InternalIP", "address": node.address})
    return {
        "capacity": resources,
        "allocatable": dict(resources),
        "addresses": addresses,
        "nodeInfo": _info(machine),
    }


def _info(machine: Machine) -> dict[str, str]:
    """Return what a kubelet would report about its machine."""
    factory, name = machine.factory, machine.node.name
    return {
        "architecture": machine.system.cpu_arch,
        "operatingSystem": "linux",
        "kubeletVersion": _KUBELET,
        # KWOK fills in what is left empty.
        "kubeProxyVersion": "",
        "containerRuntimeVersion": "kwok://simulated",
        "kernelVersion": "simulated",
        "osImage": "simulated",
        "machineID": identity(factory, name, "machine").hex,
        "systemUUID": str(identity(factory, name, "system")),
        "bootID": str(identity(factory, name, "boot")),
    }

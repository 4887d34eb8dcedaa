"""A cluster for Cluster API with Metal3: Cluster, Metal3Cluster, and a Metal3MachineTemplate a pool.

The fields are those of Cluster API 1.14 and of its Metal3 provider (`v1beta2` of both, read 2026-11-27). The
file is a template for `clusterctl generate yaml`: what a plan does not have is a variable under the name that
the provider's own examples use.

* `CLUSTER_APIENDPOINT_HOST`: the address of the cluster's API server.
* `IMAGE_URL_AMD64`, `IMAGE_CHECKSUM_AMD64`, and the same with `ARM64`: the operating system's image, by
  architecture, with its SHA-256.

A template takes the BareMetalHosts of its pool by their labels: objects and hosts are in one namespace, as
Metal3 demands. Control plane, bootstrap configuration and MachineDeployments are not in the file.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS, label
from sovereign_ai.plan import Plan
from sovereign_ai.render.switches.block import yaml_block

NAMESPACE = "bare-metal"
"""The namespace of these objects, of BareMetalHosts, and of the Secrets of their controllers."""
_INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io"
_API_SERVER_PORT = 6443
"""The port that kubeadm gives an API server."""


def cluster_api(plan: Plan, cluster: str) -> str:
    """Return the objects of one cluster, as YAML documents.

    Args:
        plan: what follows from the description.
        cluster: the cluster's name.
    """
    documents = [_cluster(plan.factory, cluster), _metal3_cluster(plan.factory, cluster)]
    systems: dict[str, str] = {}
    for node in plan.nodes_of(cluster):
        systems.setdefault(node.pool, node.system)
    for pool, machine in systems.items():
        documents.append(_machine_template(plan.factory, cluster, pool, system(machine).cpu_arch))
    return "---\n".join(yaml_block(document) for document in documents)


def _metadata(factory: str, name: str) -> dict[str, Any]:
    """Return an object's metadata."""
    return {"name": name, "namespace": NAMESPACE, "labels": {KEYS.factory: factory}}


def _cluster(factory: str, cluster: str) -> dict[str, Any]:
    """Return the Cluster, whose control plane somebody else adds."""
    reference = {"apiGroup": _INFRASTRUCTURE, "kind": "Metal3Cluster", "name": cluster}
    return {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Cluster",
        "metadata": _metadata(factory, cluster),
        "spec": {"infrastructureRef": reference},
    }


def _metal3_cluster(factory: str, cluster: str) -> dict[str, Any]:
    """Return the Metal3Cluster."""
    endpoint = {"host": "${CLUSTER_APIENDPOINT_HOST}", "port": _API_SERVER_PORT}
    return {
        "apiVersion": f"{_INFRASTRUCTURE}/v1beta2",
        "kind": "Metal3Cluster",
        "metadata": _metadata(factory, cluster),
        # Without a cloud controller, Metal3 itself gives nodes their provider's identifier.
        "spec": {"controlPlaneEndpoint": endpoint, "cloudProviderEnabled": False},
    }


def _machine_template(factory: str, cluster: str, pool: str, architecture: str) -> dict[str, Any]:
    """Return a pool's Metal3MachineTemplate."""
    suffix = architecture.upper()
    image = {
        "url": f"${{IMAGE_URL_{suffix}}}",
        "checksum": f"${{IMAGE_CHECKSUM_{suffix}}}",
        "checksumType": "sha256",
    }
    machine = {
        "hostSelector": {"matchLabels": {KEYS.factory: factory, KEYS.pool: pool}},
        "image": image,
        # A disk's partition table and keys go before the next one has the machine.
        "automatedCleaningMode": "metadata",
    }
    return {
        "apiVersion": f"{_INFRASTRUCTURE}/v1beta2",
        "kind": "Metal3MachineTemplate",
        "metadata": _metadata(factory, label(cluster, pool)),
        "spec": {"template": {"spec": machine}},
    }

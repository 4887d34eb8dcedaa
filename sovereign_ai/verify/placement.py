"""Find pods that run on nodes where they may not run.

Admission decides when a pod is created, and never later: not when its namespace moves to another
zone, when its node changes the pool, or when the policies come later. So a verdict looks at every pod and its
node, whoever created the pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.names import is_reserved_namespace
from sovereign_ai.plan import Plan
from sovereign_ai.verify.findings import ClusterFinding, foreign, resource

_MIRROR = "kubernetes.io/config.mirror"
"""Annotation of the mirror object of a static pod, which the kubelet runs on its own."""
_FINISHED = frozenset({"Succeeded", "Failed"})

Object = Mapping[str, Any]


def misplaced(pods: Iterable[Object], plan: Plan, cluster: str) -> Iterator[ClusterFinding]:
    """Yield a finding for every running pod on a node of another zone than its namespace's.

    A tenant's namespace belongs to one zone, and its pods run on nodes of that zone only. Pods of other
    namespaces may not run on nodes of a zone, except for agents that run on every node (DaemonSets and static
    pods) and the pods of system namespaces.

    Args:
        pods: live pods of every namespace.
        plan: the plan, which knows each node's zone.
        cluster: the plan's name for the cluster.

    Raises:
        KeyError: the plan has no such cluster.
    """
    zone_of_node = {node.name: node.zone for node in plan.nodes_of(cluster)}
    zone_of_namespace = {space.name: space.zone for space in plan.cluster(cluster).namespaces}
    for pod in pods:
        node = pod.get("spec", {}).get("nodeName")
        # A pod without a node waits, and one that has finished holds nothing any more.
        if not node or pod.get("status", {}).get("phase") in _FINISHED:
            continue
        namespace = pod["metadata"]["namespace"]
        pod_zone = zone_of_namespace.get(namespace)
        node_zone = zone_of_node.get(node)
        if pod_zone is not None and node_zone != pod_zone:
            zone = "no zone of the plan" if node_zone is None else f"zone {node_zone}"
            why = f"it runs on {node}, a node of {zone}, and namespace {namespace} belongs to zone {pod_zone}"
            hint = f"delete it; its controller creates it again in zone {pod_zone}"
            yield foreign(resource(pod), why, hint)
        elif pod_zone is None and node_zone is not None and not _may_run_anywhere(pod):
            why = (
                f"it runs on {node}, a node of zone {node_zone}, and namespace {namespace} belongs to no zone"
            )
            hint = "delete it, and keep its workload on nodes outside the zones"
            yield foreign(resource(pod), why, hint)


def _may_run_anywhere(pod: Object) -> bool:
    """Return whether a pod is an agent of its node or part of the system."""
    metadata = pod["metadata"]
    owners = metadata.get("ownerReferences") or ()
    is_agent = any(owner.get("kind") == "DaemonSet" and owner.get("controller") for owner in owners)
    is_static = _MIRROR in (metadata.get("annotations") or {})
    # Everybody who may create pods at all may do so in `default`: its name is reserved, but no part of the
    # system.
    is_system = is_reserved_namespace(metadata["namespace"]) and metadata["namespace"] != "default"
    return is_agent or is_static or is_system

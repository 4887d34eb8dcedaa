"""Which pods of a machine may run on while some of its GPUs are reset: those that hold none of these.

Which GPU a pod has is known of resource claims alone: the devices of their allocation, and the pods for which
they are reserved. Of a pod that asks for a number of an extended resource nobody but its kubelet knows, so
that it counts as one that holds any. A pod without a GPU holds none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sovereign_ai.operate.repair.faults import Object, gpu_index

PodKey = tuple[str, str]
"""Namespace and name."""
_CORE = ("cpu", "memory", "ephemeral-storage", "storage", "hugepages-")
"""What the names of Kubernetes' own resources begin with; any other may be a GPU."""


def spared_pods(
    pods: Iterable[Object], claims: Iterable[Object], machine: str, gpus: Collection[int]
) -> set[PodKey]:
    """Return the pods of a machine that hold none of some GPUs.

    Args:
        pods: the machine's pods.
        claims: the ResourceClaims of the cluster.
        machine: its name, which is the pool of its devices.
        gpus: the indices of the GPUs that are to be reset.
    """
    held = _held(claims, machine)
    spared = set()
    for pod in pods:
        key = (str(pod["metadata"].get("namespace")), str(pod["metadata"].get("name")))
        spec = pod.get("spec") or {}
        if _requests_extended_resource(spec):
            continue
        # A claim without an allocation that is known may be for any of the devices.
        if spec.get("resourceClaims") and key not in held:
            continue
        if held.get(key, set()).isdisjoint(gpus):
            spared.add(key)
    return spared


def _held(claims: Iterable[Object], machine: str) -> dict[PodKey, set[int]]:
    """Return the GPUs of a machine that pods hold by their claims; empty of one with other devices alone."""
    held: defaultdict[PodKey, set[int]] = defaultdict(set)
    for claim in claims:
        status = claim.get("status") or {}
        gpus = set()
        is_here = False
        for result in ((status.get("allocation") or {}).get("devices") or {}).get("results") or ():
            if result.get("pool") == machine:
                is_here = True
                index = gpu_index(result.get("device"))
                gpus |= {index} if index is not None else set()
        for user in (status.get("reservedFor") or ()) if is_here else ():
            if user.get("resource") == "pods":
                held[str(claim["metadata"].get("namespace")), str(user.get("name"))] |= gpus
    return held


def _requests_extended_resource(spec: Mapping[str, Any]) -> bool:
    """Return whether a pod asks for an extended resource, such as `nvidia.com/gpu`."""
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            resources = container.get("resources") or {}
            names = [*(resources.get("limits") or {}), *(resources.get("requests") or {})]
            if any(not name.startswith(_CORE) for name in names):
                return True
    return False

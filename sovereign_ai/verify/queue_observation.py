"""Read what a cluster holds about queues: one LIST request a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.verify.kinds import KUEUE
from sovereign_ai.verify.queue_state import QueueState

_MOST_CANDIDATES = 1000
"""Names that are compared with one that does not exist."""


def observe_queues(api: Api) -> QueueState:
    """Return what a cluster holds about queues.

    Raises:
        ApiError: the API server refused, or serves no objects of Kueue.
        UnreachableError: there was no answer.
    """
    return QueueState(
        local_queues=api.list(KUEUE, "LocalQueue"),
        cluster_queues=api.list(KUEUE, "ClusterQueue"),
        flavors=api.list(KUEUE, "ResourceFlavor"),
        topologies=api.list(KUEUE, "Topology"),
        workloads=api.list(KUEUE, "Workload"),
        nodes=api.list("v1", "Node"),
        pods=api.list("v1", "Pod"),
        admission_checks=api.list(KUEUE, "AdmissionCheck"),
        namespaces=api.list("v1", "Namespace"),
    )


def find_workload(state: QueueState, name: str) -> Mapping[str, Any]:
    """Return the newest workload of a name, or the one that Kueue made of a job of that name.

    Args:
        state: what the cluster holds.
        name: `namespace/name`, of the workload or of its job.

    Raises:
        UsageError: there is none.
    """
    namespace, _, plain = name.rpartition("/")
    chosen: list[Mapping[str, Any]] = []
    known = set()
    for workload in state.workloads:
        metadata = workload["metadata"]
        owners = [owner["name"] for owner in metadata.get("ownerReferences") or ()]
        known |= {f"{metadata['namespace']}/{each}" for each in owners or [metadata["name"]]}
        if metadata["namespace"] == namespace and plain in {metadata["name"], *owners}:
            chosen.append(workload)
    if not chosen:
        message = f"the cluster has no workload {name!r}; write it as namespace/name, or the name of its job"
        candidates = sorted(known)[:_MOST_CANDIDATES]
        raise UsageError(Problem("unknown-workload", message, hint=nearest(name, candidates)))
    return max(chosen, key=lambda workload: str(workload["metadata"].get("creationTimestamp", "")))

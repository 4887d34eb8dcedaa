"""Read what a cluster holds about queues: one LIST request a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sovereign_ai.cluster.api import Api, list_if_served
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.verify.claimed_devices import count_claims
from sovereign_ai.verify.fair_share import STRATEGIES
from sovereign_ai.verify.kinds import KUEUE, RESOURCES, SCHEDULING
from sovereign_ai.verify.pod_requests import field_of
from sovereign_ai.verify.queue_state import QueueState

_MOST_CANDIDATES = 1000
"""Names that are compared with one that does not exist."""


def observe_queues(api: Api, strategies: Sequence[str] = ()) -> QueueState:
    """Return what a cluster holds about queues.

    Whether Kueue shares fairly is seen in the status of its queues, by which strategies is not.

    Args:
        api: the cluster.
        strategies: those that the description names; none for Kueue's usual ones.

    Raises:
        ApiError: the API server refused, or serves no objects of Kueue.
        UnreachableError: there was no answer.
    """
    templates = _claim_templates(api)
    workloads = []
    for workload in api.list(KUEUE, "Workload"):
        workloads.append(count_claims(workload, templates))
    cluster_queues = api.list(KUEUE, "ClusterQueue")
    shares = any(field_of(queue, "status", "fairSharing") is not None for queue in cluster_queues)
    return QueueState(
        fair_sharing=(strategies or STRATEGIES) if shares else (),
        local_queues=api.list(KUEUE, "LocalQueue"),
        cluster_queues=cluster_queues,
        flavors=api.list(KUEUE, "ResourceFlavor"),
        topologies=api.list(KUEUE, "Topology"),
        workloads=workloads,
        nodes=api.list("v1", "Node"),
        pods=api.list("v1", "Pod"),
        admission_checks=api.list(KUEUE, "AdmissionCheck"),
        namespaces=api.list("v1", "Namespace"),
        claim_templates=templates,
        cohorts=api.list(KUEUE, "Cohort"),
        priority_classes=[*api.list(KUEUE, "WorkloadPriorityClass"), *api.list(SCHEDULING, "PriorityClass")],
    )


def _claim_templates(api: Api) -> Sequence[Mapping[str, Any]]:
    """Return the templates of claims; none where the cluster serves no such kind."""
    return list_if_served(api, RESOURCES, "ResourceClaimTemplate")


def find_workload(state: QueueState, name: str) -> Mapping[str, Any]:
    """Return the newest workload of a name, or the one that Kueue made of a job of that name.

    Args:
        state: what the cluster holds.
        name: `namespace/name`, of the workload or of its job; the namespace may be left out where one alone
            has that name.

    Raises:
        UsageError: there is none, or several namespaces have one.
    """
    namespace, _, plain = name.rpartition("/")
    chosen: list[Mapping[str, Any]] = []
    known = set()
    for workload in state.workloads:
        metadata = workload["metadata"]
        owners = [owner["name"] for owner in metadata.get("ownerReferences") or ()]
        known |= {f"{metadata['namespace']}/{each}" for each in owners or [metadata["name"]]}
        if namespace in {"", metadata["namespace"]} and plain in {metadata["name"], *owners}:
            chosen.append(workload)
    places = sorted({workload["metadata"]["namespace"] for workload in chosen})
    if len(places) > 1:
        message = f"{', '.join(places)} each have a workload {name!r}"
        hint = f"write it with its namespace, such as {places[0]}/{plain}"
        raise UsageError(Problem("ambiguous-workload", message, hint=hint))
    if not chosen:
        candidates = sorted(known)[:_MOST_CANDIDATES]
        hint = (
            nearest(name, candidates) if known else "it has none; --before FILE asks before work is submitted"
        )
        raise UsageError(Problem("unknown-workload", f"the cluster has no workload {name!r}", hint=hint))
    return max(chosen, key=lambda workload: str(workload["metadata"].get("creationTimestamp", "")))

"""What a cluster holds about queues, and what it would hold after a change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.verify.pod_requests import Object, field_of

_MULTIKUEUE = "kueue.x-k8s.io/multikueue"
_WORKLOAD = "kueue.x-k8s.io/workload"
"""Kueue's annotation of the pods of a workload."""
_OWNER_LABELS = ("batch.kubernetes.io/job-name", "jobset.sigs.k8s.io/jobset-name")
"""Labels of pods with the name of the work that owns their workload: a Job, or a JobSet and a TrainJob."""


@frozen_dataclass
class QueueState:
    """What a cluster holds about queues, as lists of objects of the API.

    Attributes:
        fair_sharing: the strategies by which Kueue shares what is lent; none where it does not.
    """

    local_queues: Sequence[Object] = ()
    cluster_queues: Sequence[Object] = ()
    flavors: Sequence[Object] = ()
    topologies: Sequence[Object] = ()
    workloads: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    admission_checks: Sequence[Object] = ()
    namespaces: Sequence[Object] = ()
    claim_templates: Sequence[Object] = ()
    cohorts: Sequence[Object] = ()
    priority_classes: Sequence[Object] = ()
    fair_sharing: Sequence[str] = ()


def by_name(objects: Iterable[Object], name: str) -> Object | None:
    """Return the object of a name; None where there is none."""
    return next((each for each in objects if each["metadata"]["name"] == name), None)


def full_name(obj: Object) -> str:
    """Return `namespace/name` of an object."""
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def cluster_queue_of(workload: Object, state: QueueState) -> Object | None:
    """Return the ClusterQueue to which a workload's queue leads; None where one of the two is missing."""
    wanted = (workload["metadata"].get("namespace"), workload["spec"].get("queueName"))
    for local in state.local_queues:
        if (local["metadata"]["namespace"], local["metadata"]["name"]) == wanted:
            return by_name(state.cluster_queues, local["spec"]["clusterQueue"])
    return None


def is_sent_elsewhere(queue: Object, state: QueueState) -> bool:
    """Return whether the work of a ClusterQueue runs in another cluster, whose Kueue chooses its place."""
    for check in field_of(queue, "spec", "admissionChecksStrategy", "admissionChecks") or ():
        known = by_name(state.admission_checks, check["name"]) or {}
        if field_of(known, "spec", "controllerName") == _MULTIKUEUE:
            return True
    return False


def priority_of(workload: Object) -> int:
    """Return the priority of a workload; the API's default is 0."""
    return int(workload["spec"].get("priority") or 0)


def place_in_queue(workload: Object) -> tuple[int, str, str]:
    """Return what a queue sorts by: priority, then age in seconds, then UID.

    What is not there yet comes last (Kueue 0.17, baseCompareFunc in pkg/cache/queue/cluster_queue.go).
    """
    metadata = workload["metadata"]
    age = str(metadata.get("creationTimestamp", "9"))
    return (-priority_of(workload), age, str(metadata.get("uid", "~")))


def missing_class(workload: Object, state: QueueState) -> Object | None:
    """Return the reference to a priority class that does not exist; None where there is no such."""
    reference = workload["spec"].get("priorityClassRef")
    if "priority" in workload["spec"] or not reference or _class_of(reference, state) is not None:
        return None
    return dict(reference)


def with_priority(workload: Object, state: QueueState) -> Object:
    """Return a workload with the priority of its class, or of the default class; what has one keeps it."""
    if "priority" in workload["spec"]:
        return workload
    reference = workload["spec"].get("priorityClassRef")
    if reference:
        chosen = _class_of(reference, state)
        return with_spec(workload, priority=int(chosen["value"])) if chosen else workload
    defaults = [int(each["value"]) for each in state.priority_classes if each.get("globalDefault")]
    return with_spec(workload, priority=min(defaults)) if defaults else workload


def _class_of(reference: Object, state: QueueState) -> Object | None:
    """Return the priority class of a kind and a name; None where there is none."""
    for each in state.priority_classes:
        if (each.get("kind"), each["metadata"]["name"]) == (reference["kind"], reference["name"]):
            return each
    return None


def without(state: QueueState, ended: Collection[str]) -> QueueState:
    """Return the state once some workloads have ended, and their pods with them.

    Args:
        state: what there is.
        ended: the workloads, as `namespace/name`.
    """
    if not ended:
        return state
    workloads = [each for each in state.workloads if full_name(each) not in ended]
    pods = []
    for pod in state.pods:
        metadata = pod.get("metadata") or {}
        owner = (metadata.get("annotations") or {}).get(_WORKLOAD)
        if owner is None or f"{metadata.get('namespace', '')}/{owner}" not in ended:
            pods.append(pod)
    return replace(state, workloads=workloads, pods=pods)


def pods_of(workload: Object, state: QueueState) -> list[Object]:
    """Return the pods of a workload that are there: of Kueue's annotation, or of the work that owns it."""
    metadata = workload["metadata"]
    owners = {str(owner["name"]) for owner in metadata.get("ownerReferences") or ()}
    found = []
    for pod in state.pods:
        live = pod.get("metadata") or {}
        if live.get("namespace") != metadata.get("namespace"):
            continue
        annotated = (live.get("annotations") or {}).get(_WORKLOAD)
        labels = live.get("labels") or {}
        named = {labels[label] for label in _OWNER_LABELS if label in labels}
        is_own = annotated == metadata["name"] if annotated else bool(named & owners)
        if is_own or live.get("name") in owners:
            found.append(pod)
    return found


def with_spec(obj: Object, **fields: Any) -> Object:
    """Return an object with other fields of its spec."""
    return {**obj, "spec": {**obj["spec"], **fields}}


def with_node(state: QueueState, repaired: Object) -> QueueState:
    """Return the state with another version of one node."""
    name = repaired["metadata"]["name"]
    nodes = [repaired if node["metadata"]["name"] == name else node for node in state.nodes]
    return replace(state, nodes=nodes)


def is_true(conditions: Iterable[Object] | None, name: str) -> bool:
    """Return whether a condition is among some and true."""
    for condition in conditions or ():
        if condition["type"] == name:
            return bool(condition["status"] == "True")
    return False


def is_finished(workload: Object) -> bool:
    """Return whether a workload has finished."""
    return is_true(field_of(workload, "status", "conditions"), "Finished")

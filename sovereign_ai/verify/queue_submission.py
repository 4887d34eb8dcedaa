"""The workload that Kueue would make of work that was not submitted: its queue, priority and pod sets.

A Job has one pod set, a JobSet one for each of its replicated jobs, and a LeaderWorkerSet two for each group
of its replicas, of which one group counts: each is a workload of its own. Source: Kueue 0.17,
pkg/controller/jobs and pkg/controller/jobframework/tas.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.queue_reason import QueueReason

_KUEUE = "kueue.x-k8s.io"
_QUEUE_NAME = f"{_KUEUE}/queue-name"
_PRIORITY_CLASS = f"{_KUEUE}/priority-class"
_LEAST_PODS = f"{_KUEUE}/job-min-parallelism"
_GROUP = f"{_KUEUE}/podset-group-name"
_NOT_FOUND = 404
_MOST_DIGITS = 10
_SLICE_LEVEL, _SLICE_SIZE = f"{_KUEUE}/podset-slice-required-topology", f"{_KUEUE}/podset-slice-size"


def workload_of(work: Object) -> dict[str, Any]:
    """Return the workload that Kueue would make of a Job, a JobSet or a group of a LeaderWorkerSet.

    Args:
        work: the object, of one of the kinds of `SUBMITTED`; another counts as a Job.
    """
    pod_sets = list(SUBMITTED.get(str(work.get("kind")), _of_job)(work))
    labels = field_of(work, "metadata", "labels") or {}
    spec: dict[str, Any] = {"queueName": labels.get(_QUEUE_NAME, ""), "podSets": pod_sets}
    reference = _priority_class(labels, pod_sets)
    if reference is not None:
        spec["priorityClassRef"] = reference
    metadata = {
        "name": work["metadata"].get("name", ""),
        "namespace": work["metadata"].get("namespace", "default"),
    }
    return {"metadata": metadata, "spec": spec}


def refusal_of(api: Api, work: Object) -> QueueReason | None:
    """Return why a cluster would not take work; None where it would, or cannot be asked.

    The API server judges it in a dry run, with Kueue's webhooks and all policies. It gets another name, since
    work of its own may be there. Of a kind or namespace that is not there it says nothing.

    Args:
        api: the cluster.
        work: the object, of one of the kinds of `SUBMITTED`.

    Raises:
        UnreachableError: there was no answer.
    """
    metadata = {"namespace": "default"} | dict(work["metadata"])
    name = f"{metadata['namespace']}/{metadata.pop('name', '')}"
    metadata["generateName"] = "why-"
    try:
        api.create({**work, "metadata": metadata}, dry_run=True)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        message = "; ".join(error.causes) or error.problems[0].message
        return QueueReason(name, "waits", "", "", "refused", f"the cluster would not take it: {message}")
    return None


def _priority_class(labels: Mapping[str, str], pod_sets: list[dict[str, Any]]) -> dict[str, str] | None:
    """Return the priority class of work: that of its label, else the first one of its pods."""
    if name := labels.get(_PRIORITY_CLASS):
        return {"group": _KUEUE, "kind": "WorkloadPriorityClass", "name": name}
    for pod_set in pod_sets:
        if name := field_of(pod_set, "template", "spec", "priorityClassName"):
            return {"group": "scheduling.k8s.io", "kind": "PriorityClass", "name": name}
    return None


def _of_job(job: Object) -> Iterator[dict[str, Any]]:
    """Yield the one pod set of a Job."""
    spec = job["spec"]
    pod_set = _pod_set("main", _parallel(spec), spec["template"])
    least = (field_of(job, "metadata", "annotations") or {}).get(_LEAST_PODS, "")
    if _is_count(least):
        pod_set["minCount"] = int(least)
    yield pod_set


def _of_job_set(job_set: Object) -> Iterator[dict[str, Any]]:
    """Yield a pod set for each replicated job."""
    for replicated in job_set["spec"].get("replicatedJobs") or ():
        spec = replicated["template"]["spec"]
        count = int(replicated.get("replicas", 1)) * _parallel(spec)
        yield _pod_set(str(replicated["name"]), count, spec["template"])


def _of_leader_worker_set(group: Object) -> Iterator[dict[str, Any]]:
    """Yield the pod sets of a group: its leader, and its workers where there are more pods."""
    template = group["spec"]["leaderWorkerTemplate"]
    size, workers = int(template.get("size", 1)), template["workerTemplate"]
    leader = template.get("leaderTemplate")
    if leader is None:
        yield _pod_set("main", size, workers)
        return
    yield _pod_set("leader", 1, leader)
    if size > 1:
        yield _pod_set("worker", size - 1, workers)


def _parallel(spec: Object) -> int:
    """Return the pods that a job runs at a time."""
    parallelism = int(spec.get("parallelism", 1))
    completions = spec.get("completions")
    return parallelism if completions is None else min(parallelism, int(completions))


def _is_count(text: str) -> bool:
    """Return whether an annotation is a number of pods; Kueue's webhook refuses work with another one."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _pod_set(name: str, count: int, template: Object) -> dict[str, Any]:
    """Return a pod set with what its pods ask of the topology."""
    pod_set: dict[str, Any] = {"name": name, "count": count, "template": template}
    request = _topology_request(field_of(template, "metadata", "annotations") or {})
    return pod_set | ({"topologyRequest": request} if request else {})


def _topology_request(annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return what annotations ask of the topology, the strictest only; empty for nothing."""
    request: dict[str, Any] = {}
    for kind in ("required", "preferred"):
        if level := annotations.get(f"{_KUEUE}/podset-{kind}-topology"):
            request[kind] = level
            break
    if not request and annotations.get(f"{_KUEUE}/podset-unconstrained-topology", "").lower() == "true":
        request["unconstrained"] = True
    if annotations.get(_SLICE_LEVEL) and _is_count(annotations.get(_SLICE_SIZE, "")):
        request["podSetSliceRequiredTopology"] = annotations[_SLICE_LEVEL]
        request["podSetSliceSize"] = int(annotations[_SLICE_SIZE])
    if annotations.get(_GROUP) and request.keys() & {"required", "preferred"}:
        request["podSetGroupName"] = annotations[_GROUP]
    return request


SUBMITTED: Mapping[str, Callable[[Object], Iterator[dict[str, Any]]]] = {
    "Job": _of_job,
    "JobSet": _of_job_set,
    "LeaderWorkerSet": _of_leader_worker_set,
}
"""The kinds of work that are read, and what yields their pod sets."""

"""Jobs in the queues of an embedded control plane: which wait, and what Kueue's start or end means for them.

Kueue's webhook suspends every Job that names a queue, and Kueue lets it start once there is room for it.
Without Kueue nobody would: a Job that waits then starts, and the quotas of its namespace decide what runs. A
Job whose workload somebody deactivated is suspended on purpose, and stays so. The same holds for JobSets and
TrainJobs, where they are served. A Job of a JobSet follows its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.api.conflicts import patch_as_read, retry_on_conflict, unless_gone
from sovereign_ai.cluster.api.optional_kinds import list_if_served
from sovereign_ai.cluster.embedded.queueing import GROUP_VERSION
from sovereign_ai.frozen_dataclass import frozen_dataclass

Object = Mapping[str, Any]
PREFIX = "kueue.x-k8s.io/"
"""Of Kueue's labels, finalizers and scheduling gates."""
QUEUE_NAME = f"{PREFIX}queue-name"
_KINDS = {
    "Job": "batch/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "TrainJob": "trainer.kubeflow.org/v1alpha1",
}
"""Kind of jobs that Kueue suspends to its version."""
_ENDS = {"Complete", "Completed", "Failed"}
_MOST_NAMED = 5
_TOO_MANY, _SERVER_ERROR = 429, 500


@frozen_dataclass
class QueuedJobs:
    """Jobs that name a queue and are not complete: `namespace/name`, after its kind where that is not Job.

    Attributes:
        waiting: suspended until Kueue admits them.
        held: suspended on purpose, or unknown to Kueue: nobody but their owner lets them start.
        running: not suspended.
        uids: the UIDs of those that wait, by name: another Job of such a name is another's decision.
    """

    waiting: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    uids: Mapping[str, str] = field(default_factory=dict, compare=False)


def read_queued_jobs(api: Api) -> QueuedJobs:
    """Read the Jobs that name a queue, and what Kueue knows of them.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    calls = [partial(list_if_served, api, version, kind, QUEUE_NAME) for kind, version in _KINDS.items()]
    *listed_jobs, workloads = api.many((*calls, partial(list_if_served, api, GROUP_VERSION, "Workload")))
    return queued_jobs([job for jobs in listed_jobs for job in jobs], workloads)


def queued_jobs(jobs: Iterable[Object], workloads: Iterable[Object]) -> QueuedJobs:
    """Sort Jobs by whether they run, wait for Kueue, or are suspended for another reason.

    Args:
        jobs: the Jobs that name a queue.
        workloads: Kueue's workloads.
    """
    active = _owners_of_active(workloads)
    waiting: list[str] = []
    held: list[str] = []
    running: list[str] = []
    uids: dict[str, str] = {}
    for job in jobs:
        if has_ended(job) or is_owned(job):
            continue
        kind = running
        if job["spec"].get("suspend"):
            kind = waiting if job["metadata"].get("uid") in active else held
        kind.append(_name(job))
        uids[_name(job)] = str(job["metadata"].get("uid") or "")
    return QueuedJobs(tuple(sorted(waiting)), tuple(sorted(held)), tuple(sorted(running)), uids)


def start_waiting(api: Api, jobs: QueuedJobs) -> dict[str, str]:
    """Let the Jobs start that wait for Kueue; return why, for each that may not.

    Raises:
        ApiError: the server is overloaded, or failed.
        UnreachableError: there was no answer.
    """
    reasons = api.many(partial(_start, api, name, jobs.uids.get(name, "")) for name in jobs.waiting)
    refused = {}
    for name, reason in zip(jobs.waiting, reasons, strict=True):
        if reason:
            refused[name] = reason
    return refused


def open_gates(api: Api, label: str = QUEUE_NAME) -> int:
    """Take Kueue's gates off pods that it has not placed yet, so that they are scheduled; return how many.

    Args:
        api: the cluster.
        label: the label of the pods.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    calls = []
    for pod in api.list("v1", "Pod", None, label):
        if _other_gates(pod) != (pod["spec"].get("schedulingGates") or []):
            calls.append(partial(retry_on_conflict, partial(_open_gates, api, pod["metadata"])))
    api.many(calls)
    return len(calls)


def listed(names: Iterable[str]) -> str:
    """Return names for a person: the first ones, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_NAMED} more" if len(ordered) > _MOST_NAMED else ""
    return ", ".join(ordered[:_MOST_NAMED]) + more


def _owners_of_active(workloads: Iterable[Object]) -> set[str]:
    """Return the UIDs of the owners of all workloads that nobody has deactivated."""
    uids = set()
    for workload in workloads:
        if (workload.get("spec") or {}).get("active", True):
            for owner in workload["metadata"].get("ownerReferences") or ():
                uids.add(owner["uid"])
    return uids


def has_ended(job: Object) -> bool:
    """Return whether a job is complete or has failed."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in _ENDS and condition["status"] == "True":
            return True
    return False


def is_owned(job: Object) -> bool:
    """Return whether another piece of work made a job."""
    return any(owner.get("controller") for owner in job["metadata"].get("ownerReferences") or ())


def _start(api: Api, text: str, uid: str) -> str:
    """Let one Job start; return why it may not, or an empty text.

    Raises:
        ApiError: the server is overloaded, or failed.
        UnreachableError: there was no answer.
    """
    kind, _, full = text.rpartition(" ")
    namespace, _, name = full.partition("/")
    kind = kind or "Job"
    metadata = {"name": name, "namespace": namespace, "uid": uid}
    try:
        # One that went in the meantime waits for nothing.
        patch_as_read(api, _KINDS[kind], kind, metadata, {"spec": {"suspend": False}})
    except ApiError as error:
        # A server that fails says nothing of the Job: whoever comes next lets it start.
        if error.status == _TOO_MANY or error.status >= _SERVER_ERROR:
            raise
        return error.problems[0].message
    return ""


def _other_gates(pod: Object) -> list[dict[str, Any]]:
    """Return the scheduling gates of a pod that are not Kueue's."""
    gates = pod["spec"].get("schedulingGates") or []
    return [gate for gate in gates if not gate["name"].startswith(PREFIX)]


def _open_gates(api: Api, listed_as: Mapping[str, Any]) -> None:
    """Take Kueue's gates off one pod, as it is now; others may have changed it since it was listed."""
    name, namespace = listed_as["name"], listed_as["namespace"]
    pod = api.get("v1", "Pod", name, namespace)
    if pod is None or _other_gates(pod) == (pod["spec"].get("schedulingGates") or []):
        return
    change = {
        "metadata": {"resourceVersion": pod["metadata"]["resourceVersion"]},
        "spec": {"schedulingGates": _other_gates(pod) or None},
    }
    unless_gone(partial(api.patch, "v1", "Pod", name, change, namespace))


def _name(obj: Object) -> str:
    name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
    return name if obj["kind"] == "Job" else f"{obj['kind']} {name}"

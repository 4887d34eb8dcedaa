"""Release what Kueue holds, once it runs no more.

Kueue's finalizers keep a queue, a flavor or a workload that something still uses. Only Kueue takes them off:
without it, a pool that is renamed or removed would wait for ever. Jobs that wait in its queues would wait for
ever too, and so would pods that it has not placed yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.api.conflicts import retry_on_conflict, unless_gone
from sovereign_ai.cluster.api.optional_kinds import list_if_served
from sovereign_ai.cluster.embedded.queued_jobs import (
    PREFIX,
    QUEUE_NAME,
    QueuedJobs,
    listed,
    open_gates,
    read_queued_jobs,
    start_waiting,
)
from sovereign_ai.cluster.embedded.queueing import GROUP_VERSION, has_queueing, queue_settings_file
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_HELD = ("AdmissionCheck", "ClusterQueue", "Cohort", "LocalQueue", "ResourceFlavor", "Topology", "Workload")
"""Kinds that Kueue sets finalizers on."""
_QUEUES = ("ClusterQueue", "LocalQueue")


@frozen_dataclass
class QueueRelease:
    """What was released.

    Attributes:
        objects: objects from which a finalizer was taken.
        pods: pods from which a scheduling gate was taken.
        jobs: the Jobs that named a queue before.
        refused: a Job that waited to why the API server did not let it start.
    """

    objects: int
    pods: int
    jobs: QueuedJobs
    refused: dict[str, str]

    def lines(self) -> Iterator[str]:
        """Yield a line for a person for each thing that was done, or could not be done."""
        if self.objects:
            yield f"{counted(self.objects, 'object')} that Kueue held can be deleted again"
        if started := set(self.jobs.waiting) - self.refused.keys():
            yield f"jobs that waited for Kueue start: {listed(started)}"
        if self.pods:
            pods = counted(
                self.pods, "pod that Kueue had not placed is", "pods that Kueue had not placed are"
            )
            yield f"{pods} scheduled without it"
        for name, reason in sorted(self.refused.items()):
            yield f"job {name} stays suspended: {reason}"
        if self.jobs.held:
            yield f"suspended jobs that did not wait for Kueue stay so: {listed(self.jobs.held)}"


def release_without_queueing(cluster_dir: ClusterDir) -> QueueRelease | None:
    """Release what Kueue holds in a control plane that it was part of, and is no more.

    Its settings are removed after that, so that a command which was killed before is made up for by the next.

    Args:
        cluster_dir: the folder of the control plane, which runs.

    Returns:
        What was released; None where there was nothing to do.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    settings = queue_settings_file(cluster_dir)
    if has_queueing(cluster_dir) or not settings.exists():
        return None
    api = open_cluster(cluster_dir.kubeconfig)
    try:
        released = release_queues(api)
    finally:
        api.close()
    settings.unlink()
    return released


def release_queues(api: Api) -> QueueRelease:
    """Let the Jobs and pods go on that wait for Kueue, and take its finalizers off.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    jobs = read_queued_jobs(api)
    refused = start_waiting(api, jobs)
    pods = open_gates(api)
    _forget_conditions(api)
    return QueueRelease(take_finalizers(api, _held(api)), pods, jobs, refused)


def _forget_conditions(api: Api) -> None:
    """Remove what Kueue said of queues: by their conditions `jobs run` sees that somebody admits work."""
    calls = []
    for kind in _QUEUES:
        for queue in list_if_served(api, GROUP_VERSION, kind):
            if (queue.get("status") or {}).get("conditions"):
                calls.append(partial(retry_on_conflict, partial(_clear_conditions, api, kind, queue)))
    api.many(calls)


def _clear_conditions(api: Api, kind: str, queue: Mapping[str, Any]) -> None:
    """Remove the conditions of a queue, as it is now; one that somebody made under its name has its own."""
    name, namespace = queue["metadata"]["name"], queue["metadata"].get("namespace")
    live = unless_gone(partial(api.get, GROUP_VERSION, kind, name, namespace))
    if live is None or live["metadata"].get("uid") != queue["metadata"].get("uid"):
        return
    metadata = {"name": name, "resourceVersion": live["metadata"].get("resourceVersion")}
    if namespace:
        metadata["namespace"] = namespace
    status_only = {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata}
    unless_gone(partial(api.update_status, {**status_only, "status": {"conditions": None}}))


def _held(api: Api) -> list[dict[str, Any]]:
    """Return all objects that Kueue may have set a finalizer on: those of its kinds, and pods of queues."""
    calls = [partial(list_if_served, api, GROUP_VERSION, kind) for kind in _HELD]
    # Pods of LeaderWorkerSets are workloads by themselves, which it keeps until it has counted them.
    calls.append(partial(api.list, "v1", "Pod", None, QUEUE_NAME))
    held: list[dict[str, Any]] = []
    for objects in api.many(calls):
        held += objects
    return held


def take_finalizers(
    api: Api, objects: Iterable[dict[str, Any]], prefixes: tuple[str, ...] = (PREFIX,)
) -> int:
    """Take the finalizers with some prefixes off objects; return how many objects had one.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    calls = []
    for obj in objects:
        if _others(obj, prefixes) != (obj["metadata"].get("finalizers") or []):
            calls.append(partial(retry_on_conflict, partial(_take_finalizers, api, obj, prefixes)))
    api.many(calls)
    return len(calls)


def _others(obj: Mapping[str, Any], prefixes: tuple[str, ...]) -> list[str]:
    """Return an object's finalizers without those that begin with some prefixes."""
    finalizers = obj["metadata"].get("finalizers") or []
    return [finalizer for finalizer in finalizers if not finalizer.startswith(prefixes)]


def _take_finalizers(api: Api, obj: Mapping[str, Any], prefixes: tuple[str, ...]) -> None:
    """Take finalizers off one object, as it is now; others may have changed it since it was listed."""
    version, kind, name = obj["apiVersion"], obj["kind"], obj["metadata"]["name"]
    namespace = obj["metadata"].get("namespace")
    live = unless_gone(partial(api.get, version, kind, name, namespace))
    if live is None:
        return
    kept, resource_version = _others(live, prefixes), live["metadata"]["resourceVersion"]
    if kept == (live["metadata"].get("finalizers") or []):
        return
    change = {"metadata": {"finalizers": kept or None, "resourceVersion": resource_version}}
    unless_gone(partial(api.patch, version, kind, name, change, namespace))

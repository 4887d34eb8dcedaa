"""The work of a cluster as it stands: state, pods and logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, list_if_served
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.jobs.kinds import QUEUE, ServedWork, WorkKind
from sovereign_ai.text import counted

Object = Mapping[str, Any]
_ADMISSION_GATE = "kueue.x-k8s.io/admission"
_DONE, _FAILED = {"Complete", "Completed"}, "Failed"


class WorkState(StrEnum):
    """Where a piece of work stands."""

    QUEUED = "queued"
    """Suspended, or its pods gated: Kueue has not admitted it, or somebody suspended it."""
    STARTING = "starting"
    """It has no running pod yet."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ENDING = "ending"
    """It is deleted, and its pods end."""


@frozen_dataclass
class WorkPod:
    """A pod of a piece of work.

    Attributes:
        name: its name.
        phase: its phase.
        node: where it runs; empty while it is not placed.
        reason: why it is not placed, or why a container waits; empty where nothing is said.
    """

    name: str
    phase: str
    node: str
    reason: str


@frozen_dataclass
class Work:
    """A piece of work.

    Attributes:
        namespace: its namespace.
        name: its name.
        kind: its kind.
        api_version: the version that the cluster serves.
        queue: its LocalQueue.
        state: where it stands.
        message: what its controller says of its end; empty where it says nothing.
        created: when it was submitted, as the server wrote it.
        pods: its pods, by name.
        uid: its UID, since another piece of work may have its name later.
    """

    namespace: str
    name: str
    kind: str
    api_version: str
    queue: str
    state: WorkState
    message: str
    created: str
    pods: tuple[WorkPod, ...] = field(default=())
    uid: str = field(default="", compare=False, repr=False)

    @property
    def phases(self) -> dict[str, int]:
        """Phase to the number of pods in it."""
        return dict(sorted(Counter(pod.phase for pod in self.pods).items()))


def list_work(api: Api, served: ServedWork, namespaces: Collection[str]) -> list[Work]:
    """Return the work in some namespaces, by namespace and name.

    What another piece of work owns is not listed beside it.

    Args:
        api: the cluster.
        served: what it serves.
        namespaces: the tenants' namespaces.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    calls = []
    kinds = served.kinds()
    for kind in kinds:
        resource = served.resources[kind.kind]
        calls.append(partial(list_if_served, api, resource.api_version, kind.kind, QUEUE))
    pods = _pods_by_label(api, kinds)
    work = []
    for kind, objects in zip(kinds, api.many(calls), strict=True):
        for obj in objects:
            metadata = obj["metadata"]
            is_owned = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
            if metadata["namespace"] in namespaces and not is_owned:
                work.append(_work(obj, pods.get((metadata["namespace"], kind.pods, metadata["name"]), [])))
    return sorted(work, key=lambda each: (each.namespace, each.name, each.kind))


def find_work(work: Sequence[Work], name: str) -> Work:
    """Return the piece of work of a name.

    Args:
        work: the work of a cluster.
        name: a name, or `namespace/name`.

    Raises:
        UsageError: there is none, or several.
    """
    matching = [each for each in work if name in {each.name, f"{each.namespace}/{each.name}"}]
    if len(matching) == 1:
        return matching[0]
    full = [f"{each.namespace}/{each.name}" for each in matching or work]
    if matching:
        hint = f"write one of {', '.join(full)}"
        raise UsageError(
            Problem("work-ambiguous", f"{counted(len(matching), 'piece')} of work are called so", hint=hint)
        )
    hint = nearest(name, [*full, *(each.name for each in work)]) if work else "there is none in the queues"
    raise UsageError(Problem("work-unknown", f"no job or service is called {name[:100]!r}", hint=hint))


def read_log(api: Api, namespace: str, pod: str, lines: int) -> str:
    """Return the last lines of a pod's log.

    Raises:
        ApiError: the server refused, such as for a pod that has not begun.
        UnreachableError: there was no answer.
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    answer = api.request("GET", path, query={"tailLines": str(lines)})
    if not answer:
        return ""
    # A log of one line that is a JSON object is decoded by the transport, like any answer.
    text = answer.get("text")
    return text if isinstance(text, str) else orjson.dumps(answer).decode()


def _pods_by_label(api: Api, kinds: Sequence[WorkKind]) -> dict[tuple[str, str, str], list[Object]]:
    """Return namespace, label and name of each piece of work to its pods, read at once for all work."""
    labels = sorted({kind.pods for kind in kinds})
    pods: dict[tuple[str, str, str], list[Object]] = {}
    calls = [partial(api.list, "v1", "Pod", label_selector=key) for key in labels]
    for key, listed in zip(labels, api.many(calls), strict=True):
        for pod in listed:
            metadata = pod["metadata"]
            pods.setdefault((metadata["namespace"], key, metadata["labels"][key]), []).append(pod)
    return pods


def _work(obj: Object, pods: Sequence[Object]) -> Work:
    metadata = obj["metadata"]
    listed = sorted((_pod(pod) for pod in pods), key=lambda pod: pod.name)
    state, message = _state(obj, listed)
    if state is WorkState.STARTING and any(_is_gated(pod) for pod in pods):
        # Kueue holds back the pods of a LeaderWorkerSet, which cannot be suspended as a whole.
        state = WorkState.QUEUED
    return Work(
        metadata["namespace"],
        metadata["name"],
        obj["kind"],
        obj["apiVersion"],
        metadata["labels"][QUEUE],
        state,
        message,
        str(metadata.get("creationTimestamp") or ""),
        tuple(listed),
        str(metadata.get("uid") or ""),
    )


def _state(obj: Object, pods: Sequence[WorkPod]) -> tuple[WorkState, str]:
    """Return where a piece of work stands, and what its controller says of its end."""
    for condition in _true_conditions(obj):
        if condition["type"] in _DONE:
            return WorkState.SUCCEEDED, str(condition.get("message") or "")
        if condition["type"] == _FAILED:
            return WorkState.FAILED, str(condition.get("message") or "")
    if obj["metadata"].get("deletionTimestamp"):
        return WorkState.ENDING, ""
    if obj["spec"].get("suspend"):
        return WorkState.QUEUED, ""
    is_running = any(pod.phase == "Running" for pod in pods)
    return (WorkState.RUNNING if is_running else WorkState.STARTING), ""


def _is_gated(pod: Object) -> bool:
    """Return whether Kueue has not admitted a pod yet."""
    return any(gate["name"] == _ADMISSION_GATE for gate in pod["spec"].get("schedulingGates") or ())


def _true_conditions(obj: Object) -> Iterator[Object]:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True":
            yield condition


def _pod(pod: Object) -> WorkPod:
    status = pod.get("status") or {}
    reason = ""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = str(condition.get("message") or condition.get("reason") or "")
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = reason or str(waiting.get("reason") or "")
    node = pod["spec"].get("nodeName") or ""
    return WorkPod(pod["metadata"]["name"], str(status.get("phase") or "Unknown"), node, reason)

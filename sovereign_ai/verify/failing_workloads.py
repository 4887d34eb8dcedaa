"""Find workloads of the platform's controllers that do not run: which pod, why, and what to do next.

A deployment waits only for workloads that answer the API server. Nobody would notice any other that cannot
be placed, cannot get its image, or ends again and again: Prometheus, an exporter, a driver. Here each pod
that is in trouble is traced by its owners to the rendered object that it comes from, also through what a
controller made of it in between. A workload that wants no pod is silent, and so is a pod that is starting.
Where all machines are simulated nothing is judged: no container runs there, and no machine takes what belongs
to no zone.

    [finding] = failing_workloads(observed, bundle.objects)
    str(finding)   # failing Deployment/monitoring/prometheus: pod prometheus-5d does not run: it is not …
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.verify.findings import ClusterFinding, failing, resource
from sovereign_ai.verify.kinds import OWNERS, Kind
from sovereign_ai.verify.nodes import is_simulated
from sovereign_ai.verify.observation import Observed, observe_kinds

_PATIENCE = timedelta(minutes=10)
"""How long a pod may start, as Kubernetes itself waits for the progress of a Deployment."""
_CREATION = timedelta(minutes=1)
"""How long a controller may take to make the pods of a workload."""
_RESTARTS = 3
"""Ends of a container from which on it counts as one that ends again and again, also while it runs."""
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons of a container that waits for nothing but its start."""
_IMAGE = frozenset(
    {"ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName"}
    | {"RegistryUnavailable", "SignatureValidationFailed"}
)
_ENDS = "CrashLoopBackOff"

Object = Mapping[str, Any]


@frozen_dataclass
class _Trouble:
    """Why a pod does not run, and what to do next."""

    why: str
    hint: str


def find_failing(api: Api, factory: AIFactory, wanted: Iterable[Object]) -> tuple[ClusterFinding, ...]:
    """Read rendered workloads and the pods, and find what does not run; without workloads nothing is read.

    Args:
        api: the cluster.
        factory: the description.
        wanted: the rendered objects.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    rendered = [obj for obj in wanted if is_of_platform(obj)]
    if not any(_kind(obj) in OWNERS for obj in rendered):
        return ()
    return failing_workloads(observe_kinds(api, factory, rendered, (("v1", "Node"), ("v1", "Pod"))), rendered)


def failing_workloads(observed: Observed, wanted: Iterable[Object]) -> tuple[ClusterFinding, ...]:
    """Return a finding for each rendered object whose pods do not run, sorted by resource.

    Args:
        observed: the cluster as it was observed.
        wanted: the rendered objects.
    """
    nodes = observed.of("v1", "Node")
    if nodes and all(map(is_simulated, nodes)):
        return ()
    workloads: dict[str, Object] = {}
    for obj in filter(is_of_platform, wanted):
        metadata = obj["metadata"]
        live = observed.named(*_kind(obj), metadata["name"], metadata.get("namespace", ""))
        if live is not None:
            workloads[str(live["metadata"].get("uid"))] = live
    pods = _pods_by_workload(observed, workloads)
    findings: list[ClusterFinding] = []
    for uid, live in workloads.items():
        finding = _judge(live, pods.get(uid, []), observed.observed_at)
        if finding is not None:
            findings.append(finding)
    return tuple(sorted(findings, key=lambda finding: finding.order))


def _pods_by_workload(observed: Observed, workloads: Mapping[str, Object]) -> dict[str, list[Object]]:
    """Return the pods of each workload, by its uid."""
    owners: dict[str, str] = {}
    for kind in OWNERS:
        for obj in observed.of(*kind):
            owners[str(obj["metadata"].get("uid"))] = _owner(obj)
    pods: dict[str, list[Object]] = {}
    for pod in observed.of("v1", "Pod"):
        uid = _owner(pod)
        seen: set[str] = set()
        while uid and uid not in workloads and uid not in seen:
            seen.add(uid)  # owners that own each other would have no end
            uid = owners.get(uid, "")
        if uid in workloads:
            pods.setdefault(uid, []).append(pod)
    return pods


def _owner(obj: Object) -> str:
    """Return the uid of the controller that an object belongs to; empty if it has none."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def _judge(live: Object, pods: list[Object], now: datetime) -> ClusterFinding | None:
    """Return the finding on one workload; None if it is as it should be, or may still become so."""
    is_over, ended = _end(live)
    if ended is not None:
        return failing(resource(live), ended, f"correct it and run `sovereign-ai up`; {_described(live)}")
    if is_over or _wants_none(live):
        return None
    alive, troubled = 0, []
    for pod in pods:
        alive += not _is_ended(pod)
        trouble = None if pod["metadata"].get("deletionTimestamp") else _trouble(pod, live, now)
        if trouble is not None:
            troubled.append((str(pod["metadata"]["name"]), trouble))
    if troubled:
        name, trouble = min(troubled, key=lambda entry: entry[0])
        several = f"{counted(len(troubled), 'pod')} do not run, such as {name}"
        which = several if len(troubled) > 1 else f"pod {name} does not run"
        return failing(resource(live), f"{which}: {trouble.why}", trouble.hint)
    refused = _refused(live)
    age = _age(live["metadata"].get("creationTimestamp"), now)
    if refused or (_wanted(live) and not alive and age > _CREATION):
        why = f"its pods are not made: {refused}" if refused else "none of its pods exists"
        return failing(resource(live), why, f"see what refuses them: {_described(live)}")
    return None


def _end(live: Object) -> tuple[bool, str | None]:
    """Return whether a job is over, and how it failed; a job by the clock is judged by its last run."""
    status = live.get("status") or {}
    if live["kind"] == "Job":
        for condition in status.get("conditions") or ():
            if condition.get("status") == "True" and condition["type"] == "Failed":
                return True, f"it failed: {_words(condition)}"
            if condition.get("status") == "True" and condition["type"] == "Complete":
                return True, None
    if live["kind"] == "CronJob" and not status.get("active") and status.get("lastScheduleTime"):
        succeeded = str(status.get("lastSuccessfulTime") or "")
        # Both are RFC 3339 in UTC and to the second.
        if succeeded < str(status["lastScheduleTime"]):
            return True, f"its run of {status['lastScheduleTime']} did not succeed"
    return False, None


def _wants_none(live: Object) -> bool:
    """Return whether a workload was stopped on purpose, so that nobody waits for its pods."""
    spec = live.get("spec") or {}
    return (
        bool(spec.get("suspend"))
        or spec.get("replicas") == 0
        or bool(live["metadata"].get("deletionTimestamp"))
    )


def _wanted(live: Object) -> int:
    """Return how many pods a workload wants at least; 0 where its kind does not say it."""
    status = live.get("status") or {}
    if live["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled") or 0)
    if live["kind"] == "Job":
        return 1
    if _kind(live) in OWNERS and live["kind"] != "CronJob":
        return int((live.get("spec") or {}).get("replicas", 1))
    return 0


def _refused(live: Object) -> str:
    """Return why a controller could not make the pods of a workload; empty if its status does not say so."""
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return _words(condition)
    return ""


def _trouble(pod: Object, live: Object, now: datetime) -> _Trouble | None:
    """Return why a pod does not run; None if it runs, has ended well, or is starting."""
    status = pod.get("status") or {}
    if _is_ended(pod):
        # Whoever keeps a number of pods replaces one that failed; a job counts it.
        is_failure = status.get("phase") == "Failed" and live["kind"] in {"Job", "CronJob"}
        return _ended_container(pod) if is_failure else None
    conditions = {str(condition["type"]): condition for condition in status.get("conditions") or ()}
    placed = conditions.get("PodScheduled") or {}
    if placed.get("status") == "False":
        if placed.get("reason") == "SchedulingGated":
            return None
        hint = (
            "let its pods tolerate the machines that are to run it, or free one; then run `sovereign-ai up`"
        )
        return _Trouble(f"it is not placed: {_words(placed)}", hint)
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in containers:
        trouble = _trouble_of_container(pod, container, now)
        if trouble is not None:
            return trouble
    ready = conditions.get("Ready") or {}
    since = ready.get("lastTransitionTime") or pod["metadata"].get("creationTimestamp")
    if ready.get("status") == "True" or _age(since, now) <= _PATIENCE:
        return None
    why = f"it is not ready for more than 10 minutes{_colon(_words(ready))}"
    return _Trouble(why, f"see what it waits for: {_described(pod)}")


def _trouble_of_container(pod: Object, container: Object, now: datetime) -> _Trouble | None:
    """Return why a container of a pod does not run; None if it runs, has ended well, or is starting."""
    name, state = container["name"], container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason in _IMAGE:
        hint = f"put the image into the registry, and let the machines pull it; {_described(pod)}"
        return _Trouble(
            f"container {name}: {reason} of {container.get('image')}{_colon(_text(waiting))}", hint
        )
    if reason not in _STARTING and reason != _ENDS:
        hint = f"correct what it names, and run `sovereign-ai up`; {_described(pod)}"
        return _Trouble(f"container {name}: {reason}{_colon(_text(waiting))}", hint)
    last = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    running = state.get("running") or {}
    ended_now = bool(state.get("terminated")) and last.get("exitCode") != 0
    # Between two ends it runs for a while, and is even ready where nothing asks it.
    is_again = container.get("restartCount", 0) >= _RESTARTS and bool(running)
    ended_lately = is_again and _age(running.get("startedAt"), now) <= _PATIENCE
    if reason != _ENDS and not ended_now and not ended_lately:
        return None
    how = "ends again and again" if reason == _ENDS or is_again else "ended"
    return _Trouble(f"container {name} {how}{_exit(last)}", _logs(pod, name))


def _ended_container(pod: Object) -> _Trouble:
    """Return how the pod of a job failed."""
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        last = (container.get("state") or {}).get("terminated") or {}
        if last.get("exitCode"):
            return _Trouble(
                f"container {container['name']} ended{_exit(last)}", _logs(pod, container["name"])
            )
    return _Trouble(f"it failed{_colon(_words(status))}", f"see why: {_described(pod)}")


def _exit(last: Object) -> str:
    """Return how a container ended, in words; what it said at its end may be anything, and is left out."""
    if "exitCode" not in last:
        return ""
    reason = last.get("reason")
    return f", with exit code {last['exitCode']}{f' ({reason})' if reason else ''}"


def _logs(pod: Object, container: str) -> str:
    metadata = pod["metadata"]
    command = f"kubectl -n {metadata['namespace']} logs {metadata['name']} -c {container} --previous"
    return f"read why in `{command}`"


def _described(obj: Object) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "default")
    return f"`kubectl -n {namespace} describe {obj['kind'].lower()} {metadata['name']}`"


def _is_ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def _words(condition: Object) -> str:
    """Return the message of a condition, or its reason where it has none."""
    return str(condition.get("message") or condition.get("reason") or "")


def _text(waiting: Object) -> str:
    return str(waiting.get("message") or "")


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _age(moment: object, now: datetime) -> timedelta:
    """Return how long ago a moment was; no time at all where there is none."""
    return now - datetime.fromisoformat(str(moment)) if moment else timedelta()


def _kind(obj: Object) -> Kind:
    return str(obj["apiVersion"]), str(obj["kind"])

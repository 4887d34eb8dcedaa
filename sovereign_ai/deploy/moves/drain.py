"""Drain nodes that leave a pool, before the deployment removes the objects that their pods depend on.

Which nodes leave is decided in `departures.py`. Each is cordoned, and its pods are evicted through the
eviction API, which respects disruption budgets. Pods that no controller would recreate are never evicted:
each is reported as a problem before any node is cordoned. A pod whose eviction others have requested is left
to its responders as long as they act (`cluster/eviction_requests.py`).

The cordon carries its author's name, so that nobody else's is lifted, and what the node was before. A node
that somebody else has cordoned is drained too, and stays theirs: whoever cordoned it has a reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster import (
    CORDON_OWNER,
    evict_pod,
    evictable_pods,
    is_recreated,
    requested_evictions,
)
from sovereign_ai.cluster.api import Api, retry_on_conflict, unless_gone
from sovereign_ai.deploy.moves.departures import (
    CORDONED_AS,
    Departure,
    is_cordoned,
    is_cordoned_here,
    kept_reasons,
    was_before,
)
from sovereign_ai.deploy.objects import FIELD_MANAGER
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.names import OWNER
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling

Object = Mapping[str, Any]
_WAIT_SECONDS = 600.0
_POLL_SECONDS = 1.0
_QUIET_SECONDS = 2.0
"""How long a drain may take before it is reported what it waits for."""
_REPORT_SECONDS = 10.0
"""The least time between two reports of one drain."""
_MOST_NAMED = 5


def uncordon(api: Api, names: Iterable[str], progress: Callable[[str], object]) -> list[str]:
    """Lift the cordon of nodes that a drain cordoned.

    Args:
        api: the cluster.
        names: the nodes.
        progress: called with a line for each node.

    Returns:
        Names of the nodes that are open now.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    opened = []
    for name in names:
        # Its kubelet changes a node every some seconds.
        if retry_on_conflict(partial(_lift, api, name)):
            progress(f"uncordon {name}: it is as the plan has it")
            opened.append(name)
    return opened


def drain(
    api: Api,
    leaving: Iterable[Departure],
    progress: Callable[[str], object],
    *,
    wait_seconds: float = _WAIT_SECONDS,
) -> list[str]:
    """Cordon nodes, evict their pods, and wait until none is left.

    Args:
        api: the cluster.
        leaving: the nodes.
        progress: called with a line for each node, and after two seconds for each pod that is waited for.
        wait_seconds: how long all of them may take.

    Returns:
        Names of the nodes that were drained.

    Raises:
        DeploymentError: no controller recreates some of their pods, or pods did not go in time; each is
            named.
        ApiError: the API server refused another request.
        UnreachableError: there was no answer.
    """
    departing = list(leaving)
    if not departing:
        return []
    names: list[str] = []
    counts: dict[str, int] = {}
    problems: list[Problem] = []
    for departure in departing:
        on_node = evictable_pods(api, departure.node)
        names.append(departure.node)
        counts[departure.node] = len(on_node)
        for pod in on_node:
            if not is_recreated(pod):
                problem = _not_evictable(pod)
                problems.append(problem)
    # Before any node is cordoned, so that a refused drain changes nothing.
    if problems:
        raise DeploymentError(problems)
    for departure in departing:
        if not _begin(api, departure, counts[departure.node], progress):
            names.remove(departure.node)
    _wait_until_empty(api, names, progress, wait_seconds)
    return names


def _wait_until_empty(
    api: Api, names: Iterable[str], progress: Callable[[str], object], wait_seconds: float
) -> None:
    """Evict the pods of some nodes until none is left, and report what holds them.

    Raises:
        DeploymentError: pods did not go in time.
        ApiError: the API server refused another request.
        UnreachableError: there was no answer.
    """
    next_report = time.monotonic() + _QUIET_SECONDS
    shown: list[str] = []
    held: dict[str, str] = {}
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        pods = _pods_on(api, names)
        if not pods:
            return
        # A pod that came while its node was still open was not asked about before.
        lost = [pod for pod in pods if not is_recreated(pod) and not pod["metadata"].get("deletionTimestamp")]
        if lost:
            raise DeploymentError(map(_not_evictable, lost))
        if is_last:
            raise DeploymentError(_late(pod, wait_seconds, held.get(_name(pod), "")) for pod in pods)
        # A pod that is being deleted was evicted in an earlier round, and ends within its grace period.
        staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        held = _evict(api, staying)
        lines = _waiting_lines(pods, held)
        now = time.monotonic()
        if now >= next_report and lines != shown:
            for line in lines:
                progress(line)
            shown, next_report = lines, now + _REPORT_SECONDS


def _evict(api: Api, pods: Iterable[Object]) -> dict[str, str]:
    """Request the eviction of pods; return what each waits for that does not go."""
    requested = requested_evictions(api, pods, datetime.now(UTC))
    going = [pod for pod in pods if _name(pod) not in requested]
    reasons = api.many(partial(evict_pod, api, pod) for pod in going)
    held = {name: f"its responders: {each}" for name, each in requested.items()}
    for pod, reason in zip(going, reasons, strict=True):
        if reason:
            held[_name(pod)] = f"its disruption budget: {reason}"
    return held


def _waiting_lines(pods: Iterable[Object], held: Mapping[str, str]) -> list[str]:
    """Return a line for each of the first pods that something holds, and one for those that end."""
    first = sorted(held)[:_MOST_NAMED]
    lines = [f"pod {name} waits for {held[name]}" for name in first]
    if len(held) > _MOST_NAMED:
        more = counted(len(held) - _MOST_NAMED, "more pod waits", "more pods wait")
        lines.append(f"{more} for disruption budgets or responders")
    ending = sorted(_name(pod) for pod in pods if pod["metadata"].get("deletionTimestamp"))
    if ending:
        shown = ", ".join(ending[:_MOST_NAMED])
        more = f" and {len(ending) - _MOST_NAMED} more" if len(ending) > _MOST_NAMED else ""
        lines.append(f"waiting until evicted pods have ended: {shown}{more}")
    return lines


def _pods_on(api: Api, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the pods on some nodes that an eviction must remove."""
    pods: list[dict[str, Any]] = []
    for name in names:
        pods += evictable_pods(api, name)
    return pods


def _lift(api: Api, name: str) -> bool:
    """Uncordon a node; return False if it has gone, or somebody else cordoned it, since it was listed."""
    node = api.get("v1", "Node", name)
    if node is None or not is_cordoned_here(node):
        return False
    meta = node["metadata"]
    patch = {
        "metadata": {
            "annotations": {CORDON_OWNER: None, CORDONED_AS: None},
            "resourceVersion": meta["resourceVersion"],
        },
        "spec": {"unschedulable": None},
    }
    return _patch(api, node, patch)


def _begin(api: Api, departure: Departure, pods: int, progress: Callable[[str], object]) -> bool:
    """Cordon a node; one that an earlier deployment drained is left as it is.

    Returns:
        False where another node has its name by now, about which nothing was decided.
    """
    live = api.get("v1", "Node", departure.node)
    if live is None:
        return True
    uid = departure.uid or live["metadata"].get("uid")
    if live["metadata"].get("uid") != uid:
        return False
    if is_cordoned_here(live) and not pods:
        progress(f"{departure.node} stays cordoned: {departure.reason}")
    else:
        progress(f"drain {departure.node}: {departure.reason}, {counted(pods, 'pod')}")
    whose = retry_on_conflict(partial(_cordon, api, departure, uid))
    if whose == "another":
        return False
    if whose == "somebody else":
        progress(f"{departure.node} is cordoned by somebody else, who uncordons it: {departure.reason}")
    elif whose:
        for line in kept_reasons(departure):
            progress(line)
    return True


def _cordon(api: Api, departure: Departure, uid: str | None) -> str:
    """Cordon a node, unless it is already, and keep what it was; return whose cordon it has then.

    Raises:
        ApiError: the API server refused; with a conflict where the node changed since it was read.
        UnreachableError: there was no answer.
    """
    node = api.get("v1", "Node", departure.node)
    if node is None:
        return ""
    if node["metadata"].get("uid") != uid:
        return "another"
    if is_cordoned(node) and not is_cordoned_here(node):
        return "somebody else"
    # What it was before the first of several changes, so that it has arrived if all of them are taken back.
    was = {**departure.was, **was_before(node)}
    # None removes what an earlier drain left on a node that a person has uncordoned.
    kept = orjson.dumps(was, option=orjson.OPT_SORT_KEYS).decode() if was else None
    annotations = {CORDON_OWNER: OWNER, CORDONED_AS: kept}
    has = node["metadata"].get("annotations") or {}
    if is_cordoned_here(node) and all(has.get(key) == value for key, value in annotations.items()):
        return OWNER
    metadata = {"annotations": annotations, "resourceVersion": node["metadata"].get("resourceVersion")}
    is_cordoned_now = _patch(api, node, {"metadata": metadata, "spec": {"unschedulable": True}})
    return OWNER if is_cordoned_now else ""


def _patch(api: Api, node: Object, patch: Object) -> bool:
    """Change a node, under the name by which a later deployment recognises its own cordon.

    Returns:
        False if the node has gone.
    """
    path = f"/api/v1/nodes/{node['metadata']['name']}"
    query = {"fieldManager": FIELD_MANAGER}
    merge = "application/merge-patch+json"
    write = partial(api.request, "PATCH", path, patch, query=query, content_type=merge)
    return unless_gone(write) is not None


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _not_evictable(pod: Object) -> Problem:
    message = f"no controller recreates pod {_name(pod)} on {pod['spec']['nodeName']}"
    hint = "delete it, or start it under a controller, and run the command again"
    return Problem("pod-not-evictable", message, hint=hint)


def _late(pod: Object, wait_seconds: float, reason: str) -> Problem:
    """Return the problem of a pod that did not go in time; with what holds it, where the server stated it."""
    node = pod["spec"].get("nodeName")
    message = (
        f"pod {_name(pod)} is still on {node} after {wait_seconds:g} s, though its eviction was requested"
    )
    if reason:
        message += f"; it waits for {reason}"
    hint = (
        "a disruption budget may hold it (`kubectl get pdb -A`), or an eviction request; "
        "the node stays cordoned, and a second run resumes"
    )
    return Problem("pod-not-evicted", message, hint=hint)

"""Pods that must leave a machine, and their eviction, which respects disruption budgets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, Effect, budget_causes
from sovereign_ai.names import KEYS

Object = Mapping[str, Any]

CORDON_OWNER = f"{KEYS.domain}/cordoned-by"
"""The annotation of a Node that names who cordoned it, so that nobody lifts somebody else's cordon."""
_AT_ONCE = 4
"""Lists at a time: cordons of other machines are sent beside them."""
LISTED_ONE_BY_ONE = 32
"""Nodes whose pods are listed each by itself; of more, all pods of the cluster are listed at once.

A busy API server takes half a second for each list, since it waits until its cache is as new as etcd: the
pods of 1,160 machines that lost their feed took three minutes to count (5,000 machines, 2026-11-28).
"""
_USUAL_GRACE = 30
"""Seconds that a pod has to end whose author gives it no other time (Kubernetes, core/v1)."""
_LONGEST_GRACE = 200 * 365 * 86_400
"""Seconds; an author may give any number, and the API server counts no further than 292 years."""
_MIRROR = "kubernetes.io/config.mirror"
"""Annotation of a static pod's mirror, which the kubelet would only recreate."""


def evictable_pods(api: Api, node: str) -> list[dict[str, Any]]:
    """Return the pods that must be evicted from a node: running, no DaemonSet's and no static ones.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    answer = api.request("GET", "/api/v1/pods", query={"fieldSelector": f"spec.nodeName={node}"})
    return [pod for pod in answer.get("items", ()) if _must_go(pod)]


def evictable_pods_on(api: Api, nodes: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the same pods of each of some nodes: one list a node, or one of all pods for many nodes.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    if len(nodes) > LISTED_ONE_BY_ONE:
        by_node = evictable_pods_by_node(api)
        return {name: by_node.get(name, []) for name in nodes}
    listed = api.many([partial(evictable_pods, api, name) for name in nodes], _AT_ONCE)
    return dict(zip(nodes, listed, strict=True))


def evictable_pods_by_node(api: Api) -> dict[str, list[dict[str, Any]]]:
    """Return the same pods of every node that has some, by one list of all pods.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for pod in api.list("v1", "Pod"):
        node = pod["spec"].get("nodeName")
        if node and _must_go(pod):
            found.setdefault(node, []).append(pod)
    return found


def evict_pod(api: Api, pod: Object, grace_seconds: int | None = None) -> str:
    """Request a pod's eviction, and return what holds it; empty where nothing does.

    The caller repeats it for a pod that a disruption budget holds back (429). The pod of a StatefulSet or a
    LeaderWorkerSet that has taken its name meanwhile, on another machine, is not evicted.

    Args:
        api: the cluster.
        pod: the pod.
        grace_seconds: how long it may take to end; None for as long as its author gave it. Of one that is
            being deleted, only a shorter time than it was given changes anything, and no budget is asked.

    Raises:
        ApiError: the API server refused for another reason.
        UnreachableError: there was no answer.
    """
    meta = pod["metadata"]
    body: dict[str, Any] = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
    }
    options: dict[str, Any] = {}
    # To ask twice for the eviction of one pod is to ask once, so that it may be sent again where a webhook or
    # the server was away for a moment.
    effect = None
    if meta.get("uid"):
        options["preconditions"] = {"uid": meta["uid"]}
        effect = Effect.SAME
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    if options:
        body["deleteOptions"] = options
    try:
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
        api.request("POST", path, body, effect=effect)
    except ApiError as error:
        if error.status == 429:
            return "; ".join(budget_causes(error.causes)) or error.problems[0].message
        # 404: the pod is gone already; 409: another has its name by now. Whatever else conflicts is repeated.
        if error.status not in {404, 409}:
            raise
    return ""


def cut_grace(pod: Object, limit: timedelta, since: datetime, now: datetime) -> int | None:
    """Return the seconds that an eviction gives a pod whose own grace period is too long; None for any other.

    A pod that runs has the limit from its eviction on, however long a budget has held it. One that is being
    deleted has it from its deletion on, or from when its machine began to be drained if that was later; its
    kubelet begins anew to count the seconds that are returned. A pod that was cut ends in time, so that it is
    not asked again: each time its kubelet would run its preStop hooks once more. Never 0, by which the API
    server forgets a pod whose containers still run.

    Source: kubernetes/kubernetes, pkg/registry/core/pod/storage/eviction.go, rest.BeforeDelete (the period of
    a deletion only ever gets shorter, and counts from its first request), pkg/kubelet/pod_workers.go.

    Args:
        pod: the pod.
        limit: how long a pod may take to end.
        since: when its machine began to be drained.
        now: the moment.
    """
    most = int(limit.total_seconds())
    if not is_ending(pod):
        return most if own_grace(pod) > most else None
    requested = _deletion_requested(pod)
    if requested is None:
        return most
    must_end = max(requested, since) + limit
    if requested + timedelta(seconds=deletion_grace(pod)) <= must_end:
        return None
    left = int((must_end - now).total_seconds())
    return min(max(left, 1), most)


def own_grace(pod: Object) -> int:
    """Return the seconds that a pod's author gives it to end."""
    seconds = pod["spec"].get("terminationGracePeriodSeconds")
    return _USUAL_GRACE if seconds is None else int(seconds)


def is_ending(pod: Object) -> bool:
    """Return whether a pod is being deleted."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def deletion_grace(pod: Object) -> int:
    """Return the seconds that a pod was given to end when it was deleted, or since."""
    return int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)


def is_recreated(pod: Object) -> bool:
    """Return whether a controller recreates the pod elsewhere; any other is lost with its eviction."""
    return any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences") or ())


def _deletion_requested(pod: Object) -> datetime | None:
    """Return when a pod's deletion was requested; None where its grace period is longer than any calendar."""
    seconds = deletion_grace(pod)
    if seconds > _LONGEST_GRACE:
        return None
    return datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]) - timedelta(seconds=seconds)


def _must_go(pod: Object) -> bool:
    # A DaemonSet's pods tolerate the cordon: evicted, they would be created on the same node.
    meta = pod["metadata"]
    is_finished = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    is_daemon = any(owner.get("kind") == "DaemonSet" for owner in meta.get("ownerReferences") or ())
    return not (is_finished or is_daemon or _MIRROR in (meta.get("annotations") or {}))

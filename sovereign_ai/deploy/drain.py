"""Drain nodes that leave a pool, before the deployment removes the objects that their pods depend on.

Only real nodes are drained: on a local control plane the simulator removes and creates its own. A node leaves
when the plan does not contain it any more, or contains it in another pool. It is cordoned, and its pods are
evicted through the eviction API, which respects disruption budgets. Pods that no controller would recreate
are never evicted: each is reported as a problem before any node is cordoned.

A node that moves to another pool gets the pool's label when its host is configured anew, which is after the
deployment that drained it. The next deployment finds it in its planned pool and uncordons it. The cordon
carries its author's name, so that nobody else's is lifted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sovereign_ai.cluster import CORDON_OWNER, evict_pod, evictable_pods, is_recreated
from sovereign_ai.cluster.api import Api
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan import Plan
from sovereign_ai.toolchain import polling

Object = Mapping[str, Any]
_SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of a node that KWOK simulates."""
_WAIT_SECONDS = 600.0
_POLL_SECONDS = 1.0
_QUIET_SECONDS = 2.0
"""How long a drain may take before it is reported what it waits for."""
_REPORT_SECONDS = 10.0
"""The least time between two reports of one drain."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Departure:
    """A node that leaves its pool.

    Attributes:
        node: the node's name.
        reason: why it leaves, for a person.
    """

    node: str
    reason: str


def departures(nodes: Iterable[Object], factory: str, plan: Plan, cluster: str) -> tuple[Departure, ...]:
    """Return the real nodes of a factory that a plan moves or does not contain.

    Args:
        nodes: live nodes.
        factory: the factory's name.
        plan: the new plan.
        cluster: the plan's name for the cluster.

    Returns:
        The departures, sorted by node.
    """
    pools = {node.name: node.pool for node in plan.nodes_of(cluster)}
    leaving = []
    for node in nodes:
        meta = node["metadata"]
        labels = meta.get("labels") or {}
        if not _is_of_factory(node, factory) or is_simulated(node):
            continue
        name, pool = meta["name"], labels.get(KEYS.pool)
        if name not in pools:
            leaving.append(Departure(name, "the plan does not contain it"))
        elif pool is not None and pool != pools[name]:
            leaving.append(Departure(name, f"it moves from pool {pool} to pool {pools[name]}"))
    return tuple(sorted(leaving, key=lambda departure: departure.node))


def arrivals(nodes: Iterable[Object], factory: str, plan: Plan, cluster: str) -> tuple[str, ...]:
    """Return the nodes that a drain cordoned and that are in the pool in which a plan contains them.

    Args:
        nodes: live nodes.
        factory: the factory's name.
        plan: the new plan.
        cluster: the plan's name for the cluster.

    Returns:
        Their names, sorted.
    """
    listed = [node for node in nodes if _is_cordoned_here(node)]
    leaving = {departure.node for departure in departures(listed, factory, plan, cluster)}
    planned = {node.name for node in plan.nodes_of(cluster)}
    names = {str(node["metadata"]["name"]) for node in listed if _is_of_factory(node, factory)}
    return tuple(sorted((names & planned) - leaving))


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
        node = api.get("v1", "Node", name)
        # It may have gone, or somebody else have cordoned it, since the nodes were listed.
        if node is None or not _is_cordoned_here(node):
            continue
        _lift(api, node)
        progress(f"uncordon {name}: it is in the pool that the plan has it in")
        opened.append(name)
    return opened


def _is_of_factory(node: Object, factory: str) -> bool:
    """Return whether a node carries the labels of a factory."""
    labels = node["metadata"].get("labels") or {}
    return labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory


def _is_cordoned_here(node: Object) -> bool:
    """Return whether a drain cordoned a node, and not the repair controller or a person."""
    annotations = node["metadata"].get("annotations") or {}
    return bool((node.get("spec") or {}).get("unschedulable")) and annotations.get(CORDON_OWNER) == OWNER


def is_simulated(node: Object) -> bool:
    """Return whether a node is simulated, as far as its annotations state it."""
    return _SIMULATED in (node["metadata"].get("annotations") or {})


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
        progress(f"drain {departure.node}: {departure.reason}, {counts[departure.node]} pods")
        _cordon(api, departure.node)
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
        if is_last:
            raise DeploymentError(_late(pod, wait_seconds, held.get(_name(pod), "")) for pod in pods)
        # A pod that is being deleted was evicted in an earlier round, and ends within its grace period.
        staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        reasons = api.many(partial(evict_pod, api, pod) for pod in staying)
        held = {_name(pod): reason for pod, reason in zip(staying, reasons, strict=True) if reason}
        lines = _waiting_lines(pods, held)
        now = time.monotonic()
        if now >= next_report and lines != shown:
            for line in lines:
                progress(line)
            shown, next_report = lines, now + _REPORT_SECONDS


def _waiting_lines(pods: Iterable[Object], held: Mapping[str, str]) -> list[str]:
    """Return a line for each of the first pods that a budget holds, and one for those that end."""
    first = sorted(held)[:_MOST_NAMED]
    lines = [f"pod {name} waits for its disruption budget: {held[name]}" for name in first]
    if len(held) > _MOST_NAMED:
        lines.append(f"{len(held) - _MOST_NAMED} more pods wait for their disruption budgets")
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


def _lift(api: Api, node: Object) -> None:
    """Uncordon a node, if nobody has changed it since it was read."""
    meta = node["metadata"]
    patch = {
        "metadata": {"annotations": {CORDON_OWNER: None}, "resourceVersion": meta["resourceVersion"]},
        "spec": {"unschedulable": None},
    }
    api.request("PATCH", f"/api/v1/nodes/{meta['name']}", patch, content_type="application/merge-patch+json")


def _cordon(api: Api, node: str) -> None:
    patch = {"metadata": {"annotations": {CORDON_OWNER: OWNER}}, "spec": {"unschedulable": True}}
    api.request("PATCH", f"/api/v1/nodes/{node}", patch, content_type="application/merge-patch+json")


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
        message += f": {reason}"
    hint = (
        "a disruption budget may hold it (`kubectl get pdb -A`); "
        "the node stays cordoned, and a second run resumes"
    )
    return Problem("pod-not-evicted", message, hint=hint)

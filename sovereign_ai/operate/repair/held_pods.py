"""Which pods hold a drain, which budget or request of others keeps each, since when, and what to do next.

    held_pods(pods, budgets)     # -> the pods that an eviction would not remove now

The rules are those of the eviction API: a pod that does not run yet, or is being deleted, needs no budget; of
two budgets the API evicts none; an unready pod goes where its budget says so, or has its healthy pods.
Source: Kubernetes 1.37, pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.cluster import (
    RequestedEviction,
    cut_grace,
    deletion_grace,
    evictable_pods_on,
    is_ending,
    is_recreated,
    own_grace,
    requested_evictions,
)
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.rbac import selects
from sovereign_ai.text import counted

Object = Mapping[str, Any]
BUDGETS = ("policy/v1", "PodDisruptionBudget")
_MOST_NAMED = 3


@frozen_dataclass
class HeldPod:
    """A pod that an eviction does not remove.

    Attributes:
        pod: its namespace and name.
        budget: the PodDisruptionBudget that keeps it, as `namespace/name`, or several; empty for none.
        reason: why it stays.
        since: since when the budget lets no pod go, or the request stands, as the API server writes it; empty
            where nobody knows.
        next_step: what a person can do.
        requester: who requested its eviction from its responders; empty for nobody.
    """

    pod: str
    budget: str
    reason: str
    since: str
    next_step: str
    requester: str = ""

    def __str__(self) -> str:
        """Return it as a person reads it."""
        since = f", since {self.since}" if self.since else ""
        return f"{self.pod}: {self.reason}{since}; {self.next_step}"


def held_pods(pods: Iterable[Object], budgets: Iterable[Object]) -> tuple[HeldPod, ...]:
    """Return the pods that an eviction would not remove now.

    Args:
        pods: the pods that have to go.
        budgets: the disruption budgets of their namespaces; others do no harm.
    """
    known = list(budgets)
    held = []
    for pod in pods:
        meta = pod["metadata"]
        if is_ending(pod):
            continue
        name = f"{meta['namespace']}/{meta['name']}"
        if not is_recreated(pod):
            step = f"end it, or delete it: kubectl delete pod -n {meta['namespace']} {meta['name']}"
            held.append(
                HeldPod(name, "", "no controller recreates it, so that an eviction would lose it", "", step)
            )
            continue
        own = [budget for budget in known if _is_of(budget, pod)]
        found = _held_by(name, pod, own) if own and _phase(pod) != "Pending" else None
        if found is not None:
            held.append(found)
    return tuple(held)


def cut_pods(pods: Iterable[Object], limit: timedelta, since: datetime, now: datetime) -> Iterator[HeldPod]:
    """Yield the pods that get less time to end than they are to have, and those that got it earlier.

    The words stay the same until a pod has ended, so that they are told once.

    Args:
        pods: the pods that have to go and that nothing else holds.
        limit: how long a pod may take to end.
        since: when their machine began to be drained.
        now: the moment.
    """
    for pod in pods:
        given, own = deletion_grace(pod), own_grace(pod)
        # One that was deleted with a longer period than its author's has lost it by the time it was cut.
        was_cut = is_ending(pod) and given < own and own > limit.total_seconds()
        if was_cut or cut_grace(pod, limit, since, now) is not None:
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            reason = f"its grace period of {max(given, own)} s is cut: a drain gives it {limit} at most"
            yield HeldPod(name, "", reason, "", "it goes on by itself once that is over")


def requested_pods(requested: Iterable[RequestedEviction]) -> Iterator[HeldPod]:
    """Yield the pods that are left to their eviction responders."""
    for each in requested:
        namespace = each.pod.partition("/")[0]
        look = f"kubectl get evictionrequests.lifecycle.k8s.io,evictions.lifecycle.k8s.io -n {namespace}"
        step = f"it goes on by itself once that is done, withdrawn, or without a sign for 25 min: {look}"
        if not each.requester:
            step = "let this identity list evictionrequests and evictions of lifecycle.k8s.io"
        yield HeldPod(each.pod, "", each.reason, each.since, step, each.requester)


def holds_of_drains(
    api: Api, machines: Mapping[str, datetime], now: datetime, grace_of: Callable[[str], timedelta] | None
) -> dict[str, tuple[HeldPod, ...]]:
    """Return what holds the drain of machines, by machine; those that nothing holds are left out.

    Args:
        api: the cluster.
        machines: the names of those that are being drained, each with the moment since when.
        now: the moment.
        grace_of: returns how long a pod of a machine may take to end; None where nobody knows, and no pod
            that is ending is named.

    Raises:
        ApiError: the API server refused to list pods.
        UnreachableError: there was no answer.
    """
    if not machines:
        return {}
    budgets = list_budgets(api)
    by_node = evictable_pods_on(api, machines)
    drained: list[Object] = []
    for pods in by_node.values():
        drained += pods
    requested = requested_evictions(api, drained, now)
    holds = {}
    for name, since in machines.items():
        held = _held_of(by_node[name], budgets, requested)
        if grace_of is not None:
            ending = filter(is_ending, by_node[name])
            held += tuple(cut_pods(ending, grace_of(name), since, now))
        if held:
            holds[name] = held
    return holds


def _held_of(
    pods: Iterable[Object], budgets: Iterable[Object], requested: Mapping[str, RequestedEviction]
) -> tuple[HeldPod, ...]:
    """Return what holds the pods of one machine: first those that are left to their responders."""
    left, others = [], []
    for pod in pods:
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if name in requested:
            left.append(requested[name])
        else:
            others.append(pod)
    return (*requested_pods(left), *held_pods(others, budgets))


def list_budgets(api: Api) -> list[dict[str, Any]]:
    """Return the disruption budgets of a cluster; none where they may not be listed.

    They explain why the API server refused an eviction, and nothing is decided by them.

    Raises:
        UnreachableError: there was no answer.
    """
    try:
        return list(api.list(*BUDGETS))
    except ApiError:
        return []


def held_text(held: Sequence[HeldPod]) -> str:
    """Return pods that hold a drain in one text: the first of them, and how many more there are."""
    text = "; ".join(str(each) for each in held[:_MOST_NAMED])
    more = len(held) - _MOST_NAMED
    return f"{text}; and {counted(more, 'more pod')}" if more > 0 else text


def _is_of(budget: Object, pod: Object) -> bool:
    """Return whether a budget counts a pod; one without a selector counts none."""
    selector = (budget.get("spec") or {}).get("selector")
    is_here = budget["metadata"].get("namespace") == pod["metadata"].get("namespace")
    return is_here and selector is not None and selects(selector, pod["metadata"].get("labels") or {})


def _held_by(name: str, pod: Object, budgets: Sequence[Object]) -> HeldPod | None:
    """Return how budgets keep a pod; None where they let it go."""
    names = ", ".join(f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in budgets)
    if len(budgets) > 1:
        reason = f"the budgets {names} all select it, and the API server evicts no pod of several"
        return HeldPod(name, names, reason, "", "let one of them select it")
    (budget,) = budgets
    status, spec = budget.get("status") or {}, budget.get("spec") or {}
    healthy, wanted = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
    if not _is_ready(pod):
        is_healthy = healthy >= wanted > 0
        if spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or is_healthy:
            return None
    if int(status.get("disruptionsAllowed") or 0) > 0:
        return None
    reason = f"the budget {names} needs {counted(wanted, 'healthy pod')} and has {healthy}"
    return HeldPod(name, names, reason, _since(status), _next_step(budget, healthy, wanted))


def _since(status: Object) -> str:
    """Return since when a budget lets no pod go; empty where it does not say so."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionAllowed" and condition.get("status") == "False":
            return str(condition.get("lastTransitionTime") or "")
    return ""


def _next_step(budget: Object, healthy: int, wanted: int) -> str:
    """Return what lets pods of a budget go."""
    status, meta = budget.get("status") or {}, budget["metadata"]
    expected = int(status.get("expectedPods") or 0)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionAllowed" and condition.get("reason") == "SyncFailed":
            return f"Kubernetes cannot compute it: {condition.get('message', '')}"
    if expected and wanted >= expected:
        field = "minAvailable" if "minAvailable" in (budget.get("spec") or {}) else "maxUnavailable"
        return f"it never lets one of its {counted(expected, 'pod')} go: add a replica, or change its {field}"
    if healthy < wanted:
        return (
            f"it goes on by itself once {wanted - healthy} more run: kubectl get pods -n {meta['namespace']}"
        )
    return "it goes on by itself once one more is ready"


def _is_ready(pod: Object) -> bool:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return False


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", ""))

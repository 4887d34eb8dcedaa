"""What workloads ask for, and what nodes have room for: the arithmetic of queues, exact and pure.

A pod asks for the sum of its containers' and sidecars' requests, or for more of a resource where an init
container does beside the sidecars before it; its runtime's overhead is added. A limit without a request is
one. Amounts are cores, bytes and devices. Source: kubernetes.io/docs/concepts/workloads/pods, sidecar
containers (resource sharing within containers) and pod overhead, Kubernetes 1.37.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sovereign_ai.verify.difference import quantity

Object = Mapping[str, Any]
Amounts = Mapping[str, Fraction]
"""Resource to amount."""


def asked_by(workload: Object) -> dict[str, Fraction]:
    """Return what all pods of a workload ask for."""
    total: dict[str, Fraction] = {}
    for pod_set in workload["spec"]["podSets"]:
        count = int(pod_set.get("count", 1))
        for resource, amount in of_pod(pod_set["template"]["spec"]).items():
            total[resource] = total.get(resource, Fraction(0)) + amount * count
    return total


def of_pod(spec: Object) -> dict[str, Fraction]:
    """Return what one pod asks for at the most at a time, in its start or while it runs."""
    sidecars: dict[str, Fraction] = {}
    most_at_start: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        amounts = _of_container(container)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, amounts)
            continue
        # Sidecars that come after it have not started yet.
        beside = dict(sidecars)
        _add(beside, amounts)
        for resource, amount in beside.items():
            most_at_start[resource] = max(most_at_start.get(resource, Fraction(0)), amount)
    total = sidecars
    for container in spec.get("containers") or ():
        _add(total, _of_container(container))
    for resource, amount in most_at_start.items():
        total[resource] = max(total.get(resource, Fraction(0)), amount)
    _add(total, amounts_of(spec.get("overhead") or {}))
    return total


def _add(total: dict[str, Fraction], amounts: Amounts) -> None:
    """Add amounts to a total in place."""
    for resource, amount in amounts.items():
        total[resource] = total.get(resource, Fraction(0)) + amount


def _of_container(container: Object) -> dict[str, Fraction]:
    """Return what a container asks for; a limit without a request is one."""
    resources = container.get("resources") or {}
    return amounts_of({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def amounts_of(quantities: Mapping[str, Any]) -> dict[str, Fraction]:
    """Return quantities of Kubernetes by resource as numbers."""
    return {resource: amount_of(value) for resource, value in quantities.items()}


def amount_of(value: Any) -> Fraction:
    """Return a quantity of Kubernetes as a number; what is none counts as nothing."""
    return quantity(value) or Fraction(0)


def shown(amount: Fraction) -> str:
    """Return an amount for a person: whole, in Gi where it is bytes, or with three decimals."""
    gibibyte = 2**30
    if amount >= gibibyte:
        return f"{float(amount / gibibyte):.6g}Gi"
    return f"{int(amount):,}" if amount.denominator == 1 else f"{float(amount):.3f}"


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def rooms_of(
    pod_set: Object,
    levels: Sequence[str],
    flavor: Object,
    nodes: Iterable[Object],
    pods: Iterable[Object],
) -> tuple[dict[tuple[str, ...], int], int]:
    """Return how many pods fit on the nodes of each lowest domain, and how many nodes take no pods."""
    pod = of_pod(pod_set["template"]["spec"]) | {"pods": Fraction(1)}
    tolerations = [*(flavor["spec"].get("tolerations") or ()), *_tolerations(pod_set)]
    taken = _taken(pods)
    rooms: Counter[tuple[str, ...]] = Counter()
    lost = 0
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        if not _matches(labels, flavor["spec"].get("nodeLabels") or {}) or not set(levels) <= set(labels):
            continue
        if not _takes_pods(node, tolerations):
            lost += 1
            continue
        capacity = amounts_of(field_of(node, "status", "allocatable") or {})
        used = taken.get(node["metadata"]["name"], {})
        fitting = []
        for resource, amount in pod.items():
            free = capacity.get(resource, Fraction(0)) - used.get(resource, Fraction(0))
            if amount:
                fitting.append(max(0, free // amount))
        rooms[tuple(labels[key] for key in levels)] += min(fitting)
    return dict(rooms), lost


def largest_room(rooms: Mapping[tuple[str, ...], int], level: int) -> int:
    """Return the room of the roomiest domain of a level, which is counted from the top."""
    domains: Counter[tuple[str, ...]] = Counter()
    for path, room in rooms.items():
        domains[path[: level + 1]] += room
    return max(domains.values(), default=0)


def _taken(pods: Iterable[Object]) -> dict[str, dict[str, Fraction]]:
    """Return what the pods on each node ask for."""
    taken: dict[str, dict[str, Fraction]] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if not node or field_of(pod, "status", "phase") in {"Succeeded", "Failed"}:
            continue
        _add(taken.setdefault(node, {}), of_pod(pod["spec"]) | {"pods": Fraction(1)})
    return taken


def _takes_pods(node: Object, tolerations: Iterable[Object]) -> bool:
    """Return whether a node is ready, not cordoned, and has no taint that is not tolerated."""
    if node["spec"].get("unschedulable"):
        return False
    for condition in field_of(node, "status", "conditions") or ():
        if condition["type"] == "Ready" and condition["status"] != "True":
            return False
    for taint in node["spec"].get("taints") or ():
        is_soft = taint["effect"] == "PreferNoSchedule"
        if not is_soft and not any(_tolerates(toleration, taint) for toleration in tolerations):
            return False
    return True


def _tolerates(toleration: Object, taint: Object) -> bool:
    """Return whether a toleration accepts a taint, by the rules of the scheduler."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _tolerations(pod_set: Object) -> Sequence[Object]:
    return pod_set["template"]["spec"].get("tolerations") or ()


def field_of(obj: Object, *path: str) -> Any:
    """Return a field below others; None where one of them is missing."""
    value: Any = obj
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value

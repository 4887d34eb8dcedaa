"""What a pod and a workload request of each resource: cores, bytes and devices, exactly.

A pod asks for the sum of its containers' and sidecars' requests, or for more of a resource where an init
container does beside the sidecars before it; its runtime's overhead is added. A limit without a request is
one. Source: kubernetes.io/docs/concepts/workloads/pods, sidecar
containers (resource sharing within containers) and pod overhead, Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sovereign_ai.verify.equal_values import quantity

Object = Mapping[str, Any]
Amounts = Mapping[str, Fraction]
"""Resource to amount."""


def requests_of_workload(workload: Object) -> dict[str, Fraction]:
    """Return what all pods of a workload ask for."""
    total: dict[str, Fraction] = {}
    for pod_set in workload["spec"]["podSets"]:
        count = int(pod_set.get("count", 1))
        for resource, amount in requests_of_pod(pod_set["template"]["spec"]).items():
            total[resource] = total.get(resource, Fraction(0)) + amount * count
    return total


def requests_of_pod(spec: Object) -> dict[str, Fraction]:
    """Return what one pod asks for at the most at a time, in its start or while it runs."""
    sidecars: dict[str, Fraction] = {}
    most_at_start: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        amounts = _requests_of_container(container)
        if container.get("restartPolicy") == "Always":
            add_amounts(sidecars, amounts)
            continue
        # Sidecars that come after it have not started yet.
        beside = dict(sidecars)
        add_amounts(beside, amounts)
        for resource, amount in beside.items():
            most_at_start[resource] = max(most_at_start.get(resource, Fraction(0)), amount)
    total = sidecars
    for container in spec.get("containers") or ():
        add_amounts(total, _requests_of_container(container))
    for resource, amount in most_at_start.items():
        total[resource] = max(total.get(resource, Fraction(0)), amount)
    add_amounts(total, amounts_of(spec.get("overhead") or {}))
    return total


def add_amounts(total: dict[str, Fraction], amounts: Amounts) -> None:
    """Add amounts to a total in place."""
    for resource, amount in amounts.items():
        total[resource] = total.get(resource, Fraction(0)) + amount


def _requests_of_container(container: Object) -> dict[str, Fraction]:
    """Return what a container asks for; a limit without a request is one."""
    resources = container.get("resources") or {}
    return amounts_of({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def amounts_of(quantities: Mapping[str, Any]) -> dict[str, Fraction]:
    """Return quantities of Kubernetes by resource as numbers."""
    return {resource: amount_of(value) for resource, value in quantities.items()}


def amount_of(value: Any) -> Fraction:
    """Return a quantity of Kubernetes as a number; what is none counts as nothing."""
    return quantity(value) or Fraction(0)


def amount_text(amount: Fraction) -> str:
    """Return an amount for a person: whole, in Gi where it is bytes, or with three decimals."""
    gibibyte = 2**30
    if amount >= gibibyte:
        return f"{float(amount / gibibyte):.6g}Gi"
    return f"{int(amount):,}" if amount.denominator == 1 else f"{float(amount):.3f}"


def field_of(obj: Object, *path: str) -> Any:
    """Return a field below others; None where one of them is missing."""
    value: Any = obj
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value

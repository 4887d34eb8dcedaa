"""Which labels and taints a pod accepts, by the rules of the scheduler.

Source: kubernetes.io/docs/concepts/scheduling-eviction, assign-pod-node and taint-and-toleration,
Kubernetes 1.37.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from sovereign_ai.rules.rbac import meets
from sovereign_ai.verify.pod_requests import Object, field_of


def unselected(spec: Object, labels: Mapping[str, str]) -> list[str]:
    """Return the keys of a pod's node selector whose value some labels do not have, in order."""
    wanted = spec.get("nodeSelector") or {}
    return sorted(key for key, value in wanted.items() if labels.get(key) != value)


def is_selected(spec: Object, labels: Mapping[str, str], keys: Collection[str] | None = None) -> bool:
    """Return whether a pod's node selector and required affinity accept some labels.

    Args:
        spec: the pod's.
        labels: of a node, or of a flavor.
        keys: the labels that are judged; all if None. Kueue judges those of its flavors alone.
    """
    for key in unselected(spec, labels):
        if keys is None or key in keys:
            return False
    terms = _terms(spec)
    return not terms or any(_meets(term, labels, keys) for term in terms)


def has_affinity(spec: Object) -> bool:
    """Return whether a pod requires an affinity to nodes."""
    return bool(_terms(spec))


def _terms(spec: Object) -> list[Object]:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    return field_of(spec, "affinity", "nodeAffinity", required, "nodeSelectorTerms") or []


def _meets(term: Object, labels: Mapping[str, str], keys: Collection[str] | None) -> bool:
    """Return whether labels meet all expressions of a term."""
    for expression in term.get("matchExpressions") or ():
        is_judged = keys is None or expression["key"] in keys
        if is_judged and not _meets_expression(expression, labels):
            return False
    return True


def _meets_expression(expression: Object, labels: Mapping[str, str]) -> bool:
    if expression["operator"] not in ("Gt", "Lt"):
        return meets(expression, labels)
    # Both compare whole numbers; a label that is none does not meet them.
    text, values = labels.get(expression["key"], ""), expression.get("values")
    if not text.isdecimal() or not values:
        return False
    return int(text) > int(values[0]) if expression["operator"] == "Gt" else int(text) < int(values[0])


def untolerated(taints: Iterable[Object], tolerations: Iterable[Object]) -> Iterator[Object]:
    """Yield the taints that keep a pod away; a preference keeps none away."""
    accepted = list(tolerations)
    for taint in taints:
        is_soft = taint["effect"] == "PreferNoSchedule"
        if not is_soft and not any(_tolerates(toleration, taint) for toleration in accepted):
            yield taint


def takes_pods(node: Object, tolerations: Iterable[Object]) -> bool:
    """Return whether a node is ready, not cordoned, and has no taint that is not tolerated."""
    if node["spec"].get("unschedulable"):
        return False
    for condition in field_of(node, "status", "conditions") or ():
        if condition["type"] == "Ready" and condition["status"] != "True":
            return False
    return not any(untolerated(node["spec"].get("taints") or (), tolerations))


def lost_for(nodes: Iterable[Object], tolerations: Iterable[Object]) -> str:
    """Return for what some nodes take no pods, in words: the most frequent reasons first.

    Args:
        nodes: nodes that take no pods.
        tolerations: those of the pods.
    """
    accepted = list(tolerations)
    counted: Counter[str] = Counter()
    for node in nodes:
        taint = next(untolerated(node["spec"].get("taints") or (), accepted), None)
        if node["spec"].get("unschedulable"):
            counted["cordoned"] += 1
        elif taint is not None:
            counted[f"taint {taint['key']}:{taint['effect']}"] += 1
        else:
            counted["not ready"] += 1
    listed = counted.most_common(_MOST_REASONS)
    return ", ".join(f"{number} {reason}" for reason, number in listed)


_MOST_REASONS = 3


def _tolerates(toleration: Object, taint: Object) -> bool:
    """Return whether a toleration accepts a taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")

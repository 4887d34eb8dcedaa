"""How many pods of a pod set fit into each domain of a topology: the largest room of a level.

A domain is the nodes with the same labels down to a level: a rack of a scalable unit. A node has room for as
many pods as its scarcest resource allows, after what its pods request; a node that takes no pods has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.pod_place import is_selected, takes_pods
from sovereign_ai.verify.pod_requests import (
    Amounts,
    Object,
    add_amounts,
    amounts_of,
    field_of,
    requests_of_pod,
)


class TopologyRoom(NamedTuple):
    """What a topology has room for.

    Attributes:
        rooms: lowest domain, as its labels from the top, to the pods that fit.
        lost: lowest domain to its nodes that take no pods.
    """

    rooms: Mapping[tuple[str, ...], int]
    lost: Mapping[tuple[str, ...], Sequence[Object]]


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def rooms_of(
    pod_set: Object,
    levels: Sequence[str],
    flavor: Object,
    nodes: Iterable[Object],
    pods: Iterable[Object],
) -> TopologyRoom:
    """Return how many pods fit on the nodes of each lowest domain that a pod set selects."""
    spec = pod_set["template"]["spec"]
    pod = _with_pod_count(spec)
    tolerations = [*(flavor["spec"].get("tolerations") or ()), *(spec.get("tolerations") or ())]
    requested = _requests_by_node(pods)
    rooms: Counter[tuple[str, ...]] = Counter()
    lost: dict[tuple[str, ...], list[Object]] = {}
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        is_of_flavor = _matches(labels, flavor["spec"].get("nodeLabels") or {})
        if not is_of_flavor or not labels.keys() >= set(levels) or not is_selected(spec, labels):
            continue
        domain = tuple(labels[key] for key in levels)
        if not takes_pods(node, tolerations):
            lost.setdefault(domain, []).append(node)
            continue
        capacity = amounts_of(field_of(node, "status", "allocatable") or {})
        rooms[domain] += _fitting_pods(pod, capacity, requested.get(node["metadata"]["name"], {}))
    return TopologyRoom(dict(rooms), lost)


def largest_room(rooms: Mapping[tuple[str, ...], int], level: int) -> int:
    """Return the room of the roomiest domain of a level, which is counted from the top; of all at -1."""
    domains: Counter[tuple[str, ...]] = Counter()
    for path, room in rooms.items():
        domains[path[: level + 1]] += room
    return max(domains.values(), default=0)


def _fitting_pods(pod: Amounts, capacity: Amounts, requested: Amounts) -> int:
    """Return how many pods fit on a node beside those that it has, by the scarcest resource."""
    zero = Fraction(0)
    fitting: list[int] = []
    for resource, amount in pod.items():
        if amount:
            free = capacity.get(resource, zero) - requested.get(resource, zero)
            fitting.append(max(0, free // amount))
    return min(fitting)


def _with_pod_count(spec: Object) -> Amounts:
    """Return what a pod requests, and of the resource `pods`, which limits the pods of a node, one."""
    return requests_of_pod(spec) | {"pods": Fraction(1)}


def _requests_by_node(pods: Iterable[Object]) -> dict[str, dict[str, Fraction]]:
    """Return what the pods on each node request; pods that are finished request nothing."""
    requested: dict[str, dict[str, Fraction]] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if not node or field_of(pod, "status", "phase") in {"Succeeded", "Failed"}:
            continue
        add_amounts(requested.setdefault(node, {}), _with_pod_count(pod["spec"]))
    return requested

"""How many pods of a pod set fit into each domain of a topology.

A domain is the nodes with the same labels down to a level: a rack of a scalable unit. A node has capacity
for as many pods as its scarcest resource allows, after what its pods request; a node that takes no pods
has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
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

Domain = tuple[str, ...]
"""A domain as its labels from the top."""


class TopologyCapacity(NamedTuple):
    """The pods that a topology has capacity for.

    Attributes:
        fitting_pods: lowest domain to the pods that fit.
        lost: lowest domain to its nodes that take no pods.
        nodes: node to its lowest domain and the pods that fit on it.
    """

    fitting_pods: Mapping[Domain, int]
    lost: Mapping[Domain, Sequence[Object]]
    nodes: Mapping[str, tuple[Domain, int]]


class PodSlices(NamedTuple):
    """In which pieces the pods of a pod set are placed: each within one domain of a level.

    Attributes:
        level: the level, counted from the top.
        size: the pods of a piece.
    """

    level: int
    size: int


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def topology_capacity_of(
    pod_set: Object,
    levels: Sequence[str],
    flavor: Object,
    nodes: Iterable[Object],
    pods: Iterable[Object],
    taken: Mapping[str, Amounts] = MappingProxyType({}),
) -> TopologyCapacity:
    """Return how many pods fit on the nodes of each lowest domain that a pod set selects.

    Args:
        pod_set: the pods, all alike.
        levels: the labels of the topology from the top.
        flavor: whose nodes they are.
        nodes: all nodes.
        pods: all pods.
        taken: node to what others will request there, which are no pods yet.
    """
    spec = pod_set["template"]["spec"]
    pod = _with_pod_count(spec)
    tolerations = [*(flavor["spec"].get("tolerations") or ()), *(spec.get("tolerations") or ())]
    requested = _requests_by_node(pods)
    for name, amounts in taken.items():
        add_amounts(requested.setdefault(name, {}), amounts)
    fitting_pods: Counter[Domain] = Counter()
    fitting: dict[str, tuple[Domain, int]] = {}
    lost: dict[Domain, list[Object]] = {}
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
        name = node["metadata"]["name"]
        fits = _fitting_pods(pod, capacity, requested.get(name, {}))
        fitting_pods[domain] += fits
        fitting[name] = (domain, fits)
    return TopologyCapacity(dict(fitting_pods), lost, fitting)


def largest_capacity(fitting_pods: Mapping[Domain, int], level: int, slices: PodSlices | None = None) -> int:
    """Return the largest capacity of a domain of a level, which is counted from the top; of all at -1."""
    return max(capacity_by_domain(fitting_pods, level, slices).values(), default=0)


def capacity_by_domain(
    fitting_pods: Mapping[Domain, int], level: int, slices: PodSlices | None = None
) -> dict[Domain, int]:
    """Return the capacity of each domain of a level; of all together at -1.

    Args:
        fitting_pods: that of the lowest domains.
        level: counted from the top.
        slices: the pieces that are not parted, of which only whole ones count.
    """
    if slices is not None and slices.level >= level:
        whole = capacity_by_domain(fitting_pods, slices.level)
        fitting_pods = {path: count // slices.size * slices.size for path, count in whole.items()}
    domains: Counter[Domain] = Counter()
    for path, count in fitting_pods.items():
        domains[path[: level + 1]] += count
    return dict(domains)


def placed(capacity: TopologyCapacity, pod_set: Object, count: int, within: Domain) -> dict[str, Amounts]:
    """Return what the pods of a pod set will request of each node, in as few domains as hold them.

    Args:
        capacity: what is free for them.
        pod_set: the pods.
        count: how many.
        within: the domain in which they are; empty for all.
    """
    each = _with_pod_count(pod_set["template"]["spec"])
    free = []
    for name, (domain, fits) in capacity.nodes.items():
        if fits and domain[: len(within)] == within:
            free.append((capacity.fitting_pods[domain], domain, fits, name))
    taken: dict[str, Amounts] = {}
    # Whole domains first; the last one is the smallest that holds the rest.
    free.sort(reverse=True)
    while count > 0 and free:
        enough = [entry for entry in free if entry[2] >= count]
        chosen = enough[-1] if enough else free[0]
        free.remove(chosen)
        pods = min(count, chosen[2])
        taken[chosen[3]] = {resource: amount * pods for resource, amount in each.items()}
        count -= pods
    return taken


def _fitting_pods(pod: Amounts, capacity: Amounts, requested: Amounts) -> int:
    """Return how many pods fit on a node beside those that it has, by the scarcest resource."""
    zero = Fraction(0)
    counts: list[int] = []
    for resource, amount in pod.items():
        if amount:
            free = capacity.get(resource, zero) - requested.get(resource, zero)
            counts.append(max(0, free // amount))
    return min(counts)


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

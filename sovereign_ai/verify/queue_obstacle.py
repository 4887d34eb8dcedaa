"""What keeps a workload out of its ClusterQueue, by the arithmetic of Kueue 0.17; pure.

In Kueue's order: the queue's namespaces, the resources it covers, and for each flavor its taints, its
labels, its quota (`quota_room`) and its topology (`topology_room`). One flavor without an obstacle is enough.
What a workload may preempt in its own queue, or take back in its cohort, counts as gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from sovereign_ai.rules.rbac import selects
from sovereign_ai.verify.pod_place import is_selected, untolerated
from sovereign_ai.verify.pod_requests import (
    Amounts,
    Object,
    amount_text,
    field_of,
    requests_of_workload,
)
from sovereign_ai.verify.queue_state import (
    QueueState,
    by_name,
    cluster_queue_of,
    full_name,
    priority_of,
    without,
)
from sovereign_ai.verify.quota_room import QuotaRoom, borrowers_of, cohort_of, quota_rooms
from sovereign_ai.verify.topology_room import TopologyRoom, largest_room, rooms_of

ObstacleCode = Literal[
    "other-namespace",
    "not-covered",
    "untolerated",
    "wrong-label",
    "over-quota",
    "waits-for-quota",
    "topology",
]
_STAGES: tuple[ObstacleCode, ...] = (
    "untolerated",
    "wrong-label",
    "over-quota",
    "waits-for-quota",
    "topology",
)
"""The obstacles of a flavor in Kueue's order: what fails later is nearer to admission."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a workload does not get into its queue.

    Attributes:
        code: this program's word.
        message: what decides, with the figures.
        flavor: the flavor that is nearest to admitting it; empty where the queue itself does not.
        resource: the resource that lacks, where one does.
        missing: how much of it.
        level: the level of a topology that has no room; empty for all of it.
    """

    code: ObstacleCode
    message: str
    flavor: str = ""
    resource: str = ""
    missing: Fraction = Fraction(0)
    level: str = ""


def obstacle_of(workload: Object, state: QueueState) -> Obstacle | None:
    """Return what keeps a workload out of its queue; None where it fits, or where there is no queue."""
    queue = cluster_queue_of(workload, state)
    if queue is None:
        return None
    obstacle = _namespace(workload, queue, state) or _not_covered(workload, queue)
    if obstacle is not None:
        return obstacle
    idle = without(state, set(_preempted(workload, queue, state)))
    for group in queue["spec"].get("resourceGroups") or ():
        obstacles = []
        for flavor in group["flavors"]:
            obstacles.append(_of_flavor(workload, queue, flavor["name"], idle))
        lacking = [each for each in obstacles if each is not None]
        # One flavor with room is enough.
        if lacking and len(lacking) == len(obstacles):
            return max(lacking, key=lambda each: (_STAGES.index(each.code), -each.missing))
    return None


def rooms_by_pod_set(
    workload: Object, flavor: Object, state: QueueState
) -> Iterator[tuple[Object, TopologyRoom]]:
    """Yield each pod set that a flavor's topology places, and the room for it."""
    levels = topology_levels(flavor, state)
    if levels:
        for pod_set in workload["spec"]["podSets"]:
            yield pod_set, rooms_of(pod_set, levels, flavor, state.nodes, state.pods)


def topology_levels(flavor: Object, state: QueueState) -> list[str]:
    """Return the labels of a flavor's topology from the top; empty for none."""
    topology = by_name(state.topologies, flavor["spec"].get("topologyName") or "") or {}
    return [each["nodeLabel"] for each in field_of(topology, "spec", "levels") or ()]


def _namespace(workload: Object, queue: Object, state: QueueState) -> Obstacle | None:
    """Return the obstacle that a queue serves other namespaces; only where namespaces were read."""
    name = workload["metadata"].get("namespace", "")
    namespace = by_name(state.namespaces, name)
    # Without a selector a ClusterQueue serves no namespace; an empty one selects all (Kueue's API reference).
    selector = queue["spec"].get("namespaceSelector")
    labels = field_of(namespace or {}, "metadata", "labels") or {}
    if namespace is None or (selector is not None and selects(selector, labels)):
        return None
    wanted = "no namespace, since it has no namespaceSelector"
    if selector is not None:
        pairs = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
        pairs += [_expression_text(each) for each in selector.get("matchExpressions") or ()]
        wanted = f"namespaces with {', '.join(pairs)}, and not {name}"
    message = f"ClusterQueue {queue['metadata']['name']} serves {wanted}"
    return Obstacle("other-namespace", message)


def _expression_text(expression: Object) -> str:
    """Return an expression of a label selector as a person reads it.

    >>> _expression_text({"key": "zone", "operator": "In", "values": ["a", "b"]})
    'zone In (a, b)'
    """
    values = ", ".join(expression.get("values") or ())
    return f"{expression['key']} {expression['operator']}" + (f" ({values})" if values else "")


def _not_covered(workload: Object, queue: Object) -> Obstacle | None:
    """Return the first resource for which a queue has no quota; nothing at all of it needs none."""
    covered = {"pods"}
    for group in queue["spec"].get("resourceGroups") or ():
        covered |= set(group["coveredResources"])
    asked = requests_of_workload(workload)
    for resource in sorted(set(asked) - covered):
        if asked[resource]:
            message = f"ClusterQueue {queue['metadata']['name']} has no quota for {resource}"
            return Obstacle("not-covered", message, resource=resource, missing=asked[resource])
    return None


def _preempted(workload: Object, queue: Object, state: QueueState) -> Iterator[str]:
    """Yield the workloads that make room for one: of less priority, or on what its queue takes back."""
    name, priority = queue["metadata"]["name"], priority_of(workload)
    within = field_of(queue, "spec", "preemption", "withinClusterQueue") or "Never"
    members = cohort_of(queue, state.cluster_queues)
    asked = requests_of_workload(workload)
    borrowers = borrowers_of(members, asked, state.workloads)
    for each in state.workloads:
        holder = field_of(each, "status", "admission", "clusterQueue")
        is_less = "spec" in each and priority_of(each) < priority
        if (holder == name and within != "Never" and is_less) or holder in borrowers:
            yield full_name(each)


def _of_flavor(workload: Object, queue: Object, name: str, state: QueueState) -> Obstacle | None:
    """Return why a flavor does not take a workload; None if it does."""
    flavor = by_name(state.flavors, name)
    # A flavor that was not read has quota all the same.
    if flavor is not None:
        obstacle = _pods_of_flavor(workload, flavor)
        if obstacle is not None:
            return obstacle
    members = cohort_of(queue, state.cluster_queues)
    rooms = quota_rooms(members, name, state.workloads)
    short = _shortage(members, name, requests_of_workload(workload), rooms)
    if short is not None:
        return short
    return None if flavor is None else _topology(workload, flavor, state)


def _pods_of_flavor(workload: Object, flavor: Object) -> Obstacle | None:
    """Return which pods do not accept a flavor's taints or labels."""
    name, spec = flavor["metadata"]["name"], flavor["spec"]
    labels = spec.get("nodeLabels") or {}
    for pod_set in workload["spec"]["podSets"]:
        pod = pod_set["template"]["spec"]
        tolerations = [*(spec.get("tolerations") or ()), *(pod.get("tolerations") or ())]
        for taint in untolerated(spec.get("nodeTaints") or (), tolerations):
            message = f"{pod_set.get('name', 'main')} does not tolerate {taint_text(taint)} of flavor {name}"
            return Obstacle("untolerated", message, name)
        if not is_selected(pod, labels, labels.keys()):
            has = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
            message = f"{pod_set.get('name', 'main')} selects other nodes than those of flavor {name}: {has}"
            return Obstacle("wrong-label", message, name)
    return None


def taint_text(taint: Object) -> str:
    """Return a taint as `kubectl taint` writes it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _shortage(
    members: Sequence[Object], flavor: str, asked: Amounts, rooms: Mapping[str, QuotaRoom]
) -> Obstacle | None:
    """Return what a flavor lacks of the resource of which it lacks most; None if it has room."""
    worst, share = "", Fraction(0)
    for resource, room in rooms.items():
        wanted = asked.get(resource, Fraction(0))
        if wanted > room.free and (wanted - room.free) / wanted > share:
            worst, share = resource, (wanted - room.free) / wanted
    if not worst:
        return None
    names = [member["metadata"]["name"] for member in members]
    place = f"flavor {flavor} of ClusterQueue {names[0]}" + (" and its cohort" if names[1:] else "")
    room, wanted = rooms[worst], asked[worst]
    figures, most = f"{amount_text(wanted)} of {worst}", amount_text(room.most)
    if wanted > room.most:
        message = f"it asks for {figures}, and {place} has {most} in all"
        return Obstacle("over-quota", message, flavor, worst, wanted - room.most)
    free, missing = amount_text(room.free), amount_text(wanted - room.free)
    message = f"it asks for {figures}, and {place} has {free} free of {most}: {missing} are missing"
    return Obstacle("waits-for-quota", message, flavor, worst, wanted - room.free)


def _topology(workload: Object, flavor: Object, state: QueueState) -> Obstacle | None:
    """Return the pod set that no domain of a flavor's topology has room for."""
    name, levels = flavor["metadata"]["name"], topology_levels(flavor, state)
    for pod_set in workload["spec"]["podSets"]:
        level = field_of(pod_set, "topologyRequest", "required") or ""
        if level and level not in levels:
            known = flavor["spec"].get("topologyName")
            message = f"it asks for {level}, which is no level of topology {known}"
            if not known:
                message = f"it asks for {level}, and no flavor of the queue has a topology"
            return Obstacle("topology", message, name, level=level)
    for pod_set, room in rooms_by_pod_set(workload, flavor, state):
        level = field_of(pod_set, "topologyRequest", "required") or ""
        count = int(pod_set.get("count", 1))
        largest = largest_room(room.rooms, levels.index(level) if level else -1)
        if largest < count:
            message = f"{count} pods have to be within one {level}, and the roomiest has room for {largest}"
            if not level:
                message = f"the nodes of flavor {name} have room for {largest} of {count} pods"
            if lost := sum(map(len, room.lost.values())):
                message += f"; {lost} of its nodes take no pods"
            return Obstacle("topology", message, name, level=level)
    return None

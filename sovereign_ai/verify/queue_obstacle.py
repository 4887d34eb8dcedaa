"""What keeps a workload out of its ClusterQueue, by the arithmetic of Kueue 0.17; pure.

In Kueue's order: the queue's namespaces, the resources it covers, the flavors of each pod set
(`flavor_choice`) by the quotas of queue and cohorts (`quota_tree`), what it may preempt (`preemption`), and
the topology (`topology_capacity`). Where one choice of flavors does not do, Kueue tries the flavors after it.
A workload that says how few pods are enough is tried with fewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.rules.rbac import selects
from sovereign_ai.text import counted
from sovereign_ai.verify.flavor_choice import Assignment, PendingWorkload, assign, topology_levels
from sovereign_ai.verify.obstacle import Obstacle, ObstacleCode
from sovereign_ai.verify.pod_place import is_selected, lost_for, takes_pods
from sovereign_ai.verify.pod_requests import (
    Amounts,
    Object,
    add_amounts,
    amounts_of,
    field_of,
    requests_of_pod,
    requests_of_workload,
)
from sovereign_ai.verify.preemption import preemptions
from sovereign_ai.verify.queue_state import (
    QueueState,
    by_name,
    cluster_queue_of,
    is_sent_elsewhere,
    with_spec,
    without,
)
from sovereign_ai.verify.quota_tree import Needs, quota_tree
from sovereign_ai.verify.topology_capacity import (
    Domain,
    PodSlices,
    TopologyCapacity,
    capacity_by_domain,
    placed,
    topology_capacity_of,
)

_STAGES: tuple[ObstacleCode, ...] = (
    "untolerated",
    "wrong-label",
    "over-quota",
    "waits-for-quota",
    "topology",
)
"""The obstacles of a flavor in Kueue's order: what fails later is nearer to admission."""
_MOST_CHOICES = 32
"""Choices of flavors that are tried."""


def obstacle_of(workload: Object, state: QueueState) -> Obstacle | None:
    """Return what keeps a workload out of its queue; None where it fits, or where there is no queue."""
    queue = cluster_queue_of(workload, state)
    if queue is None:
        return None
    obstacle = _namespace(workload, queue, state) or _not_covered(workload, queue)
    if obstacle is not None:
        return obstacle
    obstacle = _of_flavors(workload, queue, state)
    if obstacle is not None:
        is_small = _spare_pods(workload) and _smallest_that_fits(workload, queue, state) is not None
        return None if is_small else obstacle
    return _no_node(workload, queue, state)


def admitted(workload: Object, state: QueueState) -> QueueState:
    """Return the state once a workload is in its queue that nothing keeps out: its quota and nodes are taken.

    What it preempts for that has ended then. One that makes do with fewer pods has as many as fit.

    Args:
        workload: one of which `obstacle_of` says nothing.
        state: what there is before.
    """
    found = way_in(workload, state)
    return state if found is None else found[1]


def way_in(workload: Object, state: QueueState) -> tuple[Needs, QueueState] | None:
    """Return what a workload takes that nothing keeps out, and the state after it; None without a queue."""
    queue = cluster_queue_of(workload, state)
    if queue is None:
        return None
    less = _smallest_that_fits(workload, queue, state) if _spare_pods(workload) else 0
    if less:
        workload = _with_less(workload, less, _spare_pods(workload))
    ways: list[_Way] = []
    _of_flavors(workload, queue, state, ways)
    return (ways[0].assignment.needs, _after(workload, queue, ways[0])) if ways else None


class _Way(NamedTuple):
    """How a workload gets in.

    Attributes:
        assignment: its flavors.
        state: what there is once those have ended that it preempts.
        taken: node to what its pods request there.
    """

    assignment: Assignment
    state: QueueState
    taken: Mapping[str, Amounts]


def _after(workload: Object, queue: Object, way: _Way) -> QueueState:
    """Return the state with a workload that has got in: its reservation, and pods on its nodes."""
    assigned = []
    for index, pod_set in enumerate(workload["spec"]["podSets"]):
        flavors = {}
        for (owner, resource), name in way.assignment.flavors.items():
            if owner == index:
                flavors[resource] = name
        count = int(pod_set.get("count", 1))
        requested = {**requests_of_pod(pod_set["template"]["spec"]), "pods": Fraction(1)}
        usage = {}
        for resource in flavors:
            # In thousandths, which hold every quantity of the API exactly.
            usage[resource] = f"{int(requested.get(resource, Fraction(0)) * count * 1000)}m"
        name = pod_set.get("name", "main")
        assigned.append({"name": name, "count": count, "flavors": flavors, "resourceUsage": usage})
    admission = {"clusterQueue": queue["metadata"]["name"], "podSetAssignments": assigned}
    reserved = {"type": "QuotaReserved", "status": "True"}
    held = {**workload, "status": {"admission": admission, "conditions": [reserved]}}
    pods = []
    for node, amounts in way.taken.items():
        # The first of its pods there has what all of them ask for; the others are there to be counted.
        requests = {key: f"{int(amount * 1000)}m" for key, amount in amounts.items()}
        for number in range(int(amounts.get("pods", 1))):
            containers = [{"resources": {"requests": requests}}] if number == 0 else []
            pods.append({"metadata": {}, "spec": {"nodeName": node, "containers": containers}})
    return replace(way.state, workloads=[*way.state.workloads, held], pods=[*way.state.pods, *pods])


def _of_flavors(
    workload: Object, queue: Object, state: QueueState, ways: list[_Way] | None = None
) -> Obstacle | None:
    """Return what keeps a workload off all choices of flavors; None if one of them takes it.

    Args:
        workload: what waits.
        queue: its queue.
        state: what there is.
        ways: takes the way in, where there is one.
    """
    pending = PendingWorkload(
        workload, queue, state, quota_tree(state.cluster_queues, state.cohorts, state.workloads)
    )
    starts: Mapping[tuple[int, int], int] = {}
    obstacles: list[Obstacle] = []
    for _ in range(_MOST_CHOICES):
        assignment = assign(pending, starts)
        found = list(assignment.obstacles)
        if assignment.is_whole:
            obstacle = _of_assignment(pending, assignment, ways)
            if obstacle is None:
                return None
            found.append(obstacle)
        obstacles += [each for each in found if each not in obstacles]
        if not assignment.has_more:
            break
        starts = assignment.starts
    if not obstacles:
        return None
    return _nearest(obstacles)


def _nearest(obstacles: Sequence[Obstacle]) -> Obstacle:
    """Return the obstacle that is nearest to admission, with those of the other flavors in few words."""
    best = max(obstacles, key=lambda each: (_STAGES.index(each.code), -each.missing))
    others: dict[str, str] = {}
    for each in obstacles:
        if each.flavor != best.flavor and each.brief:
            others[each.flavor] = each.brief
    return replace(best, message="; ".join([best.message, *others.values()]))


def _of_assignment(
    pending: PendingWorkload, assignment: Assignment, ways: list[_Way] | None = None
) -> Obstacle | None:
    """Return what keeps a workload out although each of its pod sets has flavors; None if it gets in."""
    short = [each for each in assignment.obstacles if each.code == "waits-for-quota"]
    contested = set(assignment.contested)
    obstacle = None
    if not contested:
        obstacle = _topology(pending, assignment, pending.state, ways)
        if obstacle is None:
            return None
        # Its quota is free, and its nodes may be taken by what it may preempt.
        contested = set(assignment.needs)
    name = str(pending.queue["metadata"]["name"])
    for way in preemptions(pending.workload, pending.queue, pending.state, contested, assignment.needs):
        if way.ended and way.has_quota(name, assignment.needs):
            obstacle = _topology(pending, assignment, without(pending.state, set(way.ended)), ways)
            if obstacle is None:
                return None
    if obstacle is None and short:
        return max(short, key=lambda each: each.missing)
    return obstacle


def _spare_pods(workload: Object) -> int:
    """Return how many pods a workload can do without."""
    spare = 0
    for pod_set in workload["spec"]["podSets"]:
        count = int(pod_set.get("count", 1))
        spare += count - int(pod_set.get("minCount") or count)
    return spare


def _smallest_that_fits(workload: Object, queue: Object, state: QueueState) -> int | None:
    """Return how many pods a workload has to do without to get in; None if it does not."""
    spare = _spare_pods(workload)
    low, high, found = 0, spare, None
    while low <= high:
        less = (low + high) // 2
        if _of_flavors(_with_less(workload, less, spare), queue, state) is None:
            found, high = less, less - 1
        else:
            low = less + 1
    return found


def _with_less(workload: Object, less: int, spare: int) -> Object:
    """Return a workload with fewer pods, each of its pod sets in proportion to what it can do without."""
    pod_sets = []
    for pod_set in workload["spec"]["podSets"]:
        count = int(pod_set.get("count", 1))
        own = count - int(pod_set.get("minCount") or count)
        pod_sets.append({**pod_set, "count": count - own * less // spare})
    return with_spec(workload, podSets=pod_sets)


def _no_node(workload: Object, queue: Object, state: QueueState) -> Obstacle | None:
    """Return the pod set of which Kueue admits a pod that no node can hold, however idle.

    Kueue looks at nodes only where a flavor has a topology. A flavor without nodes may get some, so that
    nothing is said of it.
    """
    pending = PendingWorkload(workload, queue, state, {})
    for index, pod_set in enumerate(pending.pod_sets):
        if not pending.count(index) or pending.wants_topology(pod_set):
            continue
        nodes, kind = _nodes_of(pending), pod_set.get("name", "main")
        large = [node for node in nodes if _holds(node, pod_set["template"]["spec"])]
        if nodes and not large:
            message = f"Kueue would admit it, and no node that {kind} selects is as large as one of its pods"
            return Obstacle("no-node", message)
        tolerations = _tolerations(pending, pod_set)
        lost = [node for node in large if not takes_pods(node, tolerations)]
        if large and len(lost) == len(large):
            message = f"Kueue would admit it, and none of the nodes of {kind} takes a pod: "
            return Obstacle("no-node", message + lost_for(lost, tolerations))
    return None


def _tolerations(pending: PendingWorkload, pod_set: Object) -> list[Object]:
    """Return what the pods of a pod set tolerate, with what the flavors of their queue add."""
    tolerations = list(pod_set["template"]["spec"].get("tolerations") or ())
    for group in pending.groups:
        for entry in group["flavors"]:
            flavor = by_name(pending.state.flavors, entry["name"]) or {}
            tolerations += field_of(flavor, "spec", "tolerations") or ()
    return tolerations


def _nodes_of(pending: PendingWorkload) -> list[Object]:
    """Return the nodes of a queue's flavors; none where one of them has none, or was not read."""
    nodes: list[Object] = []
    for group in pending.groups:
        for entry in group["flavors"]:
            flavor = by_name(pending.state.flavors, entry["name"])
            wanted = field_of(flavor or {}, "spec", "nodeLabels") or {}
            own = [node for node in pending.state.nodes if wanted.items() <= _labels(node).items()]
            if flavor is None or not own:
                return []
            nodes += own
    return nodes


def _labels(node: Object) -> Mapping[str, str]:
    return node["metadata"].get("labels") or {}


def _holds(node: Object, pod: Object) -> bool:
    """Return whether an idle node holds a pod that selects it."""
    capacity = amounts_of(field_of(node, "status", "allocatable") or {})
    requests = requests_of_pod(pod)
    fits = all(amount <= capacity.get(resource, 0) for resource, amount in requests.items())
    return fits and is_selected(pod, _labels(node))


def capacity_by_pod_set(
    workload: Object, flavor: Object, state: QueueState
) -> Iterator[tuple[Object, TopologyCapacity]]:
    """Yield each pod set that a flavor's topology places, and the room for it."""
    levels = topology_levels(flavor, state)
    if levels:
        for pod_set in workload["spec"]["podSets"]:
            yield pod_set, topology_capacity_of(pod_set, levels, flavor, state.nodes, state.pods)


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
    requested = requests_of_workload(workload)
    for resource in sorted(set(requested) - covered):
        if requested[resource]:
            message = f"ClusterQueue {queue['metadata']['name']} has no quota for {resource}"
            return Obstacle("not-covered", message, resource=resource, missing=requested[resource])
    return None


def _topology(
    pending: PendingWorkload, assignment: Assignment, state: QueueState, ways: list[_Way] | None = None
) -> Obstacle | None:
    """Return the pod set that no domain of its flavor's topology has room for."""
    taken: dict[str, dict[str, Amounts]] = {}
    is_kept = ways is not None
    for members in _placed_together(pending):
        flavor = _topology_flavor(pending, assignment, members[0])
        if flavor is None:
            continue
        name = str(flavor["metadata"]["name"])
        held = _Placing(state, taken.setdefault(name, {}), is_kept=is_kept)
        obstacle = _place(pending, members, flavor, held)
        if obstacle is not None:
            return obstacle
    if ways is not None:
        total: dict[str, Amounts] = {}
        for amounts in taken.values():
            _add(total, amounts)
        ways.append(_Way(assignment, state, total))
    return None


class _Placing(NamedTuple):
    """What pods are placed beside.

    Attributes:
        state: what there is.
        taken: node to what the pod sets before will request there.
        is_kept: whether that is wanted of the last pod set too.
    """

    state: QueueState
    taken: dict[str, Amounts]
    is_kept: bool


def _placed_together(pending: PendingWorkload) -> list[list[int]]:
    """Return the pod sets that share a domain, by their places in the workload."""
    groups: dict[str, list[int]] = {}
    for index, pod_set in enumerate(pending.pod_sets):
        if pending.wants_topology(pod_set):
            name = field_of(pod_set, "topologyRequest", "podSetGroupName") or f"/{index}"
            groups.setdefault(str(name), []).append(index)
    return list(groups.values())


def _topology_flavor(pending: PendingWorkload, assignment: Assignment, index: int) -> Object | None:
    """Return the flavor whose topology places a pod set; None for none, or where another cluster does."""
    if is_sent_elsewhere(pending.queue, pending.state):
        return None
    for (owner, _), name in assignment.flavors.items():
        flavor = by_name(pending.state.flavors, name) if owner == index else None
        if flavor is not None and topology_levels(flavor, pending.state):
            return flavor
    return None


def _place(
    pending: PendingWorkload, members: Sequence[int], flavor: Object, held: _Placing
) -> Obstacle | None:
    """Place pod sets that share a domain, and add what they take; return the obstacle where none has room."""
    levels = topology_levels(flavor, held.state)
    first = pending.pod_sets[members[0]]
    level = field_of(first, "topologyRequest", "required") or ""
    domains: list[Domain] = [()]
    if len(members) > 1 and level:
        free = topology_capacity_of(first, levels, flavor, held.state.nodes, held.state.pods, held.taken)
        domains = sorted(capacity_by_domain(free.fitting_pods, levels.index(level))) or [()]
    obstacle = None
    for domain in domains:
        tried = held._replace(taken=dict(held.taken))
        obstacle = _place_within(domain, pending, members, flavor, tried)
        if obstacle is None:
            held.taken.update(tried.taken)
            return None
    return obstacle


def _place_within(
    domain: Domain, pending: PendingWorkload, members: Sequence[int], flavor: Object, held: _Placing
) -> Obstacle | None:
    """Place pod sets one after another in a part of a topology; return what keeps the first one out."""
    levels = topology_levels(flavor, held.state)
    for index in members:
        pod_set, count = pending.pod_sets[index], pending.count(index)
        free = topology_capacity_of(pod_set, levels, flavor, held.state.nodes, held.state.pods, held.taken)
        level = field_of(pod_set, "topologyRequest", "required") or ""
        within = {path: pods for path, pods in free.fitting_pods.items() if path[: len(domain)] == domain}
        depth = levels.index(level) if level else -1
        fitting = capacity_by_domain(within, depth, _slices(pod_set, levels))
        enough = [path for path, pods in fitting.items() if pods >= count]
        if count and not enough:
            return _lacks_capacity(pod_set, count, max(fitting.values(), default=0), flavor, free)
        if count and (held.is_kept or len(pending.pod_sets) > 1):
            smallest = min(enough, key=fitting.__getitem__)
            _add(held.taken, placed(free, pod_set, count, smallest))
    return None


def _add(taken: dict[str, Amounts], more: Mapping[str, Amounts]) -> None:
    """Add what pods will request of each node."""
    for node, amounts in more.items():
        total = dict(taken.get(node, {}))
        add_amounts(total, amounts)
        taken[node] = total


def _slices(pod_set: Object, levels: Sequence[str]) -> PodSlices | None:
    """Return the pieces in which a pod set is placed; None for single pods."""
    request = pod_set.get("topologyRequest") or {}
    level, size = request.get("podSetSliceRequiredTopology"), request.get("podSetSliceSize")
    if level not in levels or not size:
        return None
    return PodSlices(levels.index(level), int(size))


def _lacks_capacity(
    pod_set: Object, count: int, largest: int, flavor: Object, free: TopologyCapacity
) -> Obstacle:
    """Return the obstacle that no domain has room for a pod set."""
    name = str(flavor["metadata"]["name"])
    request = pod_set.get("topologyRequest") or {}
    level, size = request.get("required") or "", request.get("podSetSliceSize")
    pods_text = counted(count, "pod has", "pods have")
    message = f"{pods_text} to be within one {level}, and the largest has room for {largest}"
    if not level:
        message = f"the nodes of flavor {name} have room for {largest} of {counted(count, 'pod')}"
    if size:
        message += f", {size} of them within one {request.get('podSetSliceRequiredTopology')}"
    if lost := [node for nodes in free.lost.values() for node in nodes]:
        spec = pod_set["template"]["spec"]
        tolerations = [*(flavor["spec"].get("tolerations") or ()), *(spec.get("tolerations") or ())]
        message += f"; {len(lost)} of its nodes take no pods: {lost_for(lost, tolerations)}"
    return Obstacle("topology", message, name, level=level, brief=message)

"""Which flavors the pod sets of a workload get, one after another, as Kueue 0.17 assigns them.

For each pod set and each group of resources that its queue has together, the flavors are tried in their
order: first whether the pods accept it, then its quota, less what the pod sets before were given. The first
that has room is taken; one that would need preemption, or borrowing, is left for a later one where
`flavorFungibility` says so. Source: pkg/scheduler/flavorassigner/flavorassigner.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

from sovereign_ai.verify.fair_share import add_needs, queues_below, remove_needs, share_of
from sovereign_ai.verify.obstacle import Obstacle, ObstacleCode
from sovereign_ai.verify.pod_place import is_selected, untolerated
from sovereign_ai.verify.pod_requests import Object, amount_text, field_of, requests_of_pod
from sovereign_ai.verify.preemption import preemptions
from sovereign_ai.verify.queue_state import QueueState, by_name, full_name
from sovereign_ai.verify.quota_tree import Place, QuotaNode, lowest_level_with, reclaimable

Starts = Mapping[tuple[int, int], int]
"""Pod set and group of resources to the flavor that is tried first."""
_NONE = Fraction(0)


class Mode(IntEnum):
    """How a flavor can take what is asked, the worst first."""

    NO_FIT = 0
    NO_CANDIDATES = 1
    PREEMPT = 2
    RECLAIM = 3
    FIT = 4


class _Fit(NamedTuple):
    """How a flavor can take one group of resources.

    Attributes:
        mode: the worst of its resources.
        borrowed: how far up it borrows.
        by_resource: the mode of each resource.
    """

    mode: Mode
    borrowed: int
    by_resource: Mapping[str, Mode]


@dataclass
class Assignment:
    """The flavors of all pod sets.

    Attributes:
        is_whole: whether each pod set got flavors.
        flavors: pod set and resource to flavor, of the pod sets that got some.
        needs: what is asked of each flavor.
        contested: what has quota in all, and too little that is free.
        obstacles: what kept a pod set off a flavor.
        starts: the flavors that are tried next.
        has_more: whether there are flavors that were not tried.
    """

    is_whole: bool = True
    flavors: dict[tuple[int, str], str] = field(default_factory=dict)
    needs: dict[Place, Fraction] = field(default_factory=dict)
    contested: set[Place] = field(default_factory=set)
    obstacles: list[Obstacle] = field(default_factory=list)
    starts: dict[tuple[int, int], int] = field(default_factory=dict)
    has_more: bool = False


@dataclass(frozen=True)
class PendingWorkload:
    """A workload before its queue.

    Attributes:
        workload: the workload.
        queue: its ClusterQueue.
        state: what there is.
        tree: the quotas of all queues.
    """

    workload: Object
    queue: Object
    state: QueueState
    tree: Mapping[str, QuotaNode]

    @property
    def pod_sets(self) -> Sequence[Object]:
        """Its pod sets."""
        return list(self.workload["spec"]["podSets"])

    @property
    def groups(self) -> Sequence[Object]:
        """The groups of resources of its queue."""
        return self.queue["spec"].get("resourceGroups") or ()

    @property
    def node(self) -> QuotaNode:
        """Its queue's quota."""
        return self.tree[str(self.queue["metadata"]["name"])]

    def count(self, index: int) -> int:
        """Return the pods of a pod set that are still needed."""
        pod_set = self.pod_sets[index]
        given_back = reclaimable(self.workload).get(str(pod_set.get("name", "main")), 0)
        return max(0, int(pod_set.get("count", 1)) - given_back)

    def is_topology_only(self) -> bool:
        """Return whether every flavor of the queue has a topology, so that all its pods are placed by one."""
        names = [flavor["name"] for group in self.groups for flavor in group["flavors"]]
        known = [by_name(self.state.flavors, name) for name in names]
        return bool(known) and all(each and each["spec"].get("topologyName") for each in known)

    def wants_topology(self, pod_set: Object) -> bool:
        """Return whether a pod set is placed by a topology: it asks for it, or the queue has nothing else."""
        return requests_topology(pod_set) or self.is_topology_only()


def requests_topology(pod_set: Object) -> bool:
    """Return whether a pod set asks for its place in a topology itself."""
    request = pod_set.get("topologyRequest") or {}
    names = ("required", "preferred", "podSetSliceRequiredTopology", "podsetSliceRequiredTopologyConstraints")
    return bool(request.get("unconstrained")) or any(request.get(name) for name in names)


def assign(pending: PendingWorkload, starts: Starts) -> Assignment:
    """Return the flavors of the pod sets, and what keeps those out that get none.

    Args:
        pending: the workload and what there is.
        starts: the flavors that are tried first; the first of all where there is none.
    """
    result = Assignment()
    for members in _groups(pending.pod_sets):
        requests = _requests(pending, members)
        for number, group in enumerate(pending.groups):
            covered = set(group["coveredResources"])
            wanted = {resource: amount for resource, amount in requests.items() if resource in covered}
            if not wanted:
                continue
            start = starts.get((members[0], number), 0)
            if not _choose(pending, members, (number, group), wanted, start, result):
                result.is_whole = False
                return result
    return result


def _groups(pod_sets: Sequence[Object]) -> list[list[int]]:
    """Return the pod sets that are placed together, by their places in the workload."""
    groups: dict[str, list[int]] = {}
    for index, pod_set in enumerate(pod_sets):
        name = field_of(pod_set, "topologyRequest", "podSetGroupName") or f"/{index}"
        groups.setdefault(str(name), []).append(index)
    return list(groups.values())


def _requests(pending: PendingWorkload, members: Sequence[int]) -> dict[str, Fraction]:
    """Return what some pod sets ask for together; of `pods`, their number."""
    total: dict[str, Fraction] = {}
    for index in members:
        count = pending.count(index)
        each = requests_of_pod(pending.pod_sets[index]["template"]["spec"]) | {"pods": Fraction(1)}
        for resource, amount in each.items():
            total[resource] = total.get(resource, _NONE) + amount * count
    return total


def _choose(
    pending: PendingWorkload,
    members: Sequence[int],
    numbered: tuple[int, Object],
    wanted: Mapping[str, Fraction],
    start: int,
    result: Assignment,
) -> bool:
    """Give some pod sets a flavor of a group of resources; return whether there is one."""
    number, group = numbered
    names = [str(flavor["name"]) for flavor in group["flavors"]]
    best: tuple[str, _Fit] | None = None
    tried = start
    for tried in range(start, len(names)):
        name = names[tried]
        flavor = by_name(pending.state.flavors, name)
        # A flavor that was not read has quota all the same.
        unfit = _not_accepted(pending, members, flavor, group) if flavor is not None else None
        if unfit is not None:
            result.obstacles.append(unfit)
            continue
        fit = _quota(pending, name, wanted, result)
        if fit.mode == Mode.NO_FIT:
            continue
        if not _tries_next(fit, pending.queue):
            best = (name, fit)
            break
        if best is None or _is_preferred(fit, best[1], pending.queue):
            best = (name, fit)
    if best is None:
        return False
    name, fit = best
    is_last = tried >= len(names) - 1
    result.starts[members[0], number] = 0 if is_last else tried + 1
    result.has_more = result.has_more or not is_last
    for resource, amount in wanted.items():
        place = (name, resource)
        result.needs[place] = result.needs.get(place, _NONE) + amount
        if fit.by_resource[resource] != Mode.FIT:
            result.contested.add(place)
        for index in members:
            result.flavors[index, resource] = name
    return True


def _tries_next(fit: _Fit, queue: Object) -> bool:
    """Return whether a later flavor is tried although this one could do."""
    rules = queue["spec"].get("flavorFungibility") or {}
    if fit.mode == Mode.NO_CANDIDATES:
        return True
    can_preempt = fit.mode in {Mode.PREEMPT, Mode.RECLAIM}
    if can_preempt and rules.get("whenCanPreempt", "TryNextFlavor") == "TryNextFlavor":
        return True
    return fit.borrowed > 0 and rules.get("whenCanBorrow") == "TryNextFlavor"


def _is_preferred(fit: _Fit, other: _Fit, queue: Object) -> bool:
    """Return whether one way to take what is asked is better than another."""
    rules = queue["spec"].get("flavorFungibility") or {}
    if rules.get("preference") == "PreemptionOverBorrowing":
        return (-fit.borrowed, fit.mode) > (-other.borrowed, other.mode)
    return (fit.mode, -fit.borrowed) > (other.mode, -other.borrowed)


def _quota(pending: PendingWorkload, flavor: str, wanted: Mapping[str, Fraction], result: Assignment) -> _Fit:
    """Return how a flavor's quota can take what is asked; what lacks most is added to the obstacles."""
    modes: dict[str, Mode] = {}
    borrowed, worst = 0, None
    for resource, amount in wanted.items():
        place = (flavor, resource)
        total = amount + result.needs.get(place, _NONE)
        mode, level, missing = _mode(pending, place, total)
        modes[resource] = mode
        borrowed = max(borrowed, level)
        share = missing / total if total else _NONE
        if mode != Mode.FIT and (worst is None or (-mode, share) > worst[0]):
            worst = ((-mode, share), place, total, missing)
    if worst is not None:
        result.obstacles.append(_shortage(pending, worst[1], worst[2], worst[3]))
    return _Fit(min(modes.values()), borrowed, modes)


def _mode(pending: PendingWorkload, place: Place, total: Fraction) -> tuple[Mode, int, Fraction]:
    """Return how a flavor's quota of a resource can take an amount, how far up it borrows, and what lacks."""
    node = pending.node
    most, free = node.most(place), max(_NONE, node.free(place))
    if total > most:
        return Mode.NO_FIT, 0, total - most
    level, has_above = lowest_level_with(node, place, total)
    if total <= free:
        return Mode.FIT, level, _NONE
    missing = total - free
    limits = node.limits.get(place)
    nominal = limits.nominal if limits is not None else _NONE
    if total > nominal and not has_above and not _takes_while_borrowing(pending):
        return Mode.NO_FIT, level, missing
    return _after_preemption(pending, place, total, missing)


def _takes_while_borrowing(pending: PendingWorkload) -> bool:
    """Return whether a workload may take from others although its queue borrows afterwards."""
    rules = field_of(pending.queue, "spec", "preemption") or {}
    if (rules.get("borrowWithinCohort") or {}).get("policy", "Never") != "Never":
        return True
    return bool(pending.state.fair_sharing) and rules.get("reclaimWithinCohort", "Never") != "Never"


def _after_preemption(
    pending: PendingWorkload, place: Place, total: Fraction, missing: Fraction
) -> tuple[Mode, int, Fraction]:
    """Return the same where others would have to go."""
    node, name = pending.node, pending.node.name
    needs = {place: total}
    for way in preemptions(pending.workload, pending.queue, pending.state, {place}, needs):
        left = total - max(_NONE, way.tree[name].free(place))
        if way.has_quota(name, needs):
            level, _ = lowest_level_with(way.tree[name], place, total)
            own = any(_is_of(each, pending, name) for each in way.ended)
            return Mode.PREEMPT if own else Mode.RECLAIM, level, _NONE
        missing = min(missing, left) if left > 0 else missing
    return Mode.NO_CANDIDATES, lowest_level_with(node, place, total)[0], missing


def _is_of(name: str, pending: PendingWorkload, queue: str) -> bool:
    """Return whether a workload is one of a queue."""
    for each in pending.state.workloads:
        if full_name(each) == name:
            return bool(field_of(each, "status", "admission", "clusterQueue") == queue)
    return False


def _shortage(pending: PendingWorkload, place: Place, total: Fraction, missing: Fraction) -> Obstacle:
    """Return the obstacle that a flavor has too little quota of a resource."""
    flavor, resource = place
    node = pending.node
    where = f"flavor {flavor} of ClusterQueue {node.name}" + (" and its cohort" if _has_others(node) else "")
    most = node.most(place)
    figures, has = f"{amount_text(total)} of {resource}", amount_text(most)
    code: ObstacleCode
    if total > most:
        code, room = "over-quota", f"has {has} in all"
    else:
        code, room = "waits-for-quota", f"has {amount_text(total - missing)} free of {has}"
    message = f"it asks for {figures}, and {where} {room}"
    if code == "waits-for-quota":
        message += f": {amount_text(missing)} are missing"
        message += _shares_text(pending, place, total)
    return Obstacle(code, message, flavor, resource, missing, brief=f"flavor {flavor} {room}")


def _shares_text(pending: PendingWorkload, place: Place, total: Fraction) -> str:
    """Return the shares by which fair sharing takes nothing from those that borrow; empty for no such."""
    node = pending.node
    above = list(node.above())
    reclaim = field_of(pending.queue, "spec", "preemption", "reclaimWithinCohort") or "Never"
    if not pending.state.fair_sharing or not above or reclaim == "Never":
        return ""
    others = []
    for queue in queues_below(above[-1]):
        if queue is not node and not queue.is_within([place]):
            others.append(queue)
    if not others:
        return ""
    largest = max(others, key=lambda queue: share_of(queue).rank)
    needs = {place: total}
    add_needs(node, needs)
    own = share_of(node)
    remove_needs(node, needs)
    # Of a queue within its own quota the share says nothing: then others cannot give enough.
    if not own.places:
        return ""
    return (
        f"; with it the share of ClusterQueue {node.name} is {own}, and the largest of those that borrow, "
        f"{largest.name}'s, is {share_of(largest)}: fair sharing takes not enough from them"
    )


def _has_others(node: QuotaNode) -> bool:
    """Return whether a queue shares its quota with anybody."""
    if node.parent is None:
        return False
    top = [node, *node.above()][-1]
    return len(top.queues) > 1 or bool(top.cohorts) or bool(top.limits)


def _not_accepted(
    pending: PendingWorkload, members: Sequence[int], flavor: Object, group: Object
) -> Obstacle | None:
    """Return why some pods do not take a flavor: its topology, its taints or its labels."""
    for index in members:
        pod_set = pending.pod_sets[index]
        obstacle = _other_topology(pending, pod_set, flavor, group) or _other_pods(pod_set, flavor)
        if obstacle is not None:
            return obstacle
    return None


def _other_topology(
    pending: PendingWorkload, pod_set: Object, flavor: Object, group: Object
) -> Obstacle | None:
    """Return whether a pod set and a flavor differ in whether, and by which levels, pods are placed."""
    name, kind = flavor["metadata"]["name"], pod_set.get("name", "main")
    topology = flavor["spec"].get("topologyName")
    request = pod_set.get("topologyRequest") or {}
    requested = request.get("required") or request.get("preferred") or ""
    if not requests_topology(pod_set):
        if topology and not pending.is_topology_only():
            message = (
                f"flavor {name} takes only pods that ask for a place in its topology, and {kind} does not"
            )
            return Obstacle("topology", message, name, brief=message)
        return None
    if not topology:
        requests = requests_of_pod(pod_set["template"]["spec"])
        if not requests.keys() & set(group["coveredResources"]):
            return None
        level = requested or "a place in a topology"
        message = f"it requests {level}, and flavor {name} has no topology"
        if not _topologies(pending):
            message = f"it requests {level}, and no flavor of the queue has a topology"
        return Obstacle("topology", message, name, level=requested, brief=f"flavor {name} has no topology")
    levels = topology_levels(flavor, pending.state)
    for level in (requested, request.get("podSetSliceRequiredTopology") or ""):
        if level and level not in levels:
            message = f"it asks for {level}, which is no level of topology {topology}"
            return Obstacle("topology", message, name, level=level, brief=message)
    return None


def _topologies(pending: PendingWorkload) -> set[str]:
    """Return the topologies of the queue's flavors."""
    names = set()
    for group in pending.groups:
        for entry in group["flavors"]:
            flavor = by_name(pending.state.flavors, entry["name"])
            names.add(str((flavor or {"spec": {}})["spec"].get("topologyName") or ""))
    return names - {""}


def topology_levels(flavor: Object, state: QueueState) -> list[str]:
    """Return the labels of a flavor's topology from the top; empty for none."""
    topology = by_name(state.topologies, flavor["spec"].get("topologyName") or "") or {}
    return [each["nodeLabel"] for each in field_of(topology, "spec", "levels") or ()]


def _other_pods(pod_set: Object, flavor: Object) -> Obstacle | None:
    """Return which taint or label of a flavor a pod set does not accept."""
    name, spec = flavor["metadata"]["name"], flavor["spec"]
    labels = spec.get("nodeLabels") or {}
    kind, pod = pod_set.get("name", "main"), pod_set["template"]["spec"]
    tolerations = [*(spec.get("tolerations") or ()), *(pod.get("tolerations") or ())]
    for taint in untolerated(spec.get("nodeTaints") or (), tolerations):
        message = f"{kind} does not tolerate {taint_text(taint)} of flavor {name}"
        return Obstacle("untolerated", message, name, brief=message)
    if not is_selected(pod, labels, labels.keys()):
        has = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
        message = f"{kind} selects other nodes than those of flavor {name}: {has}"
        return Obstacle("wrong-label", message, name, brief=message)
    return None


def taint_text(taint: Object) -> str:
    """Return a taint as `kubectl taint` writes it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"

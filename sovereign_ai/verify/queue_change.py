"""The cheapest single change that lets a workload into its queue: proposed, and tried by the same arithmetic.

A proposal comes with what there would be after it. The first is taken after which nothing keeps the workload
out any more; where none is enough by itself, none is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Any, Literal, NamedTuple

from sovereign_ai.errors import closest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.rules.rbac import meets
from sovereign_ai.text import counted
from sovereign_ai.verify.flavor_choice import taint_text, topology_levels
from sovereign_ai.verify.obstacle import Obstacle
from sovereign_ai.verify.pod_place import has_affinity, untolerated
from sovereign_ai.verify.pod_requests import Object, amount_of, amount_text, field_of
from sovereign_ai.verify.queue_obstacle import capacity_by_pod_set, obstacle_of
from sovereign_ai.verify.queue_order import outrun_by
from sovereign_ai.verify.queue_state import (
    QueueState,
    by_name,
    cluster_queue_of,
    full_name,
    is_finished,
    is_true,
    priority_of,
    with_node,
    with_spec,
    without,
)
from sovereign_ai.verify.quota_tree import quota_tree

ChangeKind = Literal[
    "count",
    "level",
    "queue",
    "end",
    "priority",
    "resume",
    "activate",
    "selector",
    "affinity",
    "tolerate",
    "resource",
    "quota",
    "cover",
    "repair",
    "wait",
    "check",
    "flavor",
    "class",
    "label",
    "local-queue",
]
_CHANGES: Mapping[ChangeKind, str] = {
    "count": "ask for {value} in {target}",
    "level": "ask for {target} within one {value}",
    "queue": "use the queue {value!r}",
    "end": "wait for {target}, which frees enough when it ends",
    "priority": "give it a priority above {value}, that of {target}",
    "resume": "remove the stop policy of {target}",
    "activate": "set spec.active of {target}",
    "selector": "select nodes with {target}={value}",
    "affinity": "take the node affinity out of {target}",
    "tolerate": "tolerate {value} in {target}",
    "resource": "ask for {value} in place of {target}",
    "quota": "raise the quota of {target} by {value}",
    "cover": "cover {target} with a quota of {value}",
    "repair": "repair or add nodes of {target}: {value}",
    "wait": "wait for the admission check {target}",
    "check": "start what answers the admission check {target}, or take it out of the queue",
    "flavor": "create the ResourceFlavor {target}",
    "class": "use the priority class {value!r} in place of {target}",
    "label": "label the namespace {target}: {value}",
    "local-queue": "create the LocalQueue {target} of ClusterQueue {value}",
}
"""Each kind of change in words."""
_WITHOUT_VALUE: Mapping[ChangeKind, str] = {
    "selector": "select nodes without {target}",
    "resource": "leave out {target}, which no node has",
    "class": "leave out the priority class {target}",
}
"""The words of a kind without a value, where they differ."""
_MOST_TRIED = 40
"""Running workloads whose end is tried, the smallest first: each takes a look at all nodes."""


@frozen_dataclass
class Change:
    """The cheapest change that would admit a workload.

    Attributes:
        kind: `count`: fewer pods; `level`: a coarser topology level; `queue`: another queue's name; `end`: a
            workload that frees enough when it ends; `priority`: more than that of a workload in the way;
            `resume`: a stopped queue; `activate`: the workload itself; `selector`, `affinity`, `tolerate`:
            which nodes its pods take; `resource`: another resource, or without it; `quota`: a larger quota;
            `cover`: a quota of a resource that the queue has none of;
            `repair`: nodes; `wait`: a check that has not answered; `check`: one that nobody answers;
            `flavor`: one that is missing; `class`: the priority class of the work; `label`: the namespace,
            for a queue that selects namespaces; `local-queue`: the first queue of a namespace.
        target: the object, pod set, label or resource that changes.
        value: what it becomes; empty where the kind says it.
    """

    kind: ChangeKind
    target: str
    value: str = ""

    def __str__(self) -> str:
        """Return the change as a person reads it."""
        words = _CHANGES[self.kind]
        if not self.value:
            words = _WITHOUT_VALUE.get(self.kind, words)
        value = counted(int(self.value), "pod") if self.kind == "count" else self.value
        return words.format(target=self.target, value=value)


class Proposal(NamedTuple):
    """A change, and the workload and the state after it."""

    change: Change
    workload: Object
    state: QueueState


def cheapest_change(workload: Object, state: QueueState, obstacle: Obstacle) -> Change | None:
    """Return the first change that lets a workload in by itself; None where no single one does.

    Args:
        workload: what waits.
        state: what there is.
        obstacle: what keeps it out.
    """
    for proposal in _proposals(workload, state, obstacle):
        if obstacle_of(proposal.workload, proposal.state) is not None:
            continue
        # What a change frees, others may get first.
        if outrun_by(proposal.workload, proposal.state) is None:
            return proposal.change
    return None


def _proposals(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield what may help against an obstacle, the cheapest first."""
    match obstacle.code:
        case "waits-for-quota":
            yield from _ends(workload, state, obstacle)
            yield from _fewer(workload, state)
            yield from _priorities(workload, state)
            yield from _quota(workload, state, obstacle)
        case "over-quota":
            yield from _fewer(workload, state)
            yield from _quota(workload, state, obstacle)
        case "topology":
            yield from _levels(workload, state, obstacle)
            yield from _fewer(workload, state)
            yield from _selectors(workload, state, obstacle)
            yield from _ends(workload, state, obstacle)
            yield from _repairs(workload, state, obstacle)
        case "wrong-label":
            yield from _selectors(workload, state, obstacle)
        case "untolerated":
            yield from _tolerations(workload, state, obstacle)
        case "not-covered":
            yield from _resources(workload, state, obstacle)
    yield from other_queues(workload, state)
    if obstacle.code == "other-namespace":
        yield from _labels(workload, state)


def other_queues(workload: Object, state: QueueState) -> Iterator[Proposal]:
    """Yield the other queues of a workload's namespace that take workloads."""
    namespace, wanted = workload["metadata"].get("namespace"), workload["spec"].get("queueName")
    for local in state.local_queues:
        name = local["metadata"]["name"]
        if local["metadata"]["namespace"] != namespace or name == wanted:
            continue
        moved = with_spec(workload, queueName=name)
        queue = cluster_queue_of(moved, state)
        if queue is not None and is_true(field_of(queue, "status", "conditions"), "Active"):
            yield Proposal(Change("queue", str(wanted), name), moved, state)


def _ends(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield the running workloads of its cohort whose end may be enough, the smallest first.

    Where one of another cohort ends, Kueue 0.17 does not look again at what waits for its nodes.
    """
    queue = cluster_queue_of(workload, state)
    names = _sharing(queue, state) if queue else set()
    candidates = []
    for running in state.workloads:
        freed = _held(running, obstacle)
        is_member = field_of(running, "status", "admission", "clusterQueue") in names
        if is_member and freed and freed >= obstacle.missing:
            candidates.append((freed, full_name(running)))
    for _, name in islice(sorted(candidates), _MOST_TRIED):
        yield Proposal(Change("end", name), workload, without(state, {name}))


def _sharing(queue: Object, state: QueueState) -> set[str]:
    """Return the names of the queues that share quotas with one, with its own."""
    own = quota_tree(state.cluster_queues, state.cohorts, ())[str(queue["metadata"]["name"])]
    names = {own.name}
    waiting = [list(own.above())[-1]] if own.parent is not None else []
    while waiting:
        cohort = waiting.pop()
        names |= {each.name for each in cohort.queues}
        waiting += cohort.cohorts
    return names


def _held(running: Object, obstacle: Obstacle) -> Fraction:
    """Return how much a running workload holds of the resource that lacks; else its pods on the flavor."""
    if is_finished(running):
        return Fraction(0)
    held = Fraction(0)
    for assigned in field_of(running, "status", "admission", "podSetAssignments") or ():
        flavors = assigned.get("flavors") or {}
        if not obstacle.resource and obstacle.flavor in flavors.values():
            held += assigned.get("count", 1)
        elif obstacle.resource and flavors.get(obstacle.resource) == obstacle.flavor:
            held += amount_of((assigned.get("resourceUsage") or {}).get(obstacle.resource, 0))
    return held


def _fewer(workload: Object, state: QueueState) -> Iterator[Proposal]:
    """Yield the most pods that get in; of several kinds of pods, nobody knows which to leave out."""
    pod_sets = workload["spec"]["podSets"]
    if len(pod_sets) != 1:
        return
    enough, too_many = 0, int(pod_sets[0].get("count", 1))
    while too_many - enough > 1:
        count = (enough + too_many) // 2
        if obstacle_of(_with_pod_set(workload, count=count), state) is None:
            enough = count
        else:
            too_many = count
    if enough:
        change = Change("count", pod_sets[0].get("name", "main"), str(enough))
        yield Proposal(change, _with_pod_set(workload, count=enough), state)


def _with_pod_set(workload: Object, **fields: Any) -> Object:
    """Return a workload with other fields of each pod set."""
    pod_sets = [{**pod_set, **fields} for pod_set in workload["spec"]["podSets"]]
    return with_spec(workload, podSets=pod_sets)


def _priorities(workload: Object, state: QueueState) -> Iterator[Proposal]:
    """Yield the priorities above those of running workloads of its queue, the lowest first."""
    queue = cluster_queue_of(workload, state)
    name = queue["metadata"]["name"] if queue else ""
    holders: dict[int, str] = {}
    for running in state.workloads:
        if field_of(running, "status", "admission", "clusterQueue") == name and "spec" in running:
            holders.setdefault(priority_of(running), full_name(running))
    for priority, holder in sorted(holders.items()):
        if priority >= priority_of(workload):
            raised = with_spec(workload, priority=priority + 1)
            yield Proposal(Change("priority", holder, str(priority)), raised, state)


def _quota(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield a larger quota of a flavor, or a first one of a resource that the queue does not cover."""
    queue = cluster_queue_of(workload, state)
    if queue is None:
        return
    raised = deepcopy(dict(queue))
    for group in raised["spec"].get("resourceGroups") or ():
        is_new = obstacle.code == "not-covered" and group is raised["spec"]["resourceGroups"][0]
        if is_new:
            group["coveredResources"].append(obstacle.resource)
        for flavor in group["flavors"]:
            if is_new:
                flavor["resources"].append({"name": obstacle.resource, "nominalQuota": "0"})
            if is_new or flavor["name"] == obstacle.flavor:
                _raise(flavor["resources"], obstacle)
    target = f"{obstacle.resource} in ClusterQueue {queue['metadata']['name']}"
    kind: ChangeKind = "cover" if obstacle.code == "not-covered" else "quota"
    change = Change(kind, target, amount_text(obstacle.missing))
    yield Proposal(change, workload, _with_queue(state, raised))


def _raise(resources: list[dict[str, Any]], obstacle: Obstacle) -> None:
    """Raise a flavor's quota in place by what is missing."""
    for entry in resources:
        if entry["name"] == obstacle.resource:
            # Amounts may be fractions, and a quantity in thousandths holds those of the API exactly.
            total = amount_of(entry["nominalQuota"]) + obstacle.missing
            entry["nominalQuota"] = f"{int(total * 1000)}m"


def _with_queue(state: QueueState, changed: Object) -> QueueState:
    """Return the state with another version of one ClusterQueue."""
    name = changed["metadata"]["name"]
    queues = [changed if each["metadata"]["name"] == name else each for each in state.cluster_queues]
    return replace(state, cluster_queues=queues)


def _levels(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield the levels of the topology above the one that has no room; all, if it is no level of it."""
    flavor = by_name(state.flavors, obstacle.flavor)
    levels = topology_levels(flavor, state) if flavor else []
    above = levels[: levels.index(obstacle.level)] if obstacle.level in levels else levels
    if not obstacle.level:
        return
    for level in reversed(above):
        pod_sets, names = [], []
        for pod_set in workload["spec"]["podSets"]:
            if field_of(pod_set, "topologyRequest", "required") != obstacle.level:
                pod_sets.append(pod_set)
                continue
            names.append(pod_set.get("name", "main"))
            pod_sets.append({**pod_set, "topologyRequest": {"required": level}})
        change = Change("level", ", ".join(names), level)
        yield Proposal(change, with_spec(workload, podSets=pod_sets), state)


def _with_pods(workload: Object, chosen: Collection[int], **fields: Any) -> Object:
    """Return a workload with other fields of the spec of the pods of some of its pod sets."""
    pod_sets = []
    for index, pod_set in enumerate(workload["spec"]["podSets"]):
        template = with_spec(pod_set["template"], **fields) if index in chosen else pod_set["template"]
        pod_sets.append({**pod_set, "template": template})
    return with_spec(workload, podSets=pod_sets)


def _selectors(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield other values of the labels that the pods select, then pods that do not select by them."""
    flavor = by_name(state.flavors, obstacle.flavor)
    if flavor is None:
        return
    labels = flavor["spec"].get("nodeLabels") or {}
    nodes = [node["metadata"].get("labels") or {} for node in state.nodes]
    pods = [pod_set["template"]["spec"] for pod_set in workload["spec"]["podSets"]]
    selected = dict.fromkeys(pair for pod in pods for pair in sorted((pod.get("nodeSelector") or {}).items()))
    for key, value in selected:
        values = {labels[key]} if key in labels else _values(nodes, labels, key)
        nearest = closest(value, sorted(values)) if values else None
        for other in sorted(values, key=lambda each, near=nearest: (each != near, each)):
            yield Proposal(Change("selector", key, other), _selecting(workload, key, value, other), state)
        yield Proposal(Change("selector", key), _selecting(workload, key, value, ""), state)
    names = [pod_set.get("name", "main") for pod_set in workload["spec"]["podSets"]]
    bound = [index for index, pod in enumerate(pods) if has_affinity(pod)]
    if bound:
        change = Change("affinity", ", ".join(names[index] for index in bound))
        yield Proposal(change, _with_pods(workload, bound, affinity={}), state)


def _selecting(workload: Object, key: str, value: str, other: str) -> Object:
    """Return a workload whose pods that select a value select another one, or none by that label."""
    changed = workload
    for index, pod_set in enumerate(workload["spec"]["podSets"]):
        selector = dict(pod_set["template"]["spec"].get("nodeSelector") or {})
        if selector.get(key) == value:
            del selector[key]
            selector |= {key: other} if other else {}
            changed = _with_pods(changed, {index}, nodeSelector=selector)
    return changed


def _values(nodes: Sequence[Mapping[str, str]], labels: Mapping[str, str], key: str) -> set[str]:
    """Return the values of a label of a flavor's nodes."""
    values = set()
    for each in nodes:
        if key in each and labels.items() <= each.items():
            values.add(each[key])
    return values


def _tolerations(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield pods that tolerate all taints of a flavor."""
    flavor = by_name(state.flavors, obstacle.flavor)
    if flavor is None:
        return
    changed, names, texts = workload, [], dict[str, None]()
    for index, pod_set in enumerate(workload["spec"]["podSets"]):
        tolerations = list(pod_set["template"]["spec"].get("tolerations") or ())
        accepted = [*tolerations, *(flavor["spec"].get("tolerations") or ())]
        missing = list(untolerated(flavor["spec"].get("nodeTaints") or (), accepted))
        if not missing:
            continue
        names.append(pod_set.get("name", "main"))
        for taint in missing:
            texts[taint_text(taint)] = None
            equal = {"key": taint["key"], "operator": "Equal", "value": taint.get("value", "")}
            tolerations.append({**equal, "effect": taint["effect"]})
        changed = _with_pods(changed, {index}, tolerations=tolerations)
    yield Proposal(Change("tolerate", ", ".join(names), ", ".join(texts)), changed, state)


def _labels(workload: Object, state: QueueState) -> Iterator[Proposal]:
    """Yield the labels by which a queue would serve a namespace; none that say what a namespace is.

    A namespace's name is no choice, and the labels of this program are: they say where its work may run.
    """
    queue = cluster_queue_of(workload, state)
    namespace = by_name(state.namespaces, workload["metadata"].get("namespace", ""))
    selector = field_of(queue or {}, "spec", "namespaceSelector")
    if namespace is None or selector is None:
        return
    live = namespace["metadata"].get("labels") or {}
    wanted: dict[str, str] = {}
    for key, value in (selector.get("matchLabels") or {}).items():
        wanted |= {key: value} if live.get(key) != value else {}
    for expression in selector.get("matchExpressions") or ():
        if not meets(expression, live):
            wanted[expression["key"]] = _met_by(expression)
    if any(key.partition("/")[0] in _DECIDED for key in wanted):
        return
    labels = {key: value for key, value in {**live, **wanted}.items() if value}
    text = ", ".join(f"{key}={value}" if value else f"{key}-" for key, value in sorted(wanted.items()))
    labelled = {**namespace, "metadata": {**namespace["metadata"], "labels": labels}}
    spaces = [labelled if each is namespace else each for each in state.namespaces]
    change = Change("label", str(namespace["metadata"]["name"]), text)
    yield Proposal(change, workload, replace(state, namespaces=spaces))


_DECIDED = {"kubernetes.io", KEYS.domain}
"""The prefixes of labels that nobody chooses for a queue."""


def _met_by(expression: Object) -> str:
    """Return the value of a label that meets an expression which it does not meet; empty for none."""
    if expression["operator"] == "In":
        return str((expression.get("values") or [""])[0])
    return "true" if expression["operator"] == "Exists" else ""


def _resources(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield a resource of nearly the same name, a quota for the one that nodes have, or pods without it."""
    queue = cluster_queue_of(workload, state)
    covered: list[str] = []
    for group in field_of(queue or {}, "spec", "resourceGroups") or ():
        covered += group["coveredResources"]
    for node in state.nodes:
        if obstacle.resource in (field_of(node, "status", "allocatable") or {}):
            # It is no mistyped name, whatever is nearest to it.
            yield from _quota(workload, state, obstacle)
            return
    near = closest(obstacle.resource, covered)
    if near:
        changed = _with_resource(workload, obstacle.resource, near)
        yield Proposal(Change("resource", obstacle.resource, near), changed, state)
    yield Proposal(
        Change("resource", obstacle.resource), _with_resource(workload, obstacle.resource, ""), state
    )


def _with_resource(workload: Object, resource: str, other: str) -> Object:
    """Return a workload whose containers ask for another resource in place of one; for none if empty."""
    changed = deepcopy(dict(workload))
    for pod_set in changed["spec"]["podSets"]:
        pod = pod_set["template"]["spec"]
        for container in [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]:
            for amounts in (container.get("resources") or {}).values():
                if isinstance(amounts, dict) and resource in amounts:
                    amount = amounts.pop(resource)
                    if other:
                        amounts.setdefault(other, amount)
    return changed


def _repairs(workload: Object, state: QueueState, obstacle: Obstacle) -> Iterator[Proposal]:
    """Yield the repair of nodes that take no pods, by the domain that needs the fewest."""
    flavor = by_name(state.flavors, obstacle.flavor)
    if flavor is None:
        return
    levels = topology_levels(flavor, state)
    depth = levels.index(obstacle.level) + 1 if obstacle.level in levels else 0
    for _, capacity in capacity_by_pod_set(workload, flavor, state):
        domains: dict[tuple[str, ...], list[Object]] = {}
        for path, nodes in capacity.lost.items():
            domains.setdefault(path[:depth], []).extend(nodes)
        tried = [_repair(workload, state, flavor, nodes) for nodes in domains.values()]
        yield from sorted((each for each in tried if each), key=lambda each: each.change.value.count(","))


def _repair(workload: Object, state: QueueState, flavor: Object, nodes: list[Object]) -> Proposal | None:
    """Return the repair of as many nodes as it takes, in order; None where all are not enough."""
    names: list[str] = []
    for node in sorted(nodes, key=lambda each: str(each["metadata"]["name"])):
        state = with_node(state, _repaired(node))
        names.append(node["metadata"]["name"])
        if obstacle_of(workload, state) is None:
            return Proposal(Change("repair", flavor["metadata"]["name"], ", ".join(names)), workload, state)
    return None


def _repaired(node: Object) -> Object:
    """Return a node that is ready, not cordoned, and has no taints."""
    spec = {**node["spec"], "unschedulable": False, "taints": []}
    conditions = []
    for condition in field_of(node, "status", "conditions") or ():
        conditions.append({**condition, "status": "True"} if condition["type"] == "Ready" else condition)
    return {**node, "spec": spec, "status": {**node["status"], "conditions": conditions}}

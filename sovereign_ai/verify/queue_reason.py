"""Why a workload waits in its queue, or where it runs: by arithmetic on what a cluster holds.

Everything here is pure: objects as the API server returns them in, one reason out. Kueue's own word is the
reason of its condition `QuotaReserved` (or of the one that came after it); the code beside it is this
program's, and says which object decides and what the cheapest change is that would admit the workload.

    reason = reason_of(workload, state)
    print(reason.message, reason.change)

The arithmetic is Kueue's of version 0.17: a pod asks for the sum of its containers' requests, a pod set for
that times its count; a flavor has its nominal quota less what workloads have reserved, and in a cohort what
its queues have together (`quota_room`). Limits of lending are not computed: there the quota counts as enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Literal

from sovereign_ai.errors import closest
from sovereign_ai.verify.pod_requests import (
    Amounts,
    Object,
    amount_text,
    field_of,
    requests_of_pod,
    requests_of_workload,
)
from sovereign_ai.verify.quota_room import (
    QuotaRoom,
    cohort_of,
    lends_within_limits,
    quota_rooms,
    reserved_by,
)
from sovereign_ai.verify.topology_room import largest_room, rooms_of

State = Literal["runs", "waits", "finished"]
ChangeKind = Literal["count", "level", "queue", "end", "resume", "activate", "quota", "repair", "wait"]
_CHANGES: Mapping[ChangeKind, str] = {
    "count": "ask for {value} pods in {target}",
    "level": "ask for {target} within one {value}",
    "queue": "use the queue {value!r}",
    "end": "wait for {target}, which frees enough when it ends",
    "resume": "remove the stop policy of {target}",
    "activate": "set spec.active of {target}",
    "quota": "raise the quota of {target} by {value}",
    "repair": "repair or add nodes of {target}: {value}",
    "wait": "wait for the admission check {target}",
}
"""Each kind of change in words."""


@dataclass(frozen=True, slots=True)
class Change:
    """The cheapest change that would admit a workload.

    Attributes:
        kind: `count`: fewer pods; `level`: a coarser topology level; `queue`: another queue's name; `end`: a
            workload that frees enough when it ends; `resume`: a stopped queue; `activate`: the workload
            itself; `quota`: a larger quota; `repair`: nodes; `wait`: a check that has not answered.
        target: the object or pod set that changes.
        value: what it becomes; empty where the kind says it.
    """

    kind: ChangeKind
    target: str
    value: str = ""

    def __str__(self) -> str:
        """Return the change as a person reads it."""
        return _CHANGES[self.kind].format(target=self.target, value=self.value)


@dataclass(frozen=True, slots=True)
class QueueReason:
    """Why a workload waits, or where it runs.

    Attributes:
        workload: its namespace and name.
        state: whether it runs, waits or has finished.
        kueue_reason: Kueue's own word; empty where Kueue has not looked at it.
        kueue_message: Kueue's own message.
        code: this program's word, such as `over-quota`.
        message: what decides, with the figures.
        change: the cheapest change that admits it, where one is known.
    """

    workload: str
    state: State
    kueue_reason: str
    kueue_message: str
    code: str
    message: str
    change: Change | None = None

    def to_data(self) -> dict[str, Any]:
        """Return plain data, for `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class QueueState:
    """What a cluster holds about queues, as lists of objects of the API."""

    local_queues: Sequence[Object] = ()
    cluster_queues: Sequence[Object] = ()
    flavors: Sequence[Object] = ()
    topologies: Sequence[Object] = ()
    workloads: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    pods: Sequence[Object] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A code with its message and change."""

    code: str
    message: str
    change: Change | None = None


@dataclass(slots=True)
class _Shortage:
    """What one flavor lacks for a workload; the smallest of several counts."""

    flavor: str
    resource: str
    asked: Fraction
    most: Fraction
    free: Fraction
    others: list[str] = field(default_factory=list)

    @property
    def missing(self) -> Fraction:
        return self.asked - self.free


def reason_of(workload: Object, state: QueueState) -> QueueReason:
    """Return why a workload waits, or where it runs.

    Args:
        workload: a `Workload` of Kueue; one that was not submitted has no status.
        state: what the cluster holds.
    """
    metadata = workload["metadata"]
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    conditions = {each["type"]: each for each in field_of(workload, "status", "conditions") or ()}
    if _is_true(conditions.get("Finished")):
        return _reason(name, "finished", conditions["Finished"], _Verdict("finished", "it has finished"))
    if _is_true(conditions.get("Admitted")):
        return _reason(name, "runs", conditions["Admitted"], _Verdict("admitted", _place(workload)))
    reserved = conditions.get("QuotaReserved")
    if _is_true(reserved):
        return _reason(name, "waits", reserved, _checks(workload))
    verdict = (
        _deactivated(workload, name)
        or _queue(workload, state)
        or _quota(workload, state)
        or _topology(workload, state)
        or _Verdict("fits", "by arithmetic it fits: Kueue has not looked at it yet, or others come first")
    )
    return _reason(name, "waits", reserved, verdict)


def workload_of(job: Object) -> dict[str, Any]:
    """Return the workload that Kueue would make of a Job that has not been submitted."""
    spec = job["spec"]
    template = spec["template"]
    annotations = field_of(template, "metadata", "annotations") or {}
    pod_set: dict[str, Any] = {"name": "main", "count": spec.get("parallelism", 1), "template": template}
    required = annotations.get("kueue.x-k8s.io/podset-required-topology")
    if required:
        pod_set["topologyRequest"] = {"required": required}
    labels = field_of(job, "metadata", "labels") or {}
    queue = labels.get("kueue.x-k8s.io/queue-name", "")
    name = job["metadata"].get("name", "")
    namespace = job["metadata"].get("namespace", "default")
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"queueName": queue, "podSets": [pod_set]},
    }


def _reason(name: str, state: State, condition: Object | None, verdict: _Verdict) -> QueueReason:
    kueue = condition or {}
    return QueueReason(
        name,
        state,
        kueue.get("reason", ""),
        kueue.get("message", ""),
        verdict.code,
        verdict.message,
        verdict.change,
    )


def _place(workload: Object) -> str:
    """Return where an admitted workload runs: its queue, and the flavor and domains of each pod set."""
    admission = field_of(workload, "status", "admission") or {}
    parts = []
    for assigned in admission.get("podSetAssignments") or ():
        flavors = ", ".join(sorted(set((assigned.get("flavors") or {}).values())))
        text = f"{assigned.get('count', 1)} pods of {assigned['name']} on {flavors or 'no flavor'}"
        domains = field_of(assigned, "topologyAssignment", "slices") or ()
        if domains:
            text += f", in {sum(part.get('domainCount', 1) for part in domains)} domains of its topology"
        parts.append(text)
    return f"queue {admission.get('clusterQueue', '')}: {'; '.join(parts)}"


def _checks(workload: Object) -> _Verdict:
    """Return which admission checks a workload with a quota waits for."""
    for check in field_of(workload, "status", "admissionChecks") or ():
        if check.get("state") == "Ready":
            continue
        said = f": {check['message']}" if check.get("message") else ""
        message = f"its quota is reserved; admission check {check['name']} is {check.get('state')}{said}"
        return _Verdict("admission-check", message, Change("wait", check["name"]))
    return _Verdict("admission-check", "its quota is reserved; its admission checks are not known yet")


def _deactivated(workload: Object, name: str) -> _Verdict | None:
    if workload["spec"].get("active", True):
        return None
    return _Verdict("deactivated", "spec.active is false", Change("activate", name))


def _queue(workload: Object, state: QueueState) -> _Verdict | None:
    """Return what is wrong with the queues on a workload's way; None if they take workloads."""
    namespace, wanted = workload["metadata"].get("namespace"), workload["spec"].get("queueName") or ""
    names = {}
    for queue in state.local_queues:
        if queue["metadata"]["namespace"] == namespace:
            names[queue["metadata"]["name"]] = queue
    local = names.get(wanted)
    if local is None:
        return _no_queue(wanted, str(namespace), sorted(names))
    if _is_stopped(local):
        return _stopped(f"LocalQueue {namespace}/{wanted}")
    target = f"ClusterQueue {local['spec']['clusterQueue']}"
    return _of_cluster_queue(target, _cluster_queue(workload, state))


def _of_cluster_queue(target: str, queue: Object | None) -> _Verdict | None:
    """Return why a ClusterQueue takes no workloads; None if it takes them."""
    if queue is None:
        return _Verdict("no-queue", f"{target}, to which the namespace's queue leads, is missing")
    if _is_stopped(queue):
        return _stopped(target)
    for condition in field_of(queue, "status", "conditions") or ():
        if condition["type"] == "Active" and condition["status"] != "True":
            return _Verdict("inactive-queue", f"{target} is not active: {condition.get('message', '')}")
    return None


def _stopped(target: str) -> _Verdict:
    return _Verdict("stopped-queue", f"{target} is stopped", Change("resume", target))


def _no_queue(wanted: str, namespace: str, known: Sequence[str]) -> _Verdict:
    """Return the verdict on a queue that does not exist."""
    message = f"namespace {namespace} has no queue {wanted!r}; it has {', '.join(known) or 'none'}"
    if not known:
        return _Verdict("no-queue", message)
    return _Verdict("no-queue", message, Change("queue", wanted, closest(wanted, known) or known[0]))


def _cluster_queue(workload: Object, state: QueueState) -> Object | None:
    """Return the ClusterQueue to which a workload's queue leads."""
    namespace, wanted = workload["metadata"].get("namespace"), workload["spec"].get("queueName")
    for local in state.local_queues:
        metadata = local["metadata"]
        if (metadata["namespace"], metadata["name"]) == (namespace, wanted):
            return _by_name(state.cluster_queues, local["spec"]["clusterQueue"])
    return None


def _quota(workload: Object, state: QueueState) -> _Verdict | None:
    """Return which quota a workload does not fit in; None if it fits in each."""
    queue = _cluster_queue(workload, state)
    if queue is None:
        return None
    name = queue["metadata"]["name"]
    asked = requests_of_workload(workload)
    covered: set[str] = set()
    for group in queue["spec"].get("resourceGroups") or ():
        covered |= set(group["coveredResources"])
    for resource in sorted(set(asked) - covered - {"pods"}):
        message = f"ClusterQueue {name} has no quota for {resource}"
        return _Verdict("not-covered", message, Change("quota", f"ClusterQueue {name}", resource))
    members = cohort_of(queue, state.cluster_queues)
    if lends_within_limits(members):
        return None
    for group in queue["spec"].get("resourceGroups") or ():
        shortages = []
        for flavor in group["flavors"]:
            rooms = quota_rooms(members, flavor["name"], state.workloads)
            shortages.append(_shortage(flavor["name"], asked, rooms))
        lacking = [shortage for shortage in shortages if shortage is not None]
        # One flavor with room is enough.
        if lacking and len(lacking) == len(shortages):
            least = min(lacking, key=lambda each: each.missing)
            return _of_shortage(workload, state, members, least)
    return None


def _shortage(flavor: str, asked: Amounts, rooms: Mapping[str, QuotaRoom]) -> _Shortage | None:
    """Return what a flavor lacks of the resource of which it lacks most; None if it has room."""
    worst: _Shortage | None = None
    for resource, room in rooms.items():
        wanted = asked.get(resource, Fraction(0))
        if wanted <= room.free:
            continue
        shortage = _Shortage(flavor, resource, wanted, room.most, room.free)
        if worst is None or shortage.missing / shortage.asked > worst.missing / worst.asked:
            worst = shortage
    return worst


def _of_shortage(workload: Object, state: QueueState, members: Sequence[Object], lack: _Shortage) -> _Verdict:
    """Return the verdict on a quota that is too small, or taken."""
    names = [member["metadata"]["name"] for member in members]
    queue = names[0]
    place = f"flavor {lack.flavor} of ClusterQueue {queue}" + (" and its cohort" if names[1:] else "")
    figures = f"{amount_text(lack.asked)} of {lack.resource}"
    most = amount_text(lack.most)
    if lack.asked > lack.most:
        message = f"it asks for {figures}, and {place} has {most} in all"
        return _Verdict("over-quota", message, _smaller(workload, queue, lack, lack.most))
    free, missing = amount_text(lack.free), amount_text(lack.missing)
    message = f"it asks for {figures}, and {place} has {free} free of {most}: {missing} are missing"
    ending = _ending(state, members, lack)
    change = Change("end", ending) if ending else _smaller(workload, queue, lack, lack.free)
    return _Verdict("waits-for-quota", message, change)


def _smaller(workload: Object, queue: str, lack: _Shortage, room: Fraction) -> Change:
    """Return how many pods fit into an amount; a larger quota where not one does, or where pods differ."""
    pod_sets = workload["spec"]["podSets"]
    if len(pod_sets) == 1:
        each = requests_of_pod(pod_sets[0]["template"]["spec"])[lack.resource]
        count = room // each
        if count >= 1:
            return Change("count", pod_sets[0].get("name", "main"), str(count))
    return Change("quota", f"{lack.resource} in ClusterQueue {queue}", amount_text(lack.asked - room))


def _ending(state: QueueState, members: Sequence[Object], lack: _Shortage) -> str:
    """Return the smallest running workload whose end lets another one in; empty if none does alone."""
    candidates = []
    for running in state.workloads:
        freed = Fraction(0)
        for member in members:
            amounts = reserved_by(running, member["metadata"]["name"], lack.flavor)
            freed += amounts.get(lack.resource, Fraction(0))
        if freed >= lack.missing:
            metadata = running["metadata"]
            candidates.append((freed, f"{metadata['namespace']}/{metadata['name']}", running))
    # What another queue gives back is of no use beyond a limit of borrowing, so the room itself is computed;
    # as a rule the first one is enough.
    for _, name, running in sorted(candidates, key=lambda candidate: candidate[:2]):
        others = [each for each in state.workloads if each is not running]
        if quota_rooms(members, lack.flavor, others)[lack.resource].free >= lack.asked:
            return name
    return ""


def _topology(workload: Object, state: QueueState) -> _Verdict | None:
    """Return the pod set that no domain of its topology has room for; None if there is none."""
    queue = _cluster_queue(workload, state)
    if queue is None:
        return None
    for pod_set in workload["spec"]["podSets"]:
        level = field_of(pod_set, "topologyRequest", "required")
        if not level:
            continue
        flavor = _topology_flavor(queue, state)
        if flavor is None:
            message = f"it asks for {level}, and no flavor of the queue has a topology"
            return _Verdict("topology", message)
        verdict = _domains(pod_set, level, flavor, state)
        if verdict is not None:
            return verdict
    return None


def _topology_flavor(queue: Object, state: QueueState) -> Object | None:
    """Return the first flavor of a queue that has a topology."""
    for group in queue["spec"].get("resourceGroups") or ():
        for entry in group["flavors"]:
            flavor = _by_name(state.flavors, entry["name"])
            if flavor is not None and flavor["spec"].get("topologyName"):
                return flavor
    return None


def _domains(pod_set: Object, level: str, flavor: Object, state: QueueState) -> _Verdict | None:
    """Return why no domain of a level has room for a pod set; None if one has."""
    name = pod_set.get("name", "main")
    topology_name = flavor["spec"]["topologyName"]
    topology = _by_name(state.topologies, topology_name) or {}
    levels = [each["nodeLabel"] for each in field_of(topology, "spec", "levels") or ()]
    if level not in levels:
        message = f"it asks for {level}, which is no level of topology {topology_name}"
        change = Change("level", name, levels[-1]) if levels else None
        return _Verdict("topology", message, change)
    count = int(pod_set.get("count", 1))
    rooms, lost = rooms_of(pod_set, levels, flavor, state.nodes, state.pods)
    at = levels.index(level)
    largest = largest_room(rooms, at)
    if largest >= count:
        return None
    message = f"{count} pods have to be within one {level}, and the roomiest has room for {largest}"
    if lost:
        message += f"; {lost} of its nodes take no pods"
    for coarser in range(at - 1, -1, -1):
        if largest_room(rooms, coarser) >= count:
            return _Verdict("topology", message, Change("level", name, levels[coarser]))
    if largest:
        return _Verdict("topology", message, Change("count", name, str(largest)))
    repair = Change("repair", flavor["metadata"]["name"], f"{lost} take no pods")
    return _Verdict("topology", message, repair)


def _is_stopped(queue: Object) -> bool:
    return bool(queue["spec"].get("stopPolicy", "None") != "None")


def _is_true(condition: Object | None) -> bool:
    return condition is not None and condition.get("status") == "True"


def _by_name(objects: Iterable[Object], name: str) -> Object | None:
    return next((each for each in objects if each["metadata"]["name"] == name), None)

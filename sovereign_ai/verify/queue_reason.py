"""Why a workload waits in its queue, or where it runs: by arithmetic on what a cluster holds.

Everything here is pure: objects as the API server returns them in, one reason out. Kueue's own word is the
reason of its condition `QuotaReserved` (or of the one that came after it); the code beside it is this
program's, and says which object decides and what the cheapest change is that would admit the workload.

    reason = reason_of(workload, state)
    print(reason.message, reason.change)

The arithmetic is Kueue's of version 0.17: a pod asks for the sum of its containers' requests, a pod set for
that times its count; a flavor has its nominal quota less what workloads have reserved, and in a cohort what
its queues have together (`quota_room`). A change is named once it was tried by the same arithmetic
(`queue_change`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sovereign_ai.cluster import stale_placements
from sovereign_ai.errors import closest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.verify.claimed_devices import count_claims, uncounted_claim
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.queue_change import Change, cheapest_change, other_queues
from sovereign_ai.verify.queue_obstacle import obstacle_of
from sovereign_ai.verify.queue_order import outrun_by
from sovereign_ai.verify.queue_state import (
    QueueState,
    by_name,
    cluster_queue_of,
    full_name,
    is_finished,
    is_true,
    missing_class,
    place_in_queue,
    pods_of,
    priority_of,
    with_priority,
    with_spec,
)

State = Literal["runs", "waits", "finished"]
_ANY_TIME = datetime.max.replace(tzinfo=UTC)
"""What has been so for a moment is told like what has been so for long."""


@frozen_dataclass
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


@frozen_dataclass
class _Verdict:
    """A code with its message and change."""

    code: str
    message: str
    change: Change | None = None


def reason_of(workload: Object, state: QueueState) -> QueueReason:
    """Return why a workload waits, or where it runs.

    Args:
        workload: a `Workload` of Kueue; one that was not submitted has no status.
        state: what the cluster holds.
    """
    # Again, for one that was not submitted: what is counted already has no claims left.
    workload = with_priority(count_claims(workload, state.claim_templates), state)
    name = full_name(workload)
    conditions = {each["type"]: each for each in field_of(workload, "status", "conditions") or ()}
    if _is_true(conditions.get("Finished")):
        return _reason(name, "finished", conditions["Finished"], _Verdict("finished", "it has finished"))
    if _is_true(conditions.get("Admitted")):
        stuck = _without_node(workload, state)
        verdict = stuck or _Verdict("admitted", _place(workload))
        return _reason(name, "waits" if stuck else "runs", conditions["Admitted"], verdict)
    reserved = conditions.get("QuotaReserved")
    if _is_true(reserved):
        return _reason(name, "waits", reserved, _checks(workload))
    verdict = _verdict(workload, state)
    evicted = conditions.get("Evicted") or {}
    if verdict.code == "deactivated" and str(evicted.get("reason")).startswith("Deactivated"):
        reserved = evicted
    return _reason(name, "waits", reserved, verdict)


def _verdict(workload: Object, state: QueueState) -> _Verdict:
    """Return what keeps out a workload without quota."""
    return (
        _deactivated(workload, state)
        or _no_class(workload, state)
        or _queue(workload, state)
        or _failed_check(workload)
        or _back_off(workload)
        or _claims(workload, state)
        or _flavors(workload, state)
        or _behind(workload, state)
        or _outrun(workload, state)
        or _Verdict(_FITS, "by arithmetic it fits: Kueue has not looked at it yet, or others come first")
    )


_FITS = "fits"


def _tried(verdict: _Verdict, workload: Object, state: QueueState) -> _Verdict:
    """Return a verdict with its change only where that is enough by itself; else with what is left after it.

    Args:
        verdict: what decides now.
        workload: the workload after the change.
        state: what there is after the change.
    """
    left = _verdict(workload, state)
    if left.code == _FITS:
        return verdict
    message = f"{verdict.message}; once that is no more: {left.message}"
    return replace(verdict, message=message, change=_other_queue(workload, state))


def _other_queue(workload: Object, state: QueueState) -> Change | None:
    """Return another queue of the namespace that would admit a workload; None where there is none."""
    for proposal in other_queues(workload, state):
        if _fits(proposal.workload, proposal.state):
            return proposal.change
    return None


def _fits(workload: Object, state: QueueState) -> bool:
    """Return whether the verdict on a workload without quota is that it fits.

    It is found without what would help otherwise: for each queue that would be sought in all the others.
    """
    local = _local_queues(workload, state).get(workload["spec"].get("queueName") or "")
    queue = cluster_queue_of(workload, state)
    if local is None or queue is None or _is_stopped(local) or _is_stopped(queue) or _inactivity(queue):
        return False
    if not workload["spec"].get("active", True) or missing_class(workload, state):
        return False
    kept_out = _failed_check(workload) or _back_off(workload) or _claims(workload, state)
    if kept_out is not None or obstacle_of(workload, state) is not None:
        return False
    return _behind(workload, state) is None and outrun_by(workload, state) is None


def _without_node(workload: Object, state: QueueState) -> _Verdict | None:
    """Return why pods of an admitted workload find no node; None where all have one, or are not made yet."""
    waiting, message = 0, ""
    pods = pods_of(workload, state)
    for pod in pods:
        for condition in field_of(pod, "status", "conditions") or ():
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                waiting += 1
                message = message or condition.get("message", "")
    if not waiting:
        return None
    text = f"Kueue has admitted it, and {waiting} of its {counted(len(pods), 'pod')} find no node: {message}"
    own = {full_name(pod) for pod in pods}
    found = stale_placements(state.pods, state.workloads, _ANY_TIME)
    stale = [each for each in found if each.waiting in own]
    if stale:
        more = f", and {len(stale) - 1} more" if len(stale) > 1 else ""
        text += f"; {stale[0]}{more}: `sovereign-ai repair run` evicts what stands or waits so"
    return _Verdict("unschedulable", text)


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
        text = f"{counted(assigned.get('count', 1), 'pod')} of {assigned['name']} on {flavors or 'no flavor'}"
        domains = field_of(assigned, "topologyAssignment", "slices") or ()
        if domains:
            domains_text = counted(sum(part.get("domainCount", 1) for part in domains), "domain")
            text += f", in {domains_text} of its topology"
        parts.append(text)
    cluster = field_of(workload, "status", "clusterName")
    elsewhere = f"cluster {cluster}, where its pods are; " if cluster else ""
    return f"{elsewhere}queue {admission.get('clusterQueue', '')}: {'; '.join(parts)}"


def _checks(workload: Object) -> _Verdict:
    """Return which admission checks a workload with a quota waits for."""
    for check in field_of(workload, "status", "admissionChecks") or ():
        if check.get("state") != "Ready":
            offered = ", ".join(field_of(workload, "status", "nominatedClusterNames") or ())
            where = f"it is offered to {offered}; " if offered else ""
            return _of_check(check, f"its quota is reserved; {where}")
    return _Verdict("admission-check", "its quota is reserved; its admission checks are not known yet")


def _failed_check(workload: Object) -> _Verdict | None:
    """Return the admission check that keeps a workload without quota out: one that said no, or not yet."""
    for check in field_of(workload, "status", "admissionChecks") or ():
        if check.get("state") in {"Rejected", "Retry"}:
            return _of_check(check, "")
    return None


def _of_check(check: Object, before: str) -> _Verdict:
    """Return the verdict on an admission check that is not ready; nothing admits what it has rejected."""
    detail = f": {check['message']}" if check.get("message") else ""
    message = f"{before}admission check {check['name']} is {check.get('state')}{detail}"
    change = None if check.get("state") == "Rejected" else Change("wait", check["name"])
    return _Verdict("admission-check", message, change)


def _deactivated(workload: Object, state: QueueState) -> _Verdict | None:
    if workload["spec"].get("active", True):
        return None
    for condition in field_of(workload, "status", "conditions") or ():
        if condition["type"] == "Evicted" and condition.get("reason") == _REJECTED:
            message = (
                f"spec.active is false: {condition.get('message', '')}; active again, it is asked about anew"
            )
            return _Verdict("deactivated", message)
    verdict = _Verdict("deactivated", "spec.active is false", Change("activate", full_name(workload)))
    return _tried(verdict, with_spec(workload, active=True), state)


_REJECTED = "DeactivatedDueToAdmissionCheck"
"""Kueue's word for a workload that an admission check rejected; the check's own answer is reset after it."""


def _no_class(workload: Object, state: QueueState) -> _Verdict | None:
    """Return that a priority class is missing, without which Kueue makes no workload of a job."""
    reference = missing_class(workload, state)
    if not reference:
        return None
    kind = reference["kind"]
    classes = [each for each in state.priority_classes if each.get("kind") == kind]
    known = sorted(str(each["metadata"]["name"]) for each in classes)
    message = f"there is no {kind} {reference['name']!r}; there is {', '.join(known) or 'none'}"
    nearest = closest(reference["name"], known) or (known[0] if known else "")
    verdict = _Verdict("no-priority-class", message, Change("class", reference["name"], nearest))
    other = {**reference, "name": nearest} if nearest else None
    return _tried(verdict, with_priority(with_spec(workload, priorityClassRef=other), state), state)


def _back_off(workload: Object) -> _Verdict | None:
    """Return until when a workload that lost its place is kept out of its queue."""
    until = field_of(workload, "status", "requeueState", "requeueAt")
    for condition in field_of(workload, "status", "conditions") or ():
        if condition["type"] == "Requeued" and condition.get("status") == "False" and until:
            message = (
                f"it lost its place ({condition.get('reason', '')}) and comes back to its queue at {until}"
            )
            return _Verdict("back-off", message)
    return None


def _claims(workload: Object, state: QueueState) -> _Verdict | None:
    problem = uncounted_claim(workload, state.claim_templates)
    return _Verdict("uncounted-claim", problem) if problem else None


def _queue(workload: Object, state: QueueState) -> _Verdict | None:
    """Return what is wrong with the queues on a workload's way; None if they take workloads."""
    namespace, wanted = workload["metadata"].get("namespace"), workload["spec"].get("queueName") or ""
    names = _local_queues(workload, state)
    local = names.get(wanted)
    if local is None:
        return _no_queue(workload, state, sorted(names))
    queue = cluster_queue_of(workload, state)
    target = f"ClusterQueue {local['spec']['clusterQueue']}"
    stopped = []
    if _is_stopped(local):
        stopped.append(f"LocalQueue {namespace}/{wanted}")
    if queue is not None and _is_stopped(queue):
        stopped.append(target)
    if stopped:
        message = f"{' and '.join(stopped)} {'is' if len(stopped) == 1 else 'are'} stopped"
        verdict = _Verdict("stopped-queue", message, Change("resume", " and ".join(stopped)))
        return _tried(verdict, workload, _resumed(state, local, queue))
    if queue is None:
        message = f"{target}, to which the namespace's queue leads, is missing"
        return _Verdict("no-queue", message, _other_queue(workload, state))
    return _inactive(workload, queue, state)


def _local_queues(workload: Object, state: QueueState) -> dict[str, Object]:
    """Return the queues of a workload's namespace, by name."""
    namespace = workload["metadata"].get("namespace")
    names = {}
    for each in state.local_queues:
        if each["metadata"]["namespace"] == namespace:
            names[str(each["metadata"]["name"])] = each
    return names


def _resumed(state: QueueState, local: Object, queue: Object | None) -> QueueState:
    """Return the state once nothing stops a queue any more."""
    locals_ = [with_spec(local, stopPolicy="None") if each is local else each for each in state.local_queues]
    queues: list[Object] = []
    for each in state.cluster_queues:
        if each is queue and _is_stopped(each):
            # It is inactive because it is stopped; whether for anything else is seen in what it refers to.
            conditions = [{"type": "Active", "status": "True"}] if not _activations(each, state) else None
            status = {**(each.get("status") or {}), "conditions": conditions or _INACTIVE}
            queues.append({**with_spec(each, stopPolicy="None"), "status": status})
        else:
            queues.append(each)
    return replace(state, local_queues=locals_, cluster_queues=queues)


_INACTIVE = [{"type": "Active", "status": "False", "message": "it refers to what is missing or inactive"}]


def _inactive(workload: Object, queue: Object, state: QueueState) -> _Verdict | None:
    """Return why a ClusterQueue that is not stopped takes no workloads; None if it takes them."""
    condition = _inactivity(queue)
    if condition is None:
        return None
    name = queue["metadata"]["name"]
    message = f"ClusterQueue {name} is not active: {condition.get('message', '')}"
    changes = _activations(queue, state)
    for change in changes:
        if change.kind == "check":
            message += _check_message(change.target, state)
    if len(changes) != 1:
        return _Verdict("inactive-queue", message, _other_queue(workload, state))
    active = {**queue, "status": {"conditions": [{"type": "Active", "status": "True"}]}}
    queues = [active if each is queue else each for each in state.cluster_queues]
    verdict = _Verdict("inactive-queue", message, changes[0])
    return _tried(verdict, workload, replace(state, cluster_queues=queues))


def _check_message(name: str, state: QueueState) -> str:
    """Return what Kueue says of an admission check that is not active, to be put behind a message."""
    check = by_name(state.admission_checks, name)
    for condition in field_of(check or {}, "status", "conditions") or ():
        if condition["type"] == "Active" and condition.get("message"):
            return f"; admission check {name}: {condition['message']}"
    return ""


def _inactivity(queue: Object) -> Object | None:
    """Return the condition by which a ClusterQueue takes no workloads; None if it takes them."""
    for condition in field_of(queue, "status", "conditions") or ():
        if condition["type"] == "Active" and condition["status"] != "True":
            inactive: Object = condition
            return inactive
    return None


def _activations(queue: Object, state: QueueState) -> list[Change]:
    """Return what together makes a queue active: its dead admission checks, and missing flavors."""
    changes = []
    strategy = field_of(queue, "spec", "admissionChecksStrategy", "admissionChecks") or ()
    for check in strategy:
        known = by_name(state.admission_checks, check["name"])
        if not is_true(field_of(known or {}, "status", "conditions"), "Active"):
            changes.append(Change("check", check["name"]))
    for group in queue["spec"].get("resourceGroups") or ():
        for flavor in group["flavors"]:
            change = Change("flavor", flavor["name"])
            if by_name(state.flavors, flavor["name"]) is None and change not in changes:
                changes.append(change)
    return changes


def _no_queue(workload: Object, state: QueueState, known: Sequence[str]) -> _Verdict:
    """Return the verdict on a queue that does not exist: the nearest one that admits, or a first one."""
    namespace, wanted = workload["metadata"].get("namespace"), workload["spec"].get("queueName") or ""
    message = f"namespace {namespace} has no queue {wanted!r}; it has {', '.join(known) or 'none'}"
    if not known:
        return _Verdict("no-queue", message, _first_queue(workload, state) if wanted else None)
    nearest = closest(wanted, known) or known[0]
    proposals = sorted(other_queues(workload, state), key=lambda each: each.change.value != nearest)
    left = ""
    for proposal in proposals:
        if _fits(proposal.workload, proposal.state):
            return _Verdict("no-queue", message, proposal.change)
        left = left or f"; in {proposal.change.value}: {_verdict(proposal.workload, proposal.state).message}"
    return _Verdict("no-queue", message + left)


def _first_queue(workload: Object, state: QueueState) -> Change | None:
    """Return the first queue of a namespace that would admit a workload: a LocalQueue of a ClusterQueue."""
    metadata = {"namespace": workload["metadata"].get("namespace"), "name": workload["spec"]["queueName"]}
    for queue in state.cluster_queues:
        name = str(queue["metadata"]["name"])
        local = {"metadata": metadata, "spec": {"clusterQueue": name}}
        tried = replace(state, local_queues=[*state.local_queues, local])
        if _fits(workload, tried):
            return Change("local-queue", f"{metadata['namespace']}/{metadata['name']}", name)
    return None


def _flavors(workload: Object, state: QueueState) -> _Verdict | None:
    """Return what keeps a workload out of its queue; None if nothing does."""
    obstacle = obstacle_of(workload, state)
    if obstacle is None:
        return None
    return _Verdict(obstacle.code, obstacle.message, cheapest_change(workload, state, obstacle))


def _behind(workload: Object, state: QueueState) -> _Verdict | None:
    """Return which workload comes first in a queue that keeps the order strictly."""
    queue = cluster_queue_of(workload, state)
    if queue is None or queue["spec"].get("queueingStrategy") != "StrictFIFO":
        return None
    name, own = queue["metadata"]["name"], place_in_queue(workload)
    first = None
    for each in state.workloads:
        conditions = field_of(each, "status", "conditions")
        other = cluster_queue_of(each, state) if "spec" in each else None
        waits = other is queue and not is_true(conditions, "QuotaReserved") and not is_finished(each)
        is_before = waits and each["spec"].get("active", True) and place_in_queue(each) < own
        if is_before and (first is None or place_in_queue(each) < place_in_queue(first)):
            first = each
    if first is None:
        return None
    message = f"it fits, and {full_name(first)} comes first in ClusterQueue {name}, which keeps the order"
    return _Verdict("behind", message, Change("priority", full_name(first), str(priority_of(first))))


def _outrun(workload: Object, state: QueueState) -> _Verdict | None:
    """Return which workload fair sharing lets in first, and what waits then."""
    first = outrun_by(workload, state)
    if first is None:
        return None
    queue = cluster_queue_of(first, state) or first
    message = (
        f"it fits, and fair sharing lets {full_name(first)} of ClusterQueue {queue['metadata']['name']} in "
        "first, beside which it does not"
    )
    return _Verdict("behind", message)


def _is_stopped(queue: Object) -> bool:
    return bool(queue["spec"].get("stopPolicy", "None") != "None")


def _is_true(condition: Object | None) -> bool:
    return condition is not None and condition.get("status") == "True"

"""Who gets in first under fair sharing, where queues of one cohort have work that waits.

Kueue looks at the first workload of each queue at once, and lets in one after another: at each cohort, from
below, the one whose queue or cohort borrows nothing of what it asks for, then the one with the smallest share
as if it had got in, then by priority and age. Whatever of them does not fit waits, and the next of each queue
follow. Source: Kueue 0.17, pkg/scheduler/scheduler.go and fair_sharing_iterator.go.
"""

from __future__ import annotations

from typing import NamedTuple

from sovereign_ai.verify.fair_share import add_needs, remove_needs, share_of
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.queue_obstacle import obstacle_of, way_in
from sovereign_ai.verify.queue_state import (
    QueueState,
    by_name,
    cluster_queue_of,
    full_name,
    is_finished,
    is_true,
    place_in_queue,
    with_priority,
)
from sovereign_ai.verify.quota_tree import Needs, QuotaNode, quota_tree

_MOST_LOOKS = 60
"""Workloads of others that are looked at before one: each takes a look at all nodes."""


class _First(NamedTuple):
    """The first workload of a queue, which would get in.

    Attributes:
        workload: the workload.
        needs: what it takes.
        after: what there is after it.
    """

    workload: Object
    needs: Needs
    after: QueueState


def outrun_by(workload: Object, state: QueueState) -> Object | None:
    """Return the last workload that gets in before one, and leaves it too little; None if it gets in itself.

    Args:
        workload: one that nothing keeps out.
        state: what there is; only under fair sharing others are looked at.
    """
    queue = cluster_queue_of(workload, state)
    if not state.fair_sharing or queue is None or not queue["spec"].get("cohortName"):
        return None
    waiting = _waiting(workload, queue, state)
    last, looks = None, 0
    while waiting and looks < _MOST_LOOKS:
        turn = _firsts_of(waiting)
        while turn:
            looks += 1
            name, first = _next(turn, state, full_name(workload))
            del turn[name]
            gets_in = first.after is not state
            if full_name(first.workload) == full_name(workload):
                return None if gets_in else last
            if gets_in:
                state, last = first.after, first.workload
            elif _is_strict(by_name(state.cluster_queues, name)):
                # It lets nobody past its first.
                waiting.pop(name, None)
    return None


def _firsts_of(waiting: dict[str, list[Object]]) -> dict[str, Object]:
    """Take the first workload of each queue from those that wait."""
    turn = {}
    for name in list(waiting):
        turn[name] = waiting[name].pop(0)
        if not waiting[name]:
            del waiting[name]
    return turn


def _is_strict(queue: Object | None) -> bool:
    return bool(field_of(queue or {}, "spec", "queueingStrategy") == "StrictFIFO")


def _waiting(workload: Object, queue: Object, state: QueueState) -> dict[str, list[Object]]:
    """Return queue to its workloads that wait, of the queues that share with one, in their order."""
    tree = quota_tree(state.cluster_queues, state.cohorts, ())
    own = tree[str(queue["metadata"]["name"])]
    top = list(own.above())[-1]
    waiting: dict[str, list[Object]] = {own.name: [workload]}
    for each in state.workloads:
        if full_name(each) == full_name(workload) or not _may_get_in(each):
            continue
        other = cluster_queue_of(each, state)
        name = str(other["metadata"]["name"]) if other and _takes_work(each, other, state) else ""
        if name in tree and top in list(tree[name].above()):
            waiting.setdefault(name, []).append(with_priority(each, state))
    for listed in waiting.values():
        listed.sort(key=place_in_queue)
    return waiting


def _may_get_in(workload: Object) -> bool:
    """Return whether Kueue tries to let a workload in."""
    conditions = field_of(workload, "status", "conditions")
    if "spec" not in workload or is_finished(workload) or is_true(conditions, "QuotaReserved"):
        return False
    if not workload["spec"].get("active", True):
        return False
    for condition in conditions or ():
        if condition["type"] == "Requeued" and condition.get("status") == "False":
            return False
    return True


def _takes_work(workload: Object, queue: Object, state: QueueState) -> bool:
    """Return whether a workload's queues take work."""
    wanted = (workload["metadata"].get("namespace"), workload["spec"].get("queueName"))
    for local in state.local_queues:
        is_its = (local["metadata"]["namespace"], local["metadata"]["name"]) == wanted
        if is_its and local["spec"].get("stopPolicy", "None") != "None":
            return False
    if queue["spec"].get("stopPolicy", "None") != "None":
        return False
    for condition in field_of(queue, "status", "conditions") or ():
        if condition["type"] == "Active" and condition["status"] != "True":
            return False
    return True


def _next(turn: dict[str, Object], state: QueueState, subject: str) -> tuple[str, _First]:
    """Return the queue whose workload is looked at next, with what it takes.

    Args:
        turn: each queue that still has a first workload.
        state: what there is.
        subject: the workload that is asked about, which comes after its equals.
    """
    tree = quota_tree(state.cluster_queues, state.cohorts, state.workloads)
    firsts: dict[str, _First] = {}
    for name, workload in turn.items():
        found = way_in(workload, state) if obstacle_of(workload, state) is None else None
        if found is None:
            # What does not fit changes nothing, whenever it is looked at.
            return name, _First(workload, {}, state)
        firsts[name] = _First(workload, *found)
    top = list(tree[next(iter(turn))].above())[-1]
    winner = _winner(top, firsts, subject)
    name = winner.name if winner is not None else next(iter(turn))
    return name, firsts[name]


def _winner(cohort: QuotaNode, firsts: dict[str, _First], subject: str) -> QuotaNode | None:
    """Return the queue below a cohort whose workload comes first; None where none has any.

    Of equal shares, priorities and seconds Kueue takes any, so that the workload that is asked about may be
    the last of them.
    """
    entered = []
    for below in cohort.cohorts:
        queue = _winner(below, firsts, subject)
        if queue is not None:
            entered.append((below, queue))
    for queue in cohort.queues:
        if queue.name in firsts:
            entered.append((queue, queue))
    best: QuotaNode | None = None
    least: tuple[object, ...] = ()
    for child, queue in entered:
        first = firsts[queue.name]
        add_needs(queue, first.needs)
        share = share_of(child)
        remove_needs(queue, first.needs)
        is_subject = full_name(first.workload) == subject
        # UIDs decide between workloads of one queue alone.
        priority, age, _ = place_in_queue(first.workload)
        rank = (share.is_of(first.needs), share.rank, priority, age, is_subject)
        if best is None or rank < least:
            best, least = queue, rank
    return best

"""Who gets in first of those that wait in the queues of a cohort, under fair sharing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.verify.fair_share import STRATEGIES
from sovereign_ai.verify.queue_order import outrun_by
from sovereign_ai.verify.queue_reason import reason_of
from sovereign_ai.verify.queue_state import QueueState, full_name
from tests.verify.test_queue_features import asks, cohort, fleet, holds, pod_set, queue

Made = dict[str, Any]
RECLAIM = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Any"}


def waits(name: str, queue_name: str, gpus: int = 8, **more: Any) -> Made:
    """Return a workload that waits in a queue."""
    age = more.pop("created", "2026-01-01T00:00:00Z")
    workload = asks(pod_set(1, gpus=gpus), queue=queue_name, **more)
    metadata = {"name": name, "namespace": "team", "creationTimestamp": age}
    status = {"conditions": [{"type": "QuotaReserved", "status": "False"}]}
    return {**workload, "metadata": metadata, "status": status}


def borrowers(*workloads: Made, weight: str = "1", **more: Any) -> QueueState:
    """Return queues a and b that borrow all they have of a lender of 32 GPUs."""
    a = queue("a", ("f", 0), cohort="c", preemption=RECLAIM, fairSharing={"weight": weight})
    b = queue("b", ("f", 0), cohort="c", preemption=RECLAIM)
    lender = queue("l", ("f", 32), cohort="c", preemption=RECLAIM)
    state: Made = {"workloads": workloads, "fair_sharing": STRATEGIES, **more}
    return fleet(a, b, lender, **state)


def first_of(workload: Made, state: QueueState) -> str:
    found = outrun_by(workload, state)
    return "" if found is None else full_name(found)


HELD = (holds("h1", "a", 16), holds("h2", "b", 8))
"""Eight GPUs are left, and b has the smaller share."""


def test_the_smaller_share_gets_in_first_whoever_is_older() -> None:
    own = waits("own", "a", created="2026-01-01T00:00:00Z")
    rival = waits("rival", "b", created="2026-01-02T00:00:00Z")
    state = borrowers(*HELD, own, rival)
    assert first_of(own, state) == "team/rival"
    assert first_of(rival, state) == ""
    # With weight 4 its 24 GPUs are a share of 187, and the other's 16 one of 500.
    heavy = borrowers(*HELD, own, rival, weight="4")
    assert first_of(own, heavy) == ""
    assert first_of(rival, heavy) == "team/own"


def test_equal_shares_are_decided_by_priority_and_then_by_age() -> None:
    held = (holds("h1", "a", 8), holds("h2", "b", 8), holds("h3", "l", 8))
    older, newer = waits("older", "a"), waits("newer", "b", created="2026-01-02T00:00:00Z")
    state = borrowers(*held, older, newer)
    assert first_of(newer, state) == "team/older"
    assert first_of(older, state) == ""
    urgent = waits("newer", "b", created="2026-01-02T00:00:00Z", priority=5)
    assert first_of(older, borrowers(*held, older, urgent)) == "team/newer"


def test_of_equals_in_two_queues_the_one_that_is_asked_about_may_be_the_last() -> None:
    """Kueue takes any of them: what is said to let a workload in has to do so whichever it takes."""
    held = (holds("h1", "a", 8), holds("h2", "b", 8), holds("h3", "l", 8))
    one, other = waits("one", "a"), waits("other", "b")
    state = borrowers(*held, one, other)
    assert first_of(one, state) == "team/other"
    assert first_of(other, state) == "team/one"


def test_of_equals_in_one_queue_the_smaller_uid_is_first() -> None:
    held = (holds("h1", "a", 8), holds("h2", "b", 8), holds("h3", "l", 8))
    first, second = waits("z", "a"), waits("y", "a")
    first["metadata"]["uid"], second["metadata"]["uid"] = "1", "2"
    state = borrowers(*held, first, second)
    assert first_of(second, state) == "team/z"
    assert first_of(first, state) == ""


def test_who_stays_within_its_own_quota_gets_in_before_every_borrower() -> None:
    own, owner = waits("own", "b"), waits("owner", "l", created="2026-01-02T00:00:00Z")
    state = borrowers(*HELD, own, owner)
    assert first_of(own, state) == "team/owner"
    assert first_of(owner, state) == ""


@pytest.mark.parametrize(
    "rival",
    [
        waits("rival", "b", gpus=16),
        waits("rival", "b", active=False),
        waits("rival", "x"),
        holds("rival", "b", 0),
        {**waits("rival", "b"), "status": {"conditions": [{"type": "Finished", "status": "True"}]}},
        {**waits("rival", "b"), "status": {"conditions": [{"type": "Requeued", "status": "False"}]}},
    ],
    ids=["too-large", "deactivated", "no-queue", "has-its-place", "finished", "kept-back"],
)
def test_what_cannot_get_in_is_before_nobody(rival: Made) -> None:
    held = (*HELD, holds("h4", "l", 0))
    own = waits("own", "a")
    assert first_of(own, borrowers(*held, own, rival)) == ""


@pytest.mark.parametrize("where", ["local", "cluster", "inactive"])
def test_a_queue_that_takes_no_work_is_before_nobody(where: str) -> None:
    own, rival = waits("own", "a"), waits("rival", "b")
    state = borrowers(*HELD, own, rival)
    locals_, queues = list(state.local_queues), list(state.cluster_queues)
    stopped = {"stopPolicy": "Hold"}
    if where == "local":
        locals_[1] = {**locals_[1], "spec": {**locals_[1]["spec"], **stopped}}
    elif where == "cluster":
        queues[1] = {**queues[1], "spec": {**queues[1]["spec"], **stopped}}
    else:
        queues[1] = {**queues[1], "status": {"conditions": [{"type": "Active", "status": "False"}]}}
    assert first_of(own, replace(state, local_queues=locals_, cluster_queues=queues)) == ""


def test_the_second_of_a_queue_comes_after_the_first_of_the_others() -> None:
    own = waits("own", "a", created="2026-01-02T00:00:00Z")
    before = waits("before", "a", gpus=4)
    held = (holds("h1", "a", 8), holds("h2", "b", 8), holds("h3", "l", 8))
    rival = waits("rival", "b", gpus=4, created="2026-01-03T00:00:00Z")
    assert first_of(own, borrowers(*held, own, before)) == "team/before"
    assert first_of(own, borrowers(*held, own, before, rival)) == "team/rival"


def test_a_queue_in_strict_order_lets_nobody_past_its_first() -> None:
    before = waits("before", "a", gpus=4)
    own = waits("own", "a", gpus=4, created="2026-01-02T00:00:00Z")
    large, small = waits("large", "b", gpus=24), waits("small", "b", gpus=4, created="2026-01-02T00:00:00Z")
    state = borrowers(*HELD, before, own, large, small)
    assert first_of(own, state) == "team/small"
    queues = []
    for each in state.cluster_queues:
        queues.append({**each, "spec": {**each["spec"], "queueingStrategy": "StrictFIFO"}})
    assert first_of(own, replace(state, cluster_queues=queues)) == ""


def test_without_fair_sharing_or_a_cohort_nobody_is_looked_at() -> None:
    own, rival = waits("own", "a"), waits("rival", "b")
    state = borrowers(*HELD, own, rival)
    assert first_of(own, replace(state, fair_sharing=())) == ""
    alone = fleet(queue("a"), workloads=(own,), fair_sharing=STRATEGIES)
    assert first_of(own, alone) == ""
    assert first_of(waits("own", "x"), alone) == ""


def test_a_cohort_with_the_smaller_share_comes_first_whoever_is_in_it() -> None:
    heavy = cohort("left", "root")
    heavy["spec"]["fairSharing"] = {"weight": "4"}
    queues = (
        queue("a", ("f", 0), cohort="left", preemption=RECLAIM),
        queue("b", ("f", 0), cohort="right", preemption=RECLAIM),
        queue("l", ("f", 32), cohort="root"),
    )
    own, rival = waits("own", "b"), waits("rival", "a", created="2026-01-02T00:00:00Z")
    cohorts = (cohort("root"), heavy, cohort("right", "root"))
    state = fleet(*queues, cohorts=cohorts, workloads=(*HELD, own, rival), fair_sharing=STRATEGIES)
    assert first_of(own, state) == "team/rival"


def test_what_is_freed_and_taken_by_others_first_is_no_change_that_admits() -> None:
    """Eight GPUs more let the other queue's workload in; sixteen let both in."""
    held = (holds("a1", "a", 8), holds("a2", "a", 8), holds("b1", "b", 8), holds("l1", "l", 8))
    own, rival = waits("own", "a", created="2026-01-01T00:00:00Z"), waits("rival", "b", gpus=8)
    alone = reason_of(own, borrowers(*held, own))
    assert str(alone.change) == "wait for team/a1, which frees enough when it ends"
    beside = reason_of(own, borrowers(*held, own, {**rival, "spec": {**rival["spec"], "priority": 5}}))
    assert beside.code == "waits-for-quota"
    assert beside.change is not None
    # Above the priority of what its own queue holds, it takes that place itself.
    assert str(beside.change) == "give it a priority above 0, that of team/a1"


def test_work_that_fits_and_is_outrun_says_by_whom() -> None:
    own, rival = waits("own", "a"), waits("rival", "b", created="2026-01-02T00:00:00Z")
    reason = reason_of(own, borrowers(*HELD, own, rival))
    assert (reason.code, reason.change) == ("behind", None)
    assert "fair sharing lets team/rival of ClusterQueue b in first" in reason.message
    assert reason_of(rival, borrowers(*HELD, own, rival)).code == "fits"

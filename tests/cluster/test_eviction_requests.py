"""Which pods are left to their responders, over everything that requests and Evictions may say."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster import RequestedEviction, requested_evictions
from tests.support.memory_cluster import MemoryCluster, obj, refusal

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
API = "lifecycle.k8s.io/v1alpha1"
NAME = "research/web-0"
MOVER, LAST = "acme.io/mover", "imperative-eviction.k8s.io/evictor"
AGES = (timedelta(minutes=5), timedelta(minutes=24), timedelta(minutes=26), timedelta(days=-1))
"""Of the last sign; one that is to come, as no clock is wrong by a day, is none."""
ENDS = ("", "Failed", "TargetEvicted")
STATES = ("Inactive", "Active", "Interrupted", "Canceled", "Completed")


def stamp(age: timedelta) -> str:
    return (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(*responders: str, name: str = "web-0", uid: str = "u0", **meta: Any) -> dict[str, Any]:
    named = [{"name": responder, "priority": 10_000} for responder in responders]
    spec = {"evictionResponders": named} if named else {}
    return {**obj("Pod", name, "research", uid=uid, **meta), "spec": spec}


def target(uid: str = "u0") -> dict[str, Any]:
    return {"target": {"pod": {"name": "web-0", "uid": uid}}}


def ended(end: str) -> list[dict[str, str]]:
    """Return the conditions that the controller keeps, of which one may be true."""
    return [{"type": each, "status": "True" if each == end else "False"} for each in ENDS[1:]]


def request(
    name: str = "move", age: timedelta = AGES[0], intent: str = "Eviction", end: str = "", **status: Any
) -> dict[str, Any]:
    made = obj("EvictionRequest", name, "research", version=API, creationTimestamp=stamp(age), generation=1)
    spec = {**target(), "requester": f"acme.io/{name}", "intent": intent}
    return {**made, "spec": spec, "status": {"conditions": ended(end), **status}}


def eviction(mover: str, age: timedelta = AGES[0], end: str = "") -> dict[str, Any]:
    """Write an Eviction whose last sign is so old; in an empty state nobody has listed its responders."""
    made = obj("Eviction", "e", "research", version=API, creationTimestamp=stamp(AGES[2]))
    last = "Inactive" if mover in {"Inactive", "Active"} else "Active"
    status: dict[str, Any] = {"conditions": [{**each, "lastTransitionTime": None} for each in ended(end)]}
    if mover:
        status["targetResponders"] = [{"name": MOVER, "state": mover}, {"name": LAST, "state": last}]
        status["responders"] = [{"name": MOVER, "heartbeatTime": stamp(age)}, {"name": LAST}]
    return {**made, "spec": target(), "status": status}


def asked(cluster: MemoryCluster, *pods: dict[str, Any]) -> dict[str, RequestedEviction]:
    return requested_evictions(cluster, pods or [pod(MOVER)], NOW)


def test_a_pod_is_left_to_its_responders_while_one_of_them_acts_or_may_begin() -> None:
    made = itertools.product(AGES, ("Eviction", "Withdrawn"), ENDS, ("", *STATES), AGES, ENDS)
    count = 0
    for request_age, intent, request_end, mover, age, end in made:
        cluster = MemoryCluster(request("move", request_age, intent, request_end), eviction(mover, age, end))
        wanted = intent == "Eviction" and not request_end
        has_turn = bool(end) or mover in {"", "Inactive", "Active"}
        # An Eviction that is over, or says nothing yet, shows no sign.
        ages = [request_age] if end or not mover else [request_age, age]
        lives = bool({AGES[0], AGES[1]}.intersection(ages))
        assert bool(asked(cluster)) == (wanted and has_turn and lives), cluster.objects
        count += 1
    assert count == 1_728


def test_who_requested_it_who_acts_and_since_when_is_named() -> None:
    cluster = MemoryCluster(request("younger"), request("older", AGES[1]), eviction("Active"))
    (found,) = asked(cluster).values()
    assert (found.pod, found.requester, found.since) == (NAME, "acme.io/older", "2026-11-29T11:36:00Z")
    assert str(found) == (
        "acme.io/older requested its eviction (EvictionRequest research/older and 1 more),"
        " and acme.io/mover carries it out, since 2026-11-29T11:36:00Z"
    )
    cluster = MemoryCluster(request())
    assert "none of its responders has begun yet" in asked(cluster)[NAME].reason


def test_a_request_that_was_made_anew_counts_before_its_old_end_is_taken_back() -> None:
    anew = request(end="Failed", observedGeneration=1)
    assert asked(MemoryCluster(anew)) == {}
    anew["metadata"]["generation"] = 2
    assert list(asked(MemoryCluster(anew))) == [NAME]


def test_a_request_of_another_pod_of_that_name_is_none() -> None:
    assert asked(MemoryCluster(request()), pod(MOVER, uid="u1")) == {}


@pytest.mark.parametrize("kept", [pod(), pod(MOVER, deletionTimestamp=stamp(AGES[0]))])
def test_without_responders_that_may_act_nothing_is_read(kept: dict[str, Any]) -> None:
    cluster = MemoryCluster(request())
    assert asked(cluster, kept) == {}
    assert cluster.asked == []


def test_where_the_api_is_not_served_no_pod_is_left() -> None:
    cluster = MemoryCluster(request())
    cluster.unserved = {"EvictionRequest", "Eviction"}
    assert asked(cluster) == {}


def test_requests_that_may_not_be_read_keep_pods_with_responders_alone() -> None:
    cluster = MemoryCluster()
    cluster.failure = refusal(403)
    found = asked(cluster, pod(MOVER), pod(name="web-1", uid="u1"))
    assert list(found) == [NAME]
    assert found[NAME].requester == ""
    assert "cannot be read" in str(found[NAME])

from __future__ import annotations

from typing import Any

from sovereign_ai.verify.queue_reason import reason_of
from sovereign_ai.verify.queue_state import QueueState
from sovereign_ai.verify.quota_tree import quota_tree
from tests.verify.test_queue_reason import GPU, node, state, workload


def queue(name: str, gpus: int, cohort: str = "pool", reclaim: str = "Any", **limits: str) -> dict[str, Any]:
    entry = {"name": GPU, "nominalQuota": str(gpus), **limits}
    group = {"coveredResources": [GPU], "flavors": [{"name": "flavor", "resources": [entry]}]}
    spec: dict[str, Any] = {"resourceGroups": [group], "preemption": {"reclaimWithinCohort": reclaim}}
    if cohort:
        spec["cohortName"] = cohort
    return {"metadata": {"name": name}, "spec": spec}


def admitted(name: str, gpus: int, to: str) -> dict[str, Any]:
    assigned = {"name": "main", "flavors": {GPU: "flavor"}, "resourceUsage": {GPU: str(gpus)}}
    admission = {"clusterQueue": to, "podSetAssignments": [assigned]}
    return {"metadata": {"name": name, "namespace": to}, "status": {"admission": admission}}


def room(first: dict[str, Any], *others: dict[str, Any], taken: tuple[dict[str, Any], ...] = ()) -> Any:
    node = quota_tree((first, *others), (), taken)[first["metadata"]["name"]]
    return node.most(("flavor", GPU)), node.free(("flavor", GPU))


def test_a_queue_outside_a_cohort_has_its_own_quota_alone() -> None:
    alone, other = queue("a", 32, cohort=""), queue("b", 64, cohort="")
    assert room(alone, other, taken=(admitted("x", 8, "a"), admitted("y", 8, "b"))) == (32, 24)


def test_queues_of_a_cohort_use_what_they_have_together() -> None:
    first, other, stranger = queue("a", 32), queue("b", 64), queue("c", 100, cohort="elsewhere")
    assert room(first, other, stranger) == (96, 96)
    assert room(first, other, stranger, taken=(admitted("x", 40, "a"), admitted("y", 8, "b"))) == (96, 48)


def test_what_was_borrowed_comes_back_to_a_queue_that_reclaims() -> None:
    taken = (admitted("first", 64, "weather"), admitted("borrower", 32, "weather"))
    assert reason_of(workload(4), cohort_state(*taken)).code == "fits"
    assert reason_of(workload(5), cohort_state(*taken)).code == "waits-for-quota"
    assert reason_of(workload(4), cohort_state(*taken, reclaim="Never")).code == "waits-for-quota"


def test_a_limit_of_borrowing_holds_although_the_cohort_has_more() -> None:
    first = queue("a", 32, borrowingLimit="16")
    assert room(first, queue("b", 64)) == (48, 48)
    assert room(first, queue("b", 64), taken=(admitted("x", 40, "a"),)) == (48, 8)


def test_what_a_queue_does_not_lend_is_its_own_alone() -> None:
    first, lender = queue("a", 32), queue("b", 64, lendingLimit="8")
    assert room(first, lender) == (40, 40)
    assert room(first, lender, taken=(admitted("y", 56, "b"),)) == (40, 40)
    assert room(first, lender, taken=(admitted("y", 60, "b"),)) == (40, 36)
    # Two thirds of what the other uses are its own, and the rest is what it was lent.
    assert room(lender, first, taken=(admitted("x", 40, "a"),)) == (96, 56)


def cohort_state(*workloads: dict[str, Any], reclaim: str = "Any") -> QueueState:
    queues = [queue("pool", 32, reclaim=reclaim), queue("weather", 64)]
    for each in queues:
        each["spec"]["resourceGroups"][0]["coveredResources"].append("cpu")
        each["spec"]["resourceGroups"][0]["flavors"][0]["resources"].append(
            {"name": "cpu", "nominalQuota": "1000"}
        )
    nodes = [node(f"n{number}", "u1", "r1") for number in range(12)]
    return state(cluster_queues=tuple(queues), workloads=workloads, nodes=nodes)


def test_a_workload_that_lost_what_it_had_borrowed_waits_for_its_owner_to_end() -> None:
    owners = admitted("forecast", 48, "weather")
    reason = reason_of(workload(8), cohort_state(owners))
    assert reason.code == "waits-for-quota"
    assert "ClusterQueue pool and its cohort has 48 free of 96: 16 are missing" in reason.message
    assert str(reason.change) == "wait for weather/forecast, which frees enough when it ends"


def test_more_than_a_cohort_has_is_brought_down_to_what_it_has() -> None:
    reason = reason_of(workload(20), cohort_state())
    assert (reason.code, str(reason.change)) == ("over-quota", "ask for 12 pods in main")


def test_idle_quota_of_others_lets_a_workload_fit() -> None:
    assert reason_of(workload(8), cohort_state()).code == "fits"

"""Pods on machines where Kueue has placed them no longer: as seen with 2,000 machines, and by brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.cluster.kueue_placements import SETTLED, find_stale_placements, stale_placements
from tests.cluster.placed_pods import LONG_AGO, NOW, admitted, placed, waiting


class Server:
    """Pods and Workloads, with a count of lists."""

    def __init__(self, pods: list[dict[str, Any]], workloads: list[dict[str, Any]]) -> None:
        self.pods, self.workloads, self.asked = pods, workloads, Counter[str]()

    def request(self, _method: str, _path: str, *, query: Mapping[str, str]) -> dict[str, Any]:
        self.asked[query["fieldSelector"].partition("=")[0]] += 1
        kind, _, value = query["fieldSelector"].partition("=")
        if kind == "status.phase":
            return {"items": [pod for pod in self.pods if pod["status"]["phase"] == value]}
        return {"items": [pod for pod in self.pods if pod["spec"].get("nodeName") == value]}

    def many(self, calls: Iterable[Callable[[], Any]], _workers: int) -> Sequence[Any]:
        return [call() for call in calls]

    def list(self, _version: str, kind: str, **_options: object) -> list[dict[str, Any]]:
        self.asked[kind] += 1
        return self.workloads if kind == "Workload" else self.pods


def told(pods: list[dict[str, Any]], workloads: list[dict[str, Any]], now: datetime = NOW) -> list[str]:
    return sorted(map(str, stale_placements(pods, workloads, now)))


def test_a_pod_that_stands_where_kueue_has_placed_it_no_longer_makes_room_for_the_one_that_waits():
    pods = [placed("pretrain", "m1"), waiting("sweep", "m1")]
    workloads = [admitted("pretrain", m2=1), admitted("sweep", m1=1)]
    (text,) = told(pods, workloads)
    assert text.startswith("research/pretrain-m1 holds m1, where Kueue has placed it no longer")
    assert text.endswith("research/sweep-m1-waits waits")


def test_a_pod_that_waits_where_kueue_has_placed_it_no_longer_is_made_anew():
    pods = [placed("pretrain", "m1"), waiting("sweep", "m1")]
    workloads = [admitted("pretrain", m1=1), admitted("sweep", m2=1)]
    assert told(pods, workloads) == [
        "research/sweep-m1-waits waits for m1, where Kueue has placed it no longer"
    ]


def test_nobody_moves_while_nobody_waits():
    assert told([placed("pretrain", "m1")], [admitted("pretrain", m2=1)]) == []


@pytest.mark.parametrize(
    "why",
    ["waits briefly", "admitted lately", "evicted", "not admitted", "a machine is replaced", "unknown work"],
)
def test_what_kueue_is_about_to_change_is_left_to_it(why: str):
    lately = (NOW - SETTLED + timedelta(seconds=1)).isoformat()
    pods = [
        placed("pretrain", "m1"),
        waiting("sweep", "m1", since=lately if why == "waits briefly" else LONG_AGO),
    ]
    workload = admitted("pretrain", since=lately if why == "admitted lately" else LONG_AGO, m2=1)
    conditions = workload["status"]["conditions"]
    if why == "evicted":
        conditions.append({"type": "Evicted", "status": "True", "lastTransitionTime": LONG_AGO})
    elif why == "not admitted":
        conditions[0]["status"] = "False"
    elif why == "a machine is replaced":
        workload["status"]["unhealthyNodes"] = [{"name": "m2"}]
    elif why == "unknown work":
        del pods[0]["metadata"]["annotations"]
    assert told(pods, [workload, admitted("sweep", m1=1)]) == []


def test_work_that_is_placed_by_larger_domains_than_machines_is_left_alone():
    workload = admitted("pretrain", m2=1)
    workload["status"]["admission"]["podSetAssignments"][0]["topologyAssignment"]["levels"] = ["rack"]
    assert told([placed("pretrain", "m1"), waiting("sweep", "m1")], [workload, admitted("sweep", m1=1)]) == []


def test_an_assignment_may_write_a_common_prefix_and_one_count_for_all():
    workload = admitted("sweep", **{"train-001": 1, "train-002": 1})
    (part,) = workload["status"]["admission"]["podSetAssignments"][0]["topologyAssignment"]["slices"]
    part["valuesPerLevel"] = [{"individual": {"prefix": "train-", "roots": ["001", "002"]}}]
    part["podCounts"] = {"universal": 1}
    pods = [placed("pretrain", "train-002"), waiting("sweep", "train-002")]
    (stale,) = stale_placements(pods, [workload, admitted("pretrain", m2=1)], NOW)
    assert stale.name == "research/pretrain-train-002"


def test_a_cluster_without_waiting_pods_is_asked_once():
    server = Server([placed("pretrain", "m1")], [admitted("pretrain", m2=1)])
    assert find_stale_placements(server, NOW) == ()  # type: ignore[arg-type] # as much as is asked
    assert server.asked == {"status.phase": 1}


@pytest.mark.parametrize(("machines", "lists"), [(3, {"spec.nodeName": 3}), (40, {"Pod": 1})])
def test_a_cluster_with_many_machines_that_are_waited_for_lists_its_pods_once(
    machines: int, lists: dict[str, int]
):
    names = [f"m{number}" for number in range(machines)]
    pods = [placed("pretrain", name) for name in names]
    pods += [waiting("sweep", name) for name in names]
    workloads = [admitted("pretrain", other=machines), admitted("sweep", **dict.fromkeys(names, 1))]
    server = Server(pods, workloads)
    found = find_stale_placements(server, NOW)  # type: ignore[arg-type] # as much as is asked
    assert sorted(each.machine for each in found) == sorted(names)
    assert server.asked == {"status.phase": 1, "Workload": 1, **lists}


MACHINES, WORK = ("m1", "m2", "m3"), ("a", "b")
assignments = st.fixed_dictionaries(
    {name: st.fixed_dictionaries({machine: st.integers(0, 2) for machine in MACHINES}) for name in WORK}
)


@given(
    assigned=assignments,
    stands=st.lists(st.tuples(st.sampled_from(WORK), st.sampled_from(MACHINES)), max_size=8),
    waits=st.lists(st.tuples(st.sampled_from(WORK), st.sampled_from(MACHINES)), max_size=4),
)
def test_on_a_machine_that_is_waited_for_each_work_keeps_what_it_is_assigned(
    assigned: dict[str, dict[str, int]], stands: list[tuple[str, str]], waits: list[tuple[str, str]]
):
    pods = [placed(work, machine, number) for number, (work, machine) in enumerate(stands)]
    pods += [waiting(work, machine, number=number) for number, (work, machine) in enumerate(waits)]
    workloads = []
    for name, counts in assigned.items():
        workloads.append(admitted(name, **{machine: count for machine, count in counts.items() if count}))
    evicted = Counter()
    for stale in stale_placements(pods, workloads, NOW):
        evicted[stale.pod["metadata"]["labels"]["work"], stale.machine] += 1
    for work in WORK:
        for machine in MACHINES:
            there = stands.count((work, machine)) + waits.count((work, machine))
            is_waited_for = any(place == machine for _, place in waits)
            expected = max(0, there - assigned[work][machine]) if is_waited_for else 0
            assert evicted[work, machine] == expected


def test_moments_that_are_none_move_nobody():
    pods = [placed("pretrain", "m1"), waiting("sweep", "m1", since="yesterday")]
    assert told(pods, [admitted("pretrain", m2=1), admitted("sweep", m1=1)]) == []
    assert told([pods[0], waiting("sweep", "m1")], [admitted("pretrain", since="", m2=1)]) == []

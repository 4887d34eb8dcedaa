"""The workloads that Kueue would make of work, and what a cluster says to it; `tests/queues` asks Kueue."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.errors import Problem
from sovereign_ai.verify.queue_submission import Piece, answer_to, is_held, pieces_of, tried_pieces

POD = {"containers": [{"name": "node", "resources": {"limits": {"example.com/gpu": "8"}}}]}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "a", "namespace": "research", "labels": {"kueue.x-k8s.io/queue-name": "train"}},
    "spec": {"template": {"spec": POD}, "suspend": True},
}
GROUP, SIZE = "kueue.x-k8s.io/pod-group-name", "kueue.x-k8s.io/pod-group-total-count"


class Cluster:
    """A cluster that answers a dry run with one status; 201 takes the work, with fields of its own."""

    def __init__(self, status: int, causes: tuple[str, ...] = (), **spec: Any) -> None:
        self.status, self.causes, self.spec, self.asked = status, causes, spec, dict[str, Any]()

    def create(self, obj: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        assert dry_run
        self.asked = obj
        if self.status == 201:
            return {**obj, "spec": {**obj["spec"], **self.spec}}
        problem = Problem("api-invalid", "admission webhook denied the request")
        raise ApiError(problem, status=self.status, causes=self.causes)


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ((), "admission webhook denied the request"),
        (("slice-size: greater than 2",), "slice-size: greater than 2"),
    ],
)
def test_a_refusal_is_told_in_the_clusters_own_words(causes: tuple[str, ...], said: str):
    (piece,) = tried_pieces(Cluster(422, causes), [JOB])  # type: ignore[arg-type]
    assert (piece.name, piece.code) == ("research/a", "refused")
    assert piece.problem == f"the cluster would not take it: {said}"


def test_work_is_tried_under_a_name_of_its_own_since_its_own_may_be_taken():
    cluster = Cluster(201)
    answer = answer_to(cluster, JOB)  # type: ignore[arg-type]
    assert cluster.asked["metadata"].keys() == {"namespace", "labels", "generateName"}
    assert answer.work["metadata"]["name"] == "a"


def test_work_is_held_where_kueue_suspends_it_and_not_where_its_author_does():
    assert is_held(answer_to(Cluster(201, suspend=True), JOB).work)  # type: ignore[arg-type]
    assert not is_held(answer_to(Cluster(201), JOB).work)  # type: ignore[arg-type]


def test_work_with_a_queue_that_nothing_holds_back_would_start_without_it():
    (piece,) = tried_pieces(Cluster(201), [JOB])  # type: ignore[arg-type]
    assert piece.code == "not-queued"
    (piece,) = tried_pieces(Cluster(201), [JOB], is_attended=False)  # type: ignore[arg-type]
    assert len(piece.workloads) == 1


def test_a_kind_without_a_controller_has_no_pods():
    (piece,) = tried_pieces(Cluster(201, suspend=True), [JOB], {"Job"})  # type: ignore[arg-type]
    assert piece.code == "no-controller"


def made(kind: str, spec: dict[str, Any], name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "research", **metadata}, "spec": spec}


def counts(piece: Piece) -> list[list[int]]:
    """Return the pods of each pod set of each workload."""
    found = []
    for workload in piece.workloads:
        found.append([pod_set["count"] for pod_set in workload["spec"]["podSets"]])
    return found


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Deployment", {"replicas": 3, "template": {"spec": POD}}, [[1], [1], [1]]),
        ("Deployment", {"replicas": 0, "template": {"spec": POD}}, []),
        ("StatefulSet", {"replicas": 3, "template": {"spec": POD}}, [[3]]),
        ("StatefulSet", {"replicas": 0, "template": {"spec": POD}}, []),
        ("Pod", POD, [[1]]),
        (
            "LeaderWorkerSet",
            {"replicas": 2, "leaderWorkerTemplate": {"size": 4, "workerTemplate": {"spec": POD}}},
            [[4], [4]],
        ),
    ],
)
def test_each_kind_has_the_workloads_that_kueue_makes_of_it(
    kind: str, spec: dict[str, Any], expected: list[list[int]]
):
    (piece,) = pieces_of([made(kind, spec)])
    assert counts(piece) == expected
    names = [workload["metadata"]["name"] for workload in piece.workloads]
    assert len(set(names)) == len(names)


def grouped(name: str, size: str, pod: dict[str, Any] = POD, **annotations: str) -> dict[str, Any]:
    return made("Pod", pod, name, labels={GROUP: "gang"}, annotations={SIZE: size, **annotations})


def test_the_pods_of_a_group_are_one_workload_with_a_pod_set_for_each_role():
    driver = {"containers": [{"name": "driver", "resources": {"limits": {"cpu": "1"}}}]}
    pods = [grouped("a", "3"), grouped("b", "3", driver), grouped("c", "3")]
    first, group = pieces_of([JOB, *pods])
    assert first.name == "research/a"
    assert group.name == "research/gang"
    assert counts(group) == [[2, 1]]


def test_a_group_that_lacks_pods_is_not_looked_at_unless_it_asks_to_be():
    (piece,) = pieces_of([grouped("a", "3")])
    assert piece.code == "incomplete-group"
    assert "1 of its 3 pods" in piece.problem
    at_once = {"kueue.x-k8s.io/pod-group-fast-admission": "true"}
    (piece,) = pieces_of([grouped("a", "3", **at_once)])
    assert counts(piece) == [[3]]

"""What a cluster says of work that was not submitted; `tests/queues` asks Kueue itself."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.errors import Problem
from sovereign_ai.verify.queue_submission import refusal_of

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "a", "namespace": "research"},
    "spec": {},
}


class Cluster:
    """A cluster that answers a dry run with one status; 201 takes the work."""

    def __init__(self, status: int, causes: tuple[str, ...] = ()) -> None:
        self.status, self.causes, self.asked = status, causes, dict[str, Any]()

    def create(self, obj: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        assert dry_run
        self.asked = obj
        if self.status == 201:
            return obj
        problem = Problem("api-invalid", "admission webhook denied the request")
        raise ApiError(problem, status=self.status, causes=self.causes)


def test_work_that_the_cluster_takes_and_kinds_that_it_lacks_are_refused_by_nothing():
    assert refusal_of(Cluster(201), JOB) is None  # type: ignore[arg-type]
    assert refusal_of(Cluster(404), JOB) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ((), "admission webhook denied the request"),
        (("slice-size: greater than 2",), "slice-size: greater than 2"),
    ],
)
def test_a_refusal_is_told_in_the_clusters_own_words(causes: tuple[str, ...], said: str):
    reason = refusal_of(Cluster(422, causes), JOB)  # type: ignore[arg-type]
    assert reason is not None
    assert (reason.workload, reason.code) == ("research/a", "refused")
    assert reason.message == f"the cluster would not take it: {said}"


def test_work_is_tried_under_a_name_of_its_own_since_its_own_may_be_taken():
    cluster = Cluster(201)
    refusal_of(cluster, JOB)  # type: ignore[arg-type]
    assert cluster.asked["metadata"] == {"namespace": "research", "generateName": "why-"}

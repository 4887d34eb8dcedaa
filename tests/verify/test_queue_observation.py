from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.verify.fair_share import STRATEGIES
from sovereign_ai.verify.queue_observation import find_workload, observe_queues
from sovereign_ai.verify.queue_state import QueueState


def workload(name: str, job: str, created: str) -> dict[str, Any]:
    owner = {"kind": "Job", "name": job}
    metadata = {"name": name, "namespace": "research", "creationTimestamp": created}
    return {"metadata": metadata | {"ownerReferences": [owner]}}


STATE = QueueState(
    workloads=(
        workload("job-train-2", "train", "2026-11-27T02:00:00Z"),
        workload("job-train-1", "train", "2026-11-27T01:00:00Z"),
    )
)


@pytest.mark.parametrize("name", ["research/train", "research/job-train-2", "train", "job-train-2"])
def test_a_workload_is_named_by_itself_or_by_its_job_of_which_the_newest_counts(name: str):
    assert find_workload(STATE, name)["metadata"]["name"] == "job-train-2"


@pytest.mark.parametrize("name", ["research/trian", "startups/train", "trian"])
def test_an_unknown_workload_is_answered_by_the_nearest_name(name: str):
    with pytest.raises(UsageError) as caught:
        find_workload(STATE, name)
    assert "research/train" in caught.value.problems[0].hint


def test_a_name_without_its_namespace_that_two_have_is_refused_with_both() -> None:
    other = workload("job-train-3", "train", "2026-11-27T03:00:00Z")
    other["metadata"]["namespace"] = "startups"
    with pytest.raises(UsageError) as caught:
        find_workload(QueueState(workloads=(*STATE.workloads, other)), "train")
    (problem,) = caught.value.problems
    assert problem.code == "ambiguous-workload"
    assert "research, startups" in problem.message


class Kinds:
    """A cluster with some queues, and nothing else of any kind."""

    def __init__(self, *queues: dict[str, Any]) -> None:
        self.queues = queues

    def list(self, _version: str, kind: str, **_options: object) -> list[dict[str, Any]]:
        return list(self.queues) if kind == "ClusterQueue" else []


@pytest.mark.parametrize(
    ("status", "described", "expected"),
    [
        ({}, (), ()),
        ({}, ("LessThanInitialShare",), ()),
        ({"fairSharing": {"weightedShare": 0}}, (), STRATEGIES),
        ({"fairSharing": {"weightedShare": 7}}, ("LessThanInitialShare",), ("LessThanInitialShare",)),
    ],
)
def test_whether_kueue_shares_is_seen_in_its_queues_and_by_what_in_the_description(
    status: dict[str, Any], described: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    cluster: Any = Kinds({"metadata": {"name": "new"}}, {"metadata": {"name": "old"}, "status": status})
    assert observe_queues(cluster, described).fair_sharing == expected

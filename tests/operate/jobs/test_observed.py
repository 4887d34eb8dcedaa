"""Where work stands, as its own conditions and pods say."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate.jobs.kinds import served_work
from sovereign_ai.operate.jobs.observed import Work, WorkState, find_work, list_work, read_log
from tests.operate.jobs.given import WorkApi, job, pod


def listed(*objects: Any) -> list[Work]:
    api: Any = WorkApi(*objects)
    return list_work(api, served_work(api), {"research"})


def condition(kind: str, status: str = "True", **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


def gated(pod: dict[str, Any], gate: str) -> dict[str, Any]:
    pod["spec"]["schedulingGates"] = [{"name": gate}]
    return pod


@pytest.mark.parametrize(
    ("obj", "pods", "state"),
    [
        (job("a", suspend=True), [], WorkState.QUEUED),
        (job("a"), [], WorkState.STARTING),
        (job("a"), [pod("a", "p", "Pending")], WorkState.STARTING),
        (job("a"), [gated(pod("a", "p", "Pending"), "kueue.x-k8s.io/admission")], WorkState.QUEUED),
        (job("a"), [gated(pod("a", "p", "Pending"), "kueue.x-k8s.io/topology")], WorkState.STARTING),
        (job("a"), [pod("a", "p", "Pending"), pod("a", "q")], WorkState.RUNNING),
        (job("a") | {"status": condition("Complete")}, [], WorkState.SUCCEEDED),
        (job("a") | {"status": condition("Completed")}, [], WorkState.SUCCEEDED),
        (job("a") | {"status": condition("Complete", "False")}, [pod("a", "q")], WorkState.RUNNING),
        (job("a") | {"status": condition("Failed", message="too often")}, [], WorkState.FAILED),
        (job("a", deletionTimestamp="2026-11-27T12:00:00Z"), [pod("a", "q")], WorkState.ENDING),
    ],
)
def test_the_state_of_work_follows_from_its_conditions_and_pods(
    obj: Any, pods: list[Any], state: WorkState
) -> None:
    (work,) = listed(obj, *pods)
    assert work.state is state
    assert work.message == ("too often" if state is WorkState.FAILED else "")
    assert sum(work.phases.values()) == len(pods)


def test_what_other_work_owns_and_other_namespaces_are_not_listed() -> None:
    owned = job("b", ownerReferences=[{"kind": "JobSet", "controller": True}])
    assert [work.name for work in listed(job("a"), owned, job("c", "kube-system"))] == ["a"]


def test_a_pod_says_why_it_is_not_placed_or_does_not_start() -> None:
    unplaced = condition("PodScheduled", "False", message="0/16 nodes are available")
    waiting = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}
    (work,) = listed(job("a"), pod("a", "p", "Pending", **unplaced), pod("a", "q", "Pending", **waiting))
    assert [each.reason for each in work.pods] == ["0/16 nodes are available", "ErrImagePull"]


def test_work_is_found_by_its_name_or_with_its_namespace() -> None:
    work = listed(job("a"), job("ab"))
    assert find_work(work, "a") is find_work(work, "research/a")
    with pytest.raises(UsageError, match="no job or service") as caught:
        find_work(work, "abc")
    assert "did you mean 'ab'?" in caught.value.problems[0].hint
    with pytest.raises(UsageError) as caught:
        find_work([], "a")
    assert caught.value.problems[0].hint == "there is none in the queues"


def test_a_name_that_two_tenants_use_needs_its_namespace() -> None:
    api: Any = WorkApi(job("a"), job("a", "startups"))
    work = list_work(api, served_work(api), {"research", "startups"})
    with pytest.raises(UsageError) as caught:
        find_work(work, "a")
    assert caught.value.problems[0].hint == "write one of research/a, startups/a"
    assert find_work(work, "startups/a").namespace == "startups"


@pytest.mark.parametrize(
    ("answer", "text"), [({"text": "one\ntwo\n"}, "one\ntwo\n"), ({}, ""), ({"step": 7}, '{"step":7}')]
)
def test_a_log_is_text_whatever_its_only_line_looks_like(answer: Any, text: str) -> None:
    class Logs:
        def request(self, _method: str, path: str, *, query: dict[str, str]) -> Any:
            assert (path, query) == ("/api/v1/namespaces/research/pods/p/log", {"tailLines": "9"})
            return answer

    assert read_log(Logs(), "research", "p", 9) == text  # type: ignore[arg-type]

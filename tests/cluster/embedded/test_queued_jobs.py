"""Jobs in queues: which wait for Kueue, which start without it, and which are suspended on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.cluster.embedded.queued_jobs import (
    QueuedJobs,
    listed,
    open_gates,
    read_queued_jobs,
    start_waiting,
)
from tests.support.memory_cluster import MemoryCluster, obj, refusal

VERSION = "kueue.x-k8s.io/v1beta2"
QUEUE = {"kueue.x-k8s.io/queue-name": "train"}


class Jobs(MemoryCluster):
    """A cluster in memory that changes the specs of jobs and pods."""

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        self._ask(f"PATCH {kind}/{name}")
        if name == "forbidden":
            raise refusal(403, "Forbidden")
        stored = self.objects.get((api_version, kind, namespace or "", name))
        if stored is None:
            raise refusal(404, "NotFound")
        stored["spec"] |= change["spec"]
        return stored


def job(name: str, *, suspended: bool, status: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    made = obj("Job", name, "research", version="batch/v1", uid=f"uid-of-{name}", labels=QUEUE, **meta)
    return made | {"spec": {"suspend": suspended}, "status": status or {}}


def workload(of: str, **spec: Any) -> dict[str, Any]:
    owners = [{"kind": "Job", "name": of, "uid": f"uid-of-{of}"}]
    return obj("Workload", f"job-{of}", "research", version=VERSION, ownerReferences=owners) | {"spec": spec}


def pod(name: str, *gates: str) -> dict[str, Any]:
    made = obj("Pod", name, "research", labels=QUEUE, resourceVersion="7")
    return made | {"spec": {"schedulingGates": [{"name": gate} for gate in gates]}}


def cluster() -> Jobs:
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    return Jobs(
        job("waits", suspended=True),
        workload("waits"),
        job("paused", suspended=True),
        workload("paused", active=False),
        job("stranger", suspended=True),
        job("runs", suspended=False),
        workload("runs", active=True),
        job("done", suspended=True, status=complete),
        workload("done"),
        obj("Job", "plain", "research", version="batch/v1") | {"spec": {"suspend": True}},
    )


def test_a_job_waits_for_kueue_where_its_workload_is_active() -> None:
    assert read_queued_jobs(cluster()) == QueuedJobs(
        waiting=("research/waits",),
        held=("research/paused", "research/stranger"),
        running=("research/runs",),
    )


def test_job_sets_and_train_jobs_wait_as_jobs_do_and_what_they_make_is_not_counted_beside_them() -> None:
    owner = {"kind": "TrainJob", "name": "tune", "uid": "uid-of-tune", "controller": True}
    sets = [
        obj(
            "JobSet", "rows", "research", version="jobset.x-k8s.io/v1alpha2", uid="uid-of-rows", labels=QUEUE
        ),
        obj("JobSet", "tune", "research", version="jobset.x-k8s.io/v1alpha2", uid="u", labels=QUEUE),
        obj("TrainJob", "tune", "research", version="trainer.kubeflow.org/v1alpha1", uid="t", labels=QUEUE),
    ]
    sets[1]["metadata"]["ownerReferences"] = [owner]
    api = Jobs(*(each | {"spec": {"suspend": True}} for each in sets), workload("rows"))
    jobs = read_queued_jobs(api)
    assert jobs == QueuedJobs(waiting=("JobSet research/rows",), held=("TrainJob research/tune",))
    assert start_waiting(api, jobs) == {}
    assert not api.objects[("jobset.x-k8s.io/v1alpha2", "JobSet", "research", "rows")]["spec"]["suspend"]


def test_without_kueues_kinds_no_job_waits_for_it() -> None:
    api = cluster()
    api.unserved = {"Workload"}
    jobs = read_queued_jobs(api)
    assert (jobs.waiting, len(jobs.held)) == ((), 3)


def test_only_jobs_that_wait_start_and_a_refused_one_is_named_with_its_reason() -> None:
    api = cluster()
    api.put(job("forbidden", suspended=True), workload("forbidden"))
    jobs = read_queued_jobs(api)
    assert start_waiting(api, jobs) == {"research/forbidden": "refused with 403 Forbidden"}
    suspended = {key[3]: stored["spec"]["suspend"] for key, stored in api.objects.items() if key[1] == "Job"}
    assert [name for name, is_suspended in suspended.items() if not is_suspended] == ["waits", "runs"]


def test_a_job_that_goes_in_the_meantime_is_no_failure() -> None:
    assert start_waiting(Jobs(), QueuedJobs(waiting=("research/gone",))) == {}


def test_only_kueues_gates_are_taken_off_pods() -> None:
    api = Jobs(pod("a", "kueue.x-k8s.io/topology", "example.com/theirs"), pod("b", "kueue.x-k8s.io/topology"))
    api.put(pod("c", "example.com/theirs"))
    assert open_gates(api) == 2
    gates = {
        key[3]: stored["spec"]["schedulingGates"] for key, stored in api.objects.items() if key[1] == "Pod"
    }
    theirs = [{"name": "example.com/theirs"}]
    assert gates == {"a": theirs, "b": None, "c": theirs}


@pytest.mark.parametrize(
    ("count", "text"), [(2, "j0, j1"), (7, "j0, j1, j2, j3, j4 and 2 more")], ids=["few", "many"]
)
def test_a_list_for_a_person_is_short(count: int, text: str) -> None:
    assert listed(f"j{number}" for number in range(count)) == text

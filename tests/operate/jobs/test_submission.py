"""Work as a cluster can run it, and submitted as a whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.operate.jobs.kinds import served_work
from sovereign_ai.operate.jobs.submission import (
    SERVICE,
    for_cluster,
    require_admission,
    scale,
    submit,
    with_command,
    with_simulated_duration,
)
from tests.operate.jobs.given import JOB, JOB_SET, KUEUE, QUEUE, WorkApi, job

POD: Any = {"spec": {"containers": [{"name": "main", "image": "i"}]}}
INDEXED: Any = {"completionMode": "Indexed", "parallelism": 2, "template": POD}
SET: Any = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": "a", "namespace": "research", "labels": {QUEUE: "train"}},
    "spec": {
        "suspend": True,
        "replicatedJobs": [{"name": "node", "replicas": 1, "template": {"spec": INDEXED}}],
    },
}


def served(*resources: Any) -> Any:
    return served_work(WorkApi(served=resources))  # type: ignore[arg-type]


def test_what_a_cluster_serves_is_submitted_as_it_is() -> None:
    assert for_cluster([SET], served(JOB, JOB_SET, KUEUE), is_queued=True) == [SET]


def test_without_job_sets_a_job_has_the_same_pods_and_the_same_queue() -> None:
    (obj,) = for_cluster([SET], served(JOB, KUEUE), is_queued=True)
    assert (obj["apiVersion"], obj["kind"], obj["metadata"]) == ("batch/v1", "Job", SET["metadata"])
    policy = obj["spec"].pop("podFailurePolicy")
    assert obj["spec"] == {**INDEXED, "suspend": True}
    # An evicted pod has this condition, and no backoff limit is left that it could count against.
    (rule,) = policy["rules"]
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_where_nothing_admits_work_nothing_starts_suspended() -> None:
    (obj,) = for_cluster([SET], served(JOB), is_queued=False)
    assert "suspend" not in obj["spec"]
    assert SET["spec"]["suspend"]


def test_work_that_nobody_would_start_is_refused_before_it_is_submitted() -> None:
    """Kueue's definitions stand on many clusters without Kueue; a queue that it looked at has a condition."""
    looked_at = {"kind": "LocalQueue", "metadata": {}, "status": {"conditions": [{"type": "Active"}]}}
    alone, without = served(JOB, KUEUE), served(JOB)
    attended = served_work(WorkApi(looked_at, served=(JOB, KUEUE)))  # type: ignore[arg-type]
    waiting = for_cluster([SET], alone, is_queued=True)
    with pytest.raises(EnvironmentLacksError) as caught:
        require_admission(waiting, alone)
    (problem,) = caught.value.problems
    assert problem.code == "no-queue-controller"
    assert "--no-queue" in problem.hint
    require_admission(waiting, attended)
    require_admission(for_cluster([SET], alone, is_queued=False), alone)
    require_admission(for_cluster([SET], without, is_queued=False), without)


def test_a_kind_that_is_served_neither_way_is_refused_with_what_runs_it() -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        for_cluster([{**SET, "kind": "TrainJob"}], served(JOB, KUEUE), is_queued=True)
    assert caught.value.problems[0].hint.startswith("install Kubeflow Trainer")


@pytest.mark.parametrize(
    "obj",
    [
        SET,
        {"kind": "Job", "spec": {"template": POD}},
        {"kind": "LeaderWorkerSet", "spec": {"leaderWorkerTemplate": {"workerTemplate": POD}}},
        {"kind": "TrainJob", "spec": {"trainer": {"image": "i"}}},
    ],
)
def test_every_kind_has_a_place_for_its_command(obj: Any) -> None:
    (copied,) = for_cluster([obj], served(JOB, JOB_SET), is_queued=True) if obj is SET else (obj,)
    with_command([copied], ["python", "train.py"])
    assert "'command': ['python', 'train.py']" in str(copied)


class Creating:
    """Creates what it is given; refuses a name, in earnest or already in the dry run."""

    def __init__(self, refused: str = "", status: int = 403, *, in_dry_run: bool = False) -> None:
        self.refused, self.status, self.in_dry_run = refused, status, in_dry_run
        self.done: list[str] = []

    def create(self, obj: Any, dry_run: bool) -> Any:
        name = obj["metadata"]["name"]
        if name == self.refused and dry_run == self.in_dry_run:
            raise ApiError(Problem("refused", "refused"), status=self.status)
        self.done.append(f"{'judge' if dry_run else 'create'} {name}")
        return {**obj, "metadata": {**obj["metadata"], "uid": f"uid of {name}"}}

    def delete(self, _version: str, kind: str, name: str, namespace: str, **_: Any) -> bool:
        self.done.append(f"delete {kind} {namespace}/{name}")
        return True


def submitted(api: Creating, *, dry_run: bool = False) -> list[str]:
    submit(api, [job("a"), job("b")], dry_run=dry_run)  # type: ignore[arg-type]
    return api.done


def test_everything_is_judged_before_anything_is_created() -> None:
    assert submitted(Creating()) == ["judge a", "judge b", "create a", "create b"]
    assert submitted(Creating(), dry_run=True) == ["judge a", "judge b"]
    api = Creating("b", in_dry_run=True)
    with pytest.raises(ApiError):
        submitted(api)
    assert api.done == ["judge a"]


def test_what_was_created_is_deleted_where_the_rest_is_refused() -> None:
    api = Creating("b")
    with pytest.raises(ApiError):
        submitted(api)
    assert api.done == ["judge a", "judge b", "create a", "delete Job research/a"]


def test_work_that_exists_is_refused_with_how_to_cancel_it() -> None:
    with pytest.raises(UsageError) as caught:
        submitted(Creating("a", 409, in_dry_run=True))
    assert "jobs cancel STACK research/a" in caught.value.problems[0].hint


CLAIMS: Any = {"kind": "ResourceClaimTemplate", "metadata": {"name": "a-gpus", "namespace": "research"}}
CLAIMING: Any = {"resourceClaims": [{"name": "gpus", "resourceClaimTemplateName": "a-gpus"}]}


class Claiming(Creating):
    """Has a template of claims, which other work owns already."""

    def __init__(self) -> None:
        super().__init__()
        self.owners: list[Any] = [{"name": "earlier"}]

    def get(self, _version: str, kind: str, name: str, namespace: str) -> Any:
        assert (kind, name, namespace) == ("ResourceClaimTemplate", "a-gpus", "research")
        return {"metadata": {"ownerReferences": self.owners}}

    def patch(self, _version: str, _kind: str, _name: str, change: Any, _namespace: str) -> None:
        self.owners = change["metadata"]["ownerReferences"]


def test_a_template_of_claims_goes_with_the_last_work_that_needs_it() -> None:
    work = job("a")
    work["apiVersion"], work["kind"] = "batch/v1", "Job"
    work["spec"] = {"template": {"spec": CLAIMING}}
    api = Claiming()
    submit(api, [CLAIMS, work], dry_run=False)  # type: ignore[arg-type]
    assert api.done[-2:] == ["create a-gpus", "create a"]
    own = {"apiVersion": "batch/v1", "kind": "Job", "name": "a", "uid": "uid of a"}
    assert api.owners == [{"name": "earlier"}, own]


def test_a_template_of_claims_is_left_as_it_is_on_every_cluster() -> None:
    assert for_cluster([CLAIMS], served(JOB), is_queued=True) == [CLAIMS]
    with_command([CLAIMS], ["train"])
    with_simulated_duration([CLAIMS], "5m")
    assert set(CLAIMS) == {"kind", "metadata"}


SERVED = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "chat", "namespace": "startups", "labels": {"kueue.x-k8s.io/queue-name": "serve"}},
    "spec": {"replicas": 3, "leaderWorkerTemplate": {"size": 4, "workerTemplate": POD}},
}


def test_without_its_controller_each_replica_of_a_service_is_a_job_of_its_servers() -> None:
    jobs = for_cluster([SERVED], served(JOB, KUEUE), is_queued=True)
    assert [job["metadata"]["name"] for job in jobs] == ["chat-0", "chat-1", "chat-2"]
    for each in jobs:
        assert (each["kind"], each["spec"]["parallelism"], each["spec"]["suspend"]) == ("Job", 4, True)
        assert each["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "serve", SERVICE: "chat"}
        assert each["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"


class Scaling(Creating):
    """Has jobs of a service already."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def list(self, _version: str, _kind: str, _namespace: str, *, label_selector: str) -> list[Any]:
        assert label_selector == f"{SERVICE} in (chat)"
        return [{"metadata": {"name": name}} for name in self.names]


def test_a_service_gets_the_replicas_that_it_lacks_and_loses_those_beyond() -> None:
    objects = for_cluster([SERVED], served(JOB, KUEUE), is_queued=True)
    api = Scaling("chat-0", "chat-3")
    assert scale(api, objects) == (["chat-1", "chat-2"], ["chat-3"])  # type: ignore[arg-type]
    assert api.done[-3:] == ["create chat-1", "create chat-2", "delete Job startups/chat-3"]


def test_a_dry_run_of_another_scale_says_the_same_and_deletes_nothing() -> None:
    objects = for_cluster([SERVED], served(JOB, KUEUE), is_queued=True)
    api = Scaling("chat-0", "chat-3")
    would = scale(api, objects, dry_run=True)  # type: ignore[arg-type]
    assert would == (["chat-1", "chat-2"], ["chat-3"])
    assert api.done == ["judge chat-1", "judge chat-2"]


def test_a_service_that_does_not_run_is_not_scaled() -> None:
    objects = for_cluster([SERVED], served(JOB, KUEUE), is_queued=True)
    with pytest.raises(UsageError):
        scale(Scaling(), objects)  # type: ignore[arg-type]


def test_a_train_job_says_by_a_patch_of_its_runtime_how_long_its_pods_run_on_simulated_machines() -> None:
    obj: dict[str, Any] = {"kind": "TrainJob", "metadata": {"name": "tune"}, "spec": {"trainer": {}}}
    with_simulated_duration([obj], "2h")
    (patch,) = obj["spec"]["runtimePatches"]
    (job,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    assert job["name"] == "node"
    annotations = job["template"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"sovereign-ai.internal/simulated-duration": "2h"}


def test_pods_of_a_job_say_how_long_they_run_on_simulated_machines() -> None:
    (obj,) = for_cluster([SET], served(JOB, KUEUE), is_queued=True)
    with_simulated_duration([obj], "")
    assert "simulated-duration" not in str(obj)
    with_simulated_duration([obj], "2h")
    assert (
        obj["spec"]["template"]["metadata"]["annotations"]["sovereign-ai.internal/simulated-duration"] == "2h"
    )

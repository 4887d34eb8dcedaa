"""The pods of a TrainJob, by its runtime; `tests/queues/test_workload_controllers.py` asks Kueue too."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.embedded.training_runtime import training_runtime
from sovereign_ai.verify.queue_submission import pieces_of
from sovereign_ai.verify.train_job import replicated_jobs, runtime_of

STEP = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}


def train_job(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "tune", "namespace": "research"}
    return {
        "kind": "TrainJob",
        "metadata": metadata,
        "spec": {"runtimeRef": {"name": "torch-distributed"}, **spec},
    }


def runtime(policy: dict[str, Any], *jobs: dict[str, Any]) -> dict[str, Any]:
    spec = {"mlPolicy": policy, "template": {"spec": {"replicatedJobs": list(jobs)}}}
    return {"kind": "ClusterTrainingRuntime", "metadata": {"name": "torch-distributed"}, "spec": spec}


def job(name: str, container: str = "node", labels: dict[str, str] | None = None) -> dict[str, Any]:
    pod = {"containers": [{"name": container, "resources": {"limits": {"cpu": "1"}}}]}
    spec = {"parallelism": 1, "template": {"spec": pod}}
    return {"name": name, "template": {"metadata": {"labels": labels or {}}, "spec": spec}}


def test_the_job_that_trains_has_a_pod_for_each_node_with_the_resources_of_a_node() -> None:
    gpus = {"limits": {"example.com/gpu": 8}}
    work = train_job(trainer={"numNodes": 3, "resourcesPerNode": gpus})
    (made,) = replicated_jobs(work, training_runtime())
    assert made["template"]["spec"]["parallelism"] == 3
    (container,) = made["template"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == gpus
    # What the runtime says of the topology is kept.
    assert made["template"]["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("policy", "nodes", "expected"),
    [
        ({"numNodes": 4, "torch": {}}, None, {"launcher": 1, "node": 4}),
        ({"torch": {}}, None, {"launcher": 1, "node": 1}),
        ({}, 2, {"launcher": 1, "node": 2}),
        ({}, None, {"launcher": 1, "node": 1}),
    ],
)
def test_nodes_are_those_of_the_job_else_those_of_the_policy(
    policy: dict[str, Any], nodes: int | None, expected: dict[str, int]
) -> None:
    chosen = runtime(policy, job("launcher"), job("node", labels=STEP))
    made = replicated_jobs(train_job(trainer={} if nodes is None else {"numNodes": nodes}), chosen)
    assert {each["name"]: each["template"]["spec"]["parallelism"] for each in made} == expected


@pytest.mark.parametrize(("launches", "expected"), [(False, 4), (True, 3)])
def test_under_mpi_the_nodes_are_beside_the_launcher_or_with_it(launches: bool, expected: int) -> None:
    policy = {"mpi": {"runLauncherAsNode": launches}}
    chosen = runtime(policy, job("launcher", labels=STEP), job("node"))
    made = {each["name"]: each for each in replicated_jobs(train_job(trainer={"numNodes": 4}), chosen)}
    assert made["node"]["template"]["spec"]["parallelism"] == expected
    assert made["launcher"]["template"]["spec"]["parallelism"] == 1


def test_a_patch_of_the_runtime_changes_containers_by_their_names_and_replaces_other_lists() -> None:
    container = {"name": "node", "resources": {"limits": {"example.com/gpu": 4}}}
    pod = {"containers": [container], "nodeSelector": {"a": "b"}, "tolerations": [{"key": "x"}]}
    patched = {"name": "node", "template": {"spec": {"template": {"spec": pod}}}}
    patch = {"trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [patched]}}}}
    (made,) = replicated_jobs(train_job(runtimePatches=[patch]), training_runtime())
    spec = made["template"]["spec"]["template"]["spec"]
    assert spec["tolerations"] == [{"key": "x"}]
    assert spec["nodeSelector"] == {"a": "b"}
    assert spec["containers"][0]["resources"] == {"limits": {"example.com/gpu": 4}}
    assert spec["containers"][0]["securityContext"]


def test_a_runtime_that_is_not_there_is_named_with_those_that_are() -> None:
    work = train_job()
    assert runtime_of(work, [training_runtime()]) is not None
    work["spec"]["runtimeRef"]["name"] = "tourch"
    assert runtime_of(work, [training_runtime()]) is None
    (piece,) = pieces_of([work], [training_runtime()])
    assert piece.code == "no-runtime"
    assert "there is torch-distributed" in piece.problem


def test_a_runtime_of_another_namespace_is_not_meant() -> None:
    other = {**training_runtime(), "kind": "TrainingRuntime"}
    other["metadata"] = {"name": "torch-distributed", "namespace": "startups"}
    reference = {"kind": "TrainingRuntime", "name": "torch-distributed"}
    assert runtime_of(train_job(runtimeRef=reference), [other]) is None

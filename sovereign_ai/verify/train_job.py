"""The pods of a TrainJob: those of its runtime, with what the job changes of them.

A TrainJob has no pods of its own. Kueue asks Kubeflow Trainer's code for the JobSet that Trainer would make,
and takes its replicated jobs for pod sets: the job that trains has as many pods as the job has nodes, with
the resources of a node, and patches of the runtime change the pods of each. Source: Kubeflow Trainer 2.2,
pkg/runtime/core/trainingruntime.go and pkg/runtime/framework/plugins; Kueue 0.17,
pkg/controller/jobs/trainjob/trainjob_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from sovereign_ai.verify.pod_requests import Object, field_of

CLUSTER_RUNTIME, RUNTIME = "ClusterTrainingRuntime", "TrainingRuntime"
_STEP = "trainer.kubeflow.org/trainjob-ancestor-step"
"""The label of a replicated job that says what it is there for."""
_TRAINER, _NODE = "trainer", "node"
"""The step that trains; the name of its container, and under MPI of the job beside the launcher."""
_BY_NAME = {"containers", "initContainers", "ephemeralContainers", "env", "volumes", "resourceClaims"}
"""Lists of a pod whose entries a patch finds by their names; others are replaced (core/v1, patchMergeKey)."""


def runtime_of(train_job: Object, runtimes: Iterable[Object]) -> Object | None:
    """Return the runtime that a TrainJob names; None where it is not there.

    Args:
        train_job: the TrainJob.
        runtimes: ClusterTrainingRuntimes, and TrainingRuntimes of its namespace.
    """
    reference = train_job["spec"]["runtimeRef"]
    wanted = (reference.get("kind") or CLUSTER_RUNTIME, reference["name"])
    namespace = train_job["metadata"].get("namespace", "default")
    for runtime in runtimes:
        metadata = runtime["metadata"]
        is_here = metadata.get("namespace") in {None, "", namespace}
        if is_here and (runtime["kind"], metadata["name"]) == wanted:
            return runtime
    return None


def replicated_jobs(train_job: Object, runtime: Object) -> Iterator[dict[str, Any]]:
    """Yield the replicated jobs of the JobSet that Trainer would make of a TrainJob.

    Args:
        train_job: the TrainJob.
        runtime: the runtime that it names.
    """
    policy = field_of(runtime, "spec", "mlPolicy") or {}
    trainer = train_job["spec"].get("trainer") or {}
    for listed in field_of(runtime, "spec", "template", "spec", "replicatedJobs") or ():
        job = deepcopy(dict(listed))
        for patch in _patches(train_job, str(job["name"])):
            job["template"] = _merged(job.get("template") or {}, patch)
        is_trainer = _step_of(job) == _TRAINER
        count = _count(job, policy, trainer, is_trainer=is_trainer)
        job["template"]["spec"] |= {"parallelism": count, "completions": count}
        if _step_of(job):
            job["replicas"] = 1
        launches = (policy.get("mpi") or {}).get("runLauncherAsNode")
        if is_trainer or (launches and job["name"] == _NODE):
            _give_resources(job, trainer.get("resourcesPerNode") or {})
        yield job


def _patches(train_job: Object, name: str) -> Iterator[Object]:
    """Yield the patches of a replicated job's template, in their order."""
    for patch in train_job["spec"].get("runtimePatches") or ():
        jobs = field_of(patch, "trainingRuntimeSpec", "template", "spec", "replicatedJobs") or ()
        for job in jobs:
            if job["name"] == name and job.get("template"):
                yield job["template"]


def _step_of(job: Object) -> str:
    return str((field_of(job, "template", "metadata", "labels") or {}).get(_STEP, ""))


def _count(job: Object, policy: Object, trainer: Object, *, is_trainer: bool) -> int:
    """Return the pods of a replicated job."""
    nodes = trainer.get("numNodes")
    mpi = policy.get("mpi")
    if mpi is not None:
        if job["name"] == _NODE and nodes is not None:
            return max(int(nodes) - 1, 1) if mpi.get("runLauncherAsNode") else int(nodes)
    elif is_trainer and nodes is not None:
        return int(nodes)
    if is_trainer and policy:
        return int(policy.get("numNodes") or 1)
    return int(field_of(job, "template", "spec", "parallelism") or 1)


def _give_resources(job: Mapping[str, Any], resources: Object) -> None:
    """Give the container that trains the resources that a TrainJob asks of a node, in place."""
    wanted = {name: resources[name] for name in ("limits", "requests") if resources.get(name)}
    for container in job["template"]["spec"]["template"]["spec"]["containers"]:
        if container["name"] == _NODE and wanted:
            container["resources"] = wanted


def _merged(base: Object, patch: Object) -> dict[str, Any]:
    """Return a template with a strategic merge patch applied."""
    merged = dict(base)
    for key, value in patch.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = _merged(old, value)
        elif isinstance(value, list) and isinstance(old, list) and key in _BY_NAME:
            merged[key] = _merged_by_name(old, value)
        else:
            merged[key] = value
    return merged


def _merged_by_name(old: list[Any], new: list[Any]) -> list[Any]:
    """Return a list with the entries of another merged into those of their names, or added."""
    by_name: dict[str, Any] = {}
    for entry in (*old, *new):
        by_name[entry["name"]] = _merged(by_name.get(entry["name"], {}), entry)
    return list(by_name.values())

"""Submit work to a cluster, all of its objects or none, and cancel it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sovereign_ai.cluster import SIMULATED_DURATION
from sovereign_ai.cluster.api import Api, ApiError, delete_as_read, patch_as_read, retry_on_conflict
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.operate.jobs.kinds import WORK_KINDS, ServedWork
from sovereign_ai.operate.jobs.observed import Work

Manifest = dict[str, Any]
_CLAIMS, _CLAIM_TEMPLATE = "resource.k8s.io/v1", "ResourceClaimTemplate"
_CONFLICT = 409
_RUNTIME_JOB, _PATCHES = "node", f"{KEYS.domain}/jobs"
"""The job with the pods that train, in the runtimes of Kubeflow Trainer; and who patches it here."""
_ENDLESS = 2**31 - 1
SERVICE = f"{KEYS.domain}/service"
"""The label of a Job that is a replica of a service, with the service's name."""


def for_cluster(
    objects: Sequence[Mapping[str, Any]], served: ServedWork, *, is_queued: bool
) -> list[Manifest]:
    """Return objects as a cluster can run them.

    A JobSet of one Job becomes that Job where the cluster serves no JobSet: an indexed Job has the same
    pods, with the same indices. Of a LeaderWorkerSet each replica becomes such a Job, whose pods Kueue admits
    together. Where nothing admits work it is not suspended: nobody would resume it.

    Args:
        objects: the objects of a piece of work.
        served: what the cluster serves.
        is_queued: whether something admits it there.

    Raises:
        EnvironmentLacksError: it serves a kind neither way.
    """
    adapted = []
    for obj in objects:
        kind = obj["kind"]
        if kind == _CLAIM_TEMPLATE:
            adapted.append(copy.deepcopy(dict(obj)))
        elif not served.makes_pods(kind) and kind == "JobSet":
            adapted.append(_job_of(obj))
        elif not served.makes_pods(kind) and kind == "LeaderWorkerSet":
            adapted += _jobs_of_replicas(obj)
        elif not served.makes_pods(kind):
            controllers = {each.kind: each.controller for each in WORK_KINDS}
            message = f"the cluster serves no {kind}"
            hint = f"install {controllers[kind]}, or use a cluster that has it"
            raise EnvironmentLacksError(Problem("kind-not-served", message, hint=hint))
        else:
            adapted.append(copy.deepcopy(dict(obj)))
    for obj in adapted:
        if not is_queued and obj["kind"] != _CLAIM_TEMPLATE:
            obj["spec"].pop("suspend", None)
    return adapted


def require_admission(objects: Sequence[Mapping[str, Any]], served: ServedWork) -> None:
    """Refuse work that would wait for Kueue where no controller of Kueue runs.

    Args:
        objects: the objects as the cluster can run them.
        served: what the cluster serves.

    Raises:
        EnvironmentLacksError: nobody would ever start it.
    """
    if served.has_controller or not any(obj["spec"].get("suspend") for obj in objects):
        return
    message = "no controller of Kueue looks after the queues of this cluster: nobody would start the work"
    hint = (
        "`sovereign-ai cluster up STACK --queueing` runs Kueue; --no-queue starts it at once, "
        "--anyway lets it wait"
    )
    raise EnvironmentLacksError(Problem("no-queue-controller", message, hint=hint))


def _job_of(job_set: Mapping[str, Any]) -> Manifest:
    """Return the one Job of a JobSet as an object of its own."""
    (replicated,) = job_set["spec"]["replicatedJobs"]
    spec = copy.deepcopy(replicated["template"]["spec"])
    # Without a JobSet nobody starts it anew: a pod that was evicted must not end it, as one that failed does.
    disruption = {"type": "DisruptionTarget", "status": "True"}
    spec["podFailurePolicy"] = {"rules": [{"action": "Ignore", "onPodConditions": [disruption]}]}
    if job_set["spec"].get("suspend"):
        spec["suspend"] = True
    metadata = copy.deepcopy(job_set["metadata"])
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _jobs_of_replicas(service: Mapping[str, Any]) -> list[Manifest]:
    """Return a Job for each replica of a LeaderWorkerSet, with a pod for each of its servers."""
    spec, name = service["spec"], str(service["metadata"]["name"])
    group = spec["leaderWorkerTemplate"]
    jobs = []
    for number in range(spec["replicas"]):
        metadata = copy.deepcopy(service["metadata"])
        metadata["name"] = f"{name}-{number}"
        metadata.setdefault("labels", {})[SERVICE] = name
        template = copy.deepcopy(group["workerTemplate"])
        template["spec"]["restartPolicy"] = "OnFailure"
        size = group["size"]
        job: Manifest = {"completionMode": "Indexed", "parallelism": size, "completions": size}
        # A service is to run on, however often one of its pods was evicted or failed.
        job |= {"suspend": True, "backoffLimit": _ENDLESS, "template": template}
        jobs.append({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job})
    return jobs


def scale(api: Api, objects: Sequence[Manifest], *, dry_run: bool = False) -> tuple[list[str], list[str]]:
    """Bring a running service to the replicas of its objects.

    Args:
        api: the cluster.
        objects: those of the service as the cluster can run it.
        dry_run: let the API server judge what would be created, and change nothing.

    Returns:
        The names of objects that were created or changed, and of those that were deleted, or would be.

    Raises:
        UsageError: the service does not run.
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    jobs = [obj for obj in objects if obj["kind"] == "Job"]
    changed: list[str] = []
    for obj in objects:
        if obj["kind"] == "LeaderWorkerSet":
            _set_replicas(api, obj, dry_run=dry_run)
            changed.append(obj["metadata"]["name"])
    if not jobs:
        return changed, []
    space = jobs[0]["metadata"]["namespace"]
    services = sorted({job["metadata"]["labels"][SERVICE] for job in jobs})
    live = api.list("batch/v1", "Job", space, label_selector=f"{SERVICE} in ({','.join(services)})")
    running = {job["metadata"]["name"]: job["metadata"].get("uid") for job in live}
    if not running:
        raise _absent("Job", space, services[0])
    wanted = {job["metadata"]["name"]: job for job in jobs}
    missing = [job for name, job in wanted.items() if name not in running]
    surplus = sorted(running.keys() - wanted.keys())
    submit(api, missing, dry_run=dry_run)
    for name in () if dry_run else surplus:
        metadata = {"name": name, "namespace": space, "uid": running[name]}
        delete_as_read(api, "batch/v1", "Job", metadata)
    return [*changed, *(job["metadata"]["name"] for job in missing)], surplus


def _set_replicas(api: Api, service: Manifest, *, dry_run: bool) -> None:
    """Write the replicas of a LeaderWorkerSet; with `dry_run`, only look whether it is there."""
    metadata, replicas = service["metadata"], service["spec"]["replicas"]
    space, name = metadata["namespace"], metadata["name"]
    if api.get(service["apiVersion"], service["kind"], name, space) is None:
        raise _absent(service["kind"], space, name)
    if not dry_run:
        api.patch(service["apiVersion"], service["kind"], name, {"spec": {"replicas": replicas}}, space)


def _absent(kind: str, space: str, name: str) -> UsageError:
    hint = "submit it by `sovereign-ai jobs run`"
    return UsageError(Problem("work-unknown", f"no {kind} of a service {space}/{name} runs", hint=hint))


def with_command(objects: Sequence[Manifest], command: Sequence[str]) -> None:
    """Write the command of every container of a piece of work; an empty one leaves the image's own."""
    if not command:
        return
    for obj in objects:
        for container in _containers(obj):
            container["command"] = list(command)


def with_simulated_duration(objects: Sequence[Manifest], duration: str) -> None:
    """Write how long the pods of a piece of work run on simulated machines; empty leaves it out."""
    if not duration:
        return
    for obj in objects:
        templates = [_runtime_patch(obj)] if obj["kind"] == "TrainJob" else _templates(obj)
        for template in templates:
            metadata = template.setdefault("metadata", {})
            metadata.setdefault("annotations", {})[SIMULATED_DURATION] = duration


def _runtime_patch(train_job: Manifest) -> Manifest:
    """Add this program's patch of the pods of a TrainJob's runtime; return the pod template in it."""
    template: Manifest = {}
    replicated = {"name": _RUNTIME_JOB, "template": {"spec": {"template": template}}}
    patched = {"template": {"spec": {"replicatedJobs": [replicated]}}}
    patch = {"manager": _PATCHES, "trainingRuntimeSpec": patched}
    train_job["spec"].setdefault("runtimePatches", []).append(patch)
    return template


def _containers(obj: Manifest) -> list[Manifest]:
    """Return what has the command of an object."""
    if obj["kind"] == "TrainJob":
        return [obj["spec"]["trainer"]]
    containers: list[Manifest] = []
    for template in _templates(obj):
        containers += template["spec"]["containers"]
    return containers


def _templates(obj: Manifest) -> list[Manifest]:
    """Return the pod templates of an object; a TrainJob and a template of claims have none of their own."""
    if obj["kind"] in {"TrainJob", _CLAIM_TEMPLATE}:
        return []
    spec = obj["spec"]
    if obj["kind"] == "JobSet":
        return [each["template"]["spec"]["template"] for each in spec["replicatedJobs"]]
    if obj["kind"] == "LeaderWorkerSet":
        return [spec["leaderWorkerTemplate"]["workerTemplate"]]
    return [spec["template"]]


def submit(api: Api, objects: Sequence[Manifest], *, dry_run: bool) -> None:
    """Create objects, all or none.

    The server judges all of them first, by its validation and every admission policy, and stores nothing.

    Args:
        api: the cluster.
        objects: the objects.
        dry_run: leave it at that.

    Raises:
        UsageError: work of such a name exists already.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    for obj in objects:
        _create(api, obj, dry_run=True)
    if dry_run:
        return
    made: list[Manifest] = []
    try:
        for obj in objects:
            made.append(_create(api, obj, dry_run=False))
        _give_templates_to_their_work(api, made)
    except SovereignError:
        for obj in made:
            # The first error is the one to report; what cannot be removed now is listed by `jobs list`.
            with contextlib.suppress(SovereignError):
                delete_as_read(api, obj["apiVersion"], obj["kind"], obj["metadata"])
        raise


def _give_templates_to_their_work(api: Api, made: Sequence[Manifest]) -> None:
    """Make work the owner of the templates of its claims: they go with the last that needs them."""
    owners: dict[tuple[str, str], list[Manifest]] = {}
    for obj in made:
        metadata = obj["metadata"]
        for name in sorted(_claim_templates(obj)):
            owner = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
            owner |= {"name": metadata["name"], "uid": metadata["uid"]}
            owners.setdefault((metadata["namespace"], name), []).append(owner)
    for (space, name), new in owners.items():
        template = api.get(_CLAIMS, _CLAIM_TEMPLATE, name, space)
        if template is not None:
            meta = {"name": name, "namespace": space, "uid": template["metadata"].get("uid")}
            retry_on_conflict(partial(_give_template, api, meta, new))


def _give_template(api: Api, meta: Mapping[str, Any], new: Sequence[Manifest]) -> None:
    """Add owners to a template; the list is written whole, on the version that is read."""
    live = api.get(_CLAIMS, _CLAIM_TEMPLATE, meta["name"], meta["namespace"])
    if live is None:
        return
    change: Manifest = {"ownerReferences": [*live["metadata"].get("ownerReferences", ()), *new]}
    if version := live["metadata"].get("resourceVersion"):
        change["resourceVersion"] = version
    patch_as_read(api, _CLAIMS, _CLAIM_TEMPLATE, meta, {"metadata": change})


def _claim_templates(obj: Manifest) -> set[str]:
    """Return the templates from which the pods of an object get their claims."""
    names: set[str] = set()
    for template in _templates(obj):
        for claim in template["spec"].get("resourceClaims") or ():
            names.add(claim["resourceClaimTemplateName"])
    return names


def _create(api: Api, obj: Manifest, *, dry_run: bool) -> Manifest:
    try:
        return api.create(obj, dry_run)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        hint = f"cancel it by `sovereign-ai jobs cancel STACK {name}`, or choose another name"
        raise UsageError(Problem("work-exists", f"a {obj['kind']} {name} exists", hint=hint)) from error


def cancel(api: Api, work: Work) -> bool:
    """Delete a piece of work with its pods; return False if it was gone already.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    metadata = {"name": work.name, "namespace": work.namespace, "uid": work.uid}
    return delete_as_read(api, work.api_version, work.kind, metadata)

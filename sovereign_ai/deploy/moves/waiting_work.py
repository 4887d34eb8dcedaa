"""Pods that wait, and controllers whose pods will wait, for a label or a name that nothing has any more.

A pod's placement cannot be changed. The policy that fills in the zone of a namespace does so when a pod is
created, so a pod that waits keeps the zone's old name and is never scheduled. Where a controller recreates
it, the deployment deletes it once the new policies are in force, and the new one gets the new name. What a
person wrote into a pod or a template is reported before, and left.

A Job counts a deleted pod as a failed one, and fails as a whole after `backoffLimit` of them. So its pod is
deleted only where it may lose one more. Source: Kubernetes 1.37, pkg/controller/job/job_controller.go,
isPodFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster import is_recreated
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.moves.component_move import Usage, namespace_of
from sovereign_ai.deploy.moves.successors import tenancy_of
from sovereign_ai.names import KEYS
from sovereign_ai.text import counted

Object = Mapping[str, Any]
CONTROLLERS = (
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
)
"""Kinds with a pod template that Kubernetes itself serves; those of other controllers make some of these."""
_LABELS = {
    "zone": (KEYS.zone,),
    "pool": (KEYS.pool,),
    "region": ("topology.kubernetes.io/region",),
    "hall": ("topology.kubernetes.io/zone", KEYS.hall),
}
"""Kind of place to the labels of nodes that have its name."""
_NOT_FOUND, _CONFLICT = 404, 409
_MOST_NAMED = 3
_BACKOFF_LIMIT = 6
"""What a Job has that states none."""


def waiting_costs(kind: str, names: Collection[str], usage: Usage) -> Iterator[str]:
    """Yield what waits for a place that has another name then, a sentence each.

    Args:
        kind: the kind of place, such as `zone`.
        names: its old names.
        usage: the objects of tenants and controllers that stay.
    """
    again, of_jobs, alone = 0, 0, 0
    for pod in usage.pods:
        if _waits(pod) and _names_place(pod["spec"], kind, names):
            # Only the zone is filled in by a policy, so only a wrong one is put right in a new pod.
            is_renewed = kind == "zone" and is_recreated(pod)
            is_of_job = is_renewed and bool(_job_of(pod))
            again += is_renewed and not is_of_job
            of_jobs += is_of_job
            alone += not is_renewed
    if again:
        yield counted(again, "waiting pod is made again", "waiting pods are made again")
    if of_jobs:
        tail = "made again where that does not reach the backoffLimit"
        yield counted(of_jobs, f"waiting pod of a Job is {tail}", f"waiting pods of Jobs are {tail}")
    if alone:
        single = "waiting pod names it, and never starts"
        yield counted(alone, single, "waiting pods name it, and never start")
    naming = [obj for obj in usage.controllers if _names_place(_template(obj).get("spec") or {}, kind, names)]
    if naming:
        yield f"{_listed(naming)} it in the pod template, whose new pods do not start until it is changed"


def claim_costs(classes: Collection[str], usage: Usage) -> Iterator[str]:
    """Yield what waits for a volume of a storage class that goes, a sentence each.

    Args:
        classes: names of the classes.
        usage: the objects of tenants and controllers that stay.
    """
    waiting = []
    for claim in usage.claims:
        is_bound = (claim.get("status") or {}).get("phase") == "Bound"
        if claim["spec"].get("storageClassName") in classes and not is_bound:
            waiting.append(claim)
    if waiting:
        single = "volume claim waits for its storage class, and gets no volume"
        yield counted(len(waiting), single, "volume claims wait for its storage class, and get no volume")
    naming = []
    for obj in usage.controllers:
        templates = obj["spec"].get("volumeClaimTemplates") or ()
        if any(template["spec"].get("storageClassName") in classes for template in templates):
            naming.append(obj)
    if naming:
        yield f"{_listed(naming)} its storage class in a claim template"


def renew_waiting(api: Api, wanted: Iterable[Object], progress: Callable[[str], object]) -> None:
    """Delete waiting pods that name another zone than their namespace has, where a controller recreates them.

    The policies of the new description must be in force.

    Args:
        api: the cluster.
        wanted: the objects that are deployed.
        progress: called with a line for each namespace.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    zones = {}
    for obj in wanted:
        if obj["kind"] == "Namespace" and tenancy_of(obj)[1]:
            zones[obj["metadata"]["name"]] = tenancy_of(obj)[1]
    # The server leaves out every pod that is on a node: most of them.
    waiting = api.request(
        "GET", "/api/v1/pods", query={"fieldSelector": "spec.nodeName=,status.phase=Pending"}
    )
    stale: dict[str, list[Object]] = {}
    for pod in waiting.get("items") or ():
        zone = zones.get(namespace_of(pod))
        named = (pod["spec"].get("nodeSelector") or {}).get(KEYS.zone, zone)
        if zone and named != zone and _waits(pod) and is_recreated(pod):
            stale.setdefault(namespace_of(pod), []).append(pod)
    for namespace, found in sorted(stale.items()):
        pods = list(_without_last_chances(api, found, progress))
        if not pods:
            continue
        held = counted(len(pods), "waiting pod is", "waiting pods are")
        progress(f"{held} made again in namespace {namespace}, which is in zone {zones[namespace]} now")
        api.many(partial(_delete, api, pod) for pod in pods)


def _without_last_chances(
    api: Api, pods: Iterable[Object], progress: Callable[[str], object]
) -> Iterator[Object]:
    """Yield the pods of a namespace whose deletion fails no Job, and report the Jobs of the others."""
    by_job: dict[str, list[Object]] = {}
    for pod in pods:
        by_job.setdefault(_job_of(pod), []).append(pod)
    for name, of_job in by_job.items():
        namespace = namespace_of(of_job[0])
        job = api.get("batch/v1", "Job", name, namespace) if name else None
        # A Job that is gone takes its pods with it.
        if job is None or len(of_job) <= _failures_left(job):
            yield from of_job
            continue
        held = counted(len(of_job), "waiting pod names", "waiting pods name")
        progress(f"Job {namespace}/{name} would fail without them: {held} the old zone; submit it again")


def _failures_left(job: Object) -> int:
    """Return how many more pods of a Job may fail."""
    spec, failed = job["spec"], int((job.get("status") or {}).get("failed") or 0)
    # Of one index: which failed before, its status does not say.
    limit = spec.get("backoffLimitPerIndex", spec.get("backoffLimit"))
    return (_BACKOFF_LIMIT if limit is None else int(limit)) - failed


def _job_of(pod: Object) -> str:
    """Return the Job that controls a pod; empty for none."""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") == "Job":
            return str(owner["name"])
    return ""


def _delete(api: Api, pod: Object) -> None:
    """Delete a pod unless it is gone, or is another one of its name."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        # Scheduled meanwhile, it has another version, and stays.
        "preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
    }
    try:
        api.request("DELETE", path, body)
    except ApiError as error:
        if error.status not in {_NOT_FOUND, _CONFLICT}:
            raise


def _waits(pod: Object) -> bool:
    """Return whether a pod is on no node and not being deleted."""
    return not pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")


def _template(controller: Object) -> Mapping[str, Any]:
    """Return a controller's pod template."""
    spec = controller["spec"]
    if controller["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Mapping[str, Any] = spec.get("template") or {}
    return template


def _names_place(spec: Mapping[str, Any], kind: str, names: Collection[str]) -> bool:
    """Return whether a pod selects nodes by the name of a place, as a selector or as a required affinity."""
    keys = _LABELS.get(kind, ())
    selector = spec.get("nodeSelector") or {}
    if any(selector.get(key) in names for key in keys):
        return True
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for expression in term.get("matchExpressions") or ():
            is_in = expression.get("operator") == "In" and expression.get("key") in keys
            if is_in and not set(names).isdisjoint(expression.get("values") or ()):
                return True
    return False


def _listed(controllers: Iterable[Object]) -> str:
    """Return controllers for a person, with the verb of what they name."""
    names = sorted(f"{obj['kind']} {namespace_of(obj)}/{obj['metadata']['name']}" for obj in controllers)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more} {'names' if len(names) == 1 else 'name'}"

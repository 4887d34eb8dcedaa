"""Jobs and services as objects of the controllers that run them, in the queue of their pool.

A training job becomes a TrainJob of Kubeflow Trainer, or a JobSet; a service a LeaderWorkerSet for each group
of its replicas. Each carries the label by which Kueue admits it, and starts suspended where its kind can be.
Nothing here is sent to a cluster: whoever reads the manifest adds command, volumes and variables.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sovereign_ai.assess.fit.components import InferenceService, Replicas, TrainingJob
from sovereign_ai.assess.fit.spanning import spanned_domains
from sovereign_ai.assess.fit.training import job_size
from sovereign_ai.assess.fit.workload_kinds import workload_kind
from sovereign_ai.catalog.system import system
from sovereign_ai.catalog.vendors import whole_device_class
from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.plan import ClusterPlan, Namespace, Plan, PoolSlice, ceil_div
from sovereign_ai.spec import AIFactory

Manifest = dict[str, Any]
_QUEUE = "kueue.x-k8s.io/queue-name"
_PREFERRED = "kueue.x-k8s.io/podset-preferred-topology"
_REQUIRED = "kueue.x-k8s.io/podset-required-topology"
_SLICE = "kueue.x-k8s.io/podset-slice-required-topology"
_SLICE_SIZE = "kueue.x-k8s.io/podset-slice-size"
_RUNTIME = "torch-distributed"
"""The runtime that Kubeflow Trainer publishes for PyTorch; a factory may have others."""
_GPUS = "gpus"
"""The name of a pod's claim, and the end of the name of its template."""
_SILENT_SECONDS = 60
"""Seconds until a pod is deleted from a machine whose kubelet is silent; the default of Kubernetes is 300.

Work that spans machines stands still as soon as one of them does: the wait of one is lost by all.
"""


@frozen_dataclass
class WorkPlace:
    """Where a piece of work runs: its namespace, and the part of its pool in that cluster.

    Attributes:
        namespace: its tenant's namespace there.
        pool: the part of the pool.
        device_class: the device class that its pods claim; empty where they ask for a number of GPUs.
        team: the team that it is accounted to; empty where it is the tenant alone.
    """

    namespace: Namespace
    pool: PoolSlice
    device_class: str = ""
    team: str = ""

    @property
    def team_labels(self) -> dict[str, str]:
        """The label by which usage is accounted to a team; none without one."""
        return {KEYS.team: self.team} if self.team else {}

    @property
    def gpus(self) -> int:
        """GPUs of a server."""
        return system(self.pool.system).gpus

    @property
    def domain(self) -> int:
        """Servers of an NVLink domain; 0 where a domain is a server."""
        return system(self.pool.system).nvlink_domain_nodes


def manifests(
    factory: AIFactory, plan: Plan, work: TrainingJob | InferenceService, image: str
) -> list[Manifest]:
    """Return the objects of a piece of work.

    A job becomes a TrainJob where the factory's platform runs Kubeflow Trainer, and a JobSet otherwise.

    Args:
        factory: the description.
        plan: the plan of that description.
        work: the job or service, whose pool the factory has.
        image: the container image, with its registry and digest.

    Raises:
        UsageError: the tenant is not named or has no namespace there, the pool's GPUs are divided, or they
            cannot be claimed.
    """
    place = place_of(plan, work)
    if isinstance(work, InferenceService):
        return _services(work, place, image)
    if factory.platform is not None and "trainer" in factory.platform.jobs:
        _require_counts(work)
        return [_train_job(work, place, image)]
    return _job_set(work, place, image)


def _require_counts(job: TrainingJob) -> None:
    """Refuse claims in a TrainJob, which has no place for them: its pods are those of its runtime.

    Raises:
        UsageError: the job asks for claims.
    """
    if job.devices == "claims":
        message = "a TrainJob has no field for resource claims: its runtime has the pods"
        hint = "write `devices: counts`, or leave the trainer out of `platform.jobs` for a JobSet"
        raise UsageError(Problem("claims-in-trainjob", message, Where(field="devices"), hint))


def place_of(plan: Plan, work: TrainingJob | InferenceService) -> WorkPlace:
    """Return the place with most servers of the pool in which the tenant has a namespace.

    Raises:
        UsageError: there is none, or several tenants could be meant.
    """
    places: list[WorkPlace] = []
    tenants: set[str] = set()
    for cluster in plan.clusters:
        for place in _places_in(cluster, work.pool):
            tenants.add(place.namespace.tenant)
            if work.tenant in {None, place.namespace.tenant}:
                places.append(place)
    if not places or (work.tenant is None and len(tenants) > 1):
        message = f"no tenant of pool {work.pool!r} is named"
        hint = nearest(work.tenant or "", sorted(tenants))
        raise UsageError(Problem("no-tenant", message, Where(field="tenant"), f"write 'tenant': {hint}"))
    best = max(places, key=lambda place: place.pool.nodes)
    if best.pool.mig:
        message = f"the GPUs of pool {work.pool!r} are divided by MIG, and a job or service takes whole ones"
        raise UsageError(Problem("divided-gpus", message, Where(field="pool"), "name a pool of whole GPUs"))
    device_class = _device_class(best.pool) if work.devices == "claims" else ""
    return replace(best, device_class=device_class, team=work.team or "")


def _device_class(pool: PoolSlice) -> str:
    """Return the device class of a pool's GPUs.

    Raises:
        UsageError: their vendor has none.
    """
    device = whole_device_class(pool.resource)
    if device is None:
        message = f"no device class stands for {pool.resource}, which the GPUs of pool {pool.pool!r} are"
        hint = "write `devices: counts`"
        raise UsageError(Problem("no-device-class", message, Where(field="devices"), hint))
    return device.name


def _places_in(cluster: ClusterPlan, pool_name: str) -> list[WorkPlace]:
    """Return the places of a pool in one cluster: a namespace of its zone each."""
    places: list[WorkPlace] = []
    for pool in cluster.pools:
        for namespace in cluster.namespaces:
            if pool.pool == pool_name and pool_name in namespace.pools:
                places.append(WorkPlace(namespace, pool))
    return places


def queued_object(kind: str, name: str, place: WorkPlace, spec: Manifest) -> Manifest:
    """Return an object in the queue of its pool."""
    metadata = {"name": name, "namespace": place.namespace.name, "labels": queue_labels(place)}
    api_version = workload_kind(kind).api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def queue_labels(place: WorkPlace) -> dict[str, str]:
    """Return the labels by which Kueue admits work, and by which usage is accounted to a team."""
    return {_QUEUE: place.pool.pool, **place.team_labels}


def _train_job(job: TrainingJob, place: WorkPlace, image: str) -> Manifest:
    """Return a job as a TrainJob; its runtime holds the pods."""
    gpus, nodes = job_size(job, place.gpus)
    each = gpus_each(gpus, nodes)
    trainer: Manifest = {"image": image, "numNodes": nodes, "numProcPerNode": each}
    trainer["resourcesPerNode"] = _resources(place, each)
    group, _, _ = workload_kind("TrainJob").api_version.partition("/")
    runtime = {"apiGroup": group, "kind": "ClusterTrainingRuntime", "name": _RUNTIME}
    spec = {"runtimeRef": runtime, "suspend": True, "trainer": trainer}
    return queued_object("TrainJob", job.name, place, spec)


def _job_set(job: TrainingJob, place: WorkPlace, image: str) -> list[Manifest]:
    """Return a job as a JobSet of a single Job with a pod on each server."""
    gpus, nodes = job_size(job, place.gpus)
    each = gpus_each(gpus, nodes)
    pod = pod_of(job.name, place, image, each)
    pod["restartPolicy"] = "Never"
    # The network is best within a scalable unit; a job that fits none still runs.
    annotations = {_PREFERRED: KEYS.scalable_unit, **_slices(place, job.parallel.tensor)}
    template = _template(pod, annotations, place)
    indexed: Manifest = {"completionMode": "Indexed", "parallelism": nodes, "completions": nodes}
    indexed["backoffLimit"] = 0
    indexed["template"] = template
    replicated = {"name": "node", "replicas": 1, "template": {"spec": indexed}}
    job_set = queued_object("JobSet", job.name, place, {"suspend": True, "replicatedJobs": [replicated]})
    return [*claim_templates(job.name, place, each), job_set]


def _services(service: InferenceService, place: WorkPlace, image: str) -> list[Manifest]:
    """Return a LeaderWorkerSet for all replicas, or one for those of prefill and one for those of decode."""
    objects: list[Manifest] = []
    for role, replicas in copies_by_role(service).items():
        objects += _replica_set(name_in(service, role), replicas, place, image)
    return objects


def copies_by_role(service: InferenceService) -> dict[str, Replicas]:
    """Return the copies of a service's model by their role, which has no name where they do all."""
    if service.prefill is not None and service.decode is not None:
        return {"prefill": service.prefill, "decode": service.decode}
    shape = {"data": service.data, "pipeline": service.pipeline}
    return {"": Replicas(replicas=service.replicas or 1, tensor=service.tensor or 1, **shape)}


def name_in(service: InferenceService, role: str) -> str:
    """Return the name of what belongs to the copies of one role."""
    return f"{service.name}-{role}" if role else service.name


def _replica_set(name: str, replicas: Replicas, place: WorkPlace, image: str) -> list[Manifest]:
    """Return a LeaderWorkerSet whose groups each hold one copy of the model."""
    gpus = replicas.tensor * replicas.data * replicas.pipeline
    size = ceil_div(gpus, place.gpus)
    each = gpus_each(gpus, size)
    pod = pod_of(name, place, image, each)
    annotations = copy_topology(place, size, replicas.tensor)
    group: Manifest = {"size": size, "restartPolicy": "RecreateGroupOnPodRestart"}
    group["workerTemplate"] = _template(pod, annotations, place)
    spec = {"replicas": replicas.replicas, "leaderWorkerTemplate": group}
    replica_set = queued_object("LeaderWorkerSet", name, place, spec)
    return [*claim_templates(name, place, each), replica_set]


def copy_topology(place: WorkPlace, size: int, tensor: int) -> dict[str, str]:
    """Return the annotations that place the pods of a copy of a model; none where it is a single pod."""
    # A copy that has room in a scale-up domain is fastest there.
    if 1 < size <= place.domain:
        return {_REQUIRED: KEYS.nvlink_domain}
    if size > 1:
        return {_PREFERRED: KEYS.scalable_unit, **_slices(place, tensor)}
    return {}


def _slices(place: WorkPlace, tensor: int) -> dict[str, str]:
    """Return the annotations that keep each tensor-parallel group of several servers in one NVLink domain.

    A larger group lies in several domains, an equal part in each. Kueue places the pods of a slice, which are
    as many as its size and follow each other, in one domain.
    """
    domains = spanned_domains(tensor, place.gpus, max(place.domain, 1))
    size, rest = divmod(tensor // max(domains, 1), place.gpus)
    if rest or not 1 < size <= place.domain:
        return {}
    return {_SLICE: KEYS.nvlink_domain, _SLICE_SIZE: str(size)}


def gpus_each(gpus: int, nodes: int) -> int:
    """Return the GPUs of each server: as many on each, and at least what is needed in all."""
    return ceil_div(gpus, nodes)


def _resources(place: WorkPlace, gpus: int) -> Manifest:
    """Return what a pod asks for; of devices, Kubernetes wants request and limit to be the same."""
    amounts = {place.pool.resource: str(gpus)}
    return {"requests": dict(amounts), "limits": amounts}


def claim_templates(name: str, place: WorkPlace, gpus: int) -> list[Manifest]:
    """Return the template of the claims of a piece of work; none where its pods ask for a number."""
    if not place.device_class:
        return []
    # Kueue 0.17 counts claims of this form against a quota, and no other: a class and a number.
    exactly = {"deviceClassName": place.device_class, "allocationMode": "ExactCount", "count": gpus}
    devices = {"requests": [{"name": _GPUS, "exactly": exactly}]}
    metadata = {"name": f"{name}-{_GPUS}", "namespace": place.namespace.name}
    template: Manifest = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate"}
    template |= {"metadata": metadata, "spec": {"spec": {"devices": devices}}}
    return [template]


def pod_of(name: str, place: WorkPlace, image: str, gpus: int) -> Manifest:
    """Return a pod's specification with one container, as narrow as a factory's admission asks for."""
    container: Manifest = {"name": "main", "image": image, "resources": _resources(place, gpus)}
    container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod: Manifest = {"securityContext": security, "tolerations": _silence_tolerations()}
    if place.device_class:
        container["resources"] = {"claims": [{"name": _GPUS}]}
        pod["resourceClaims"] = [{"name": _GPUS, "resourceClaimTemplateName": f"{name}-{_GPUS}"}]
    return {**pod, "containers": [container]}


def _silence_tolerations() -> list[Manifest]:
    """Return how long a pod stays bound to a machine that is not ready or cannot be reached."""
    tolerations: list[Manifest] = []
    for condition in ("not-ready", "unreachable"):
        toleration: Manifest = {"key": f"node.kubernetes.io/{condition}", "operator": "Exists"}
        toleration["effect"] = "NoExecute"
        toleration["tolerationSeconds"] = _SILENT_SECONDS
        tolerations.append(toleration)
    return tolerations


def _template(pod: Manifest, annotations: dict[str, str], place: WorkPlace) -> Manifest:
    """Return a pod template; one without annotations and labels has no metadata."""
    metadata: Manifest = {"annotations": annotations} if annotations else {}
    if place.team_labels:
        metadata["labels"] = place.team_labels
    return {"metadata": metadata, "spec": pod} if metadata else {"spec": pod}

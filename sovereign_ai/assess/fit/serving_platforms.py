"""Services as objects of the platforms that serve models: KServe's LLMInferenceService and Dynamo's graph.

Both stand above what `workload_manifests.py` renders: their controllers make LeaderWorkerSets or Deployments
themselves. Pods, queue and placement are the same; what a platform's object cannot say is refused, and what a
file does not say is left out.

    >>> [form.value for form in ServingForm]
    ['lws', 'kserve', 'dynamo']
"""

from __future__ import annotations

from copy import deepcopy
from enum import StrEnum

from sovereign_ai.assess.fit.components import InferenceService, Replicas, TrainingJob
from sovereign_ai.assess.fit.workload_manifests import (
    Manifest,
    WorkPlace,
    claim_templates,
    copies_by_role,
    copy_topology,
    gpus_each,
    name_in,
    place_of,
    pod_of,
    queue_labels,
    queued_object,
)
from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, ceil_div
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


class ServingForm(StrEnum):
    """What a service is rendered for."""

    LWS = "lws"
    """LeaderWorkerSet's controller alone."""
    KSERVE = "kserve"
    """KServe: an LLMInferenceService."""
    DYNAMO = "dynamo"
    """NVIDIA Dynamo: a DynamoGraphDeployment."""


_PLATFORMS = (ServingForm.KSERVE, ServingForm.DYNAMO)
_OTHER_FORM = "write --for lws, or --for dynamo"
_NVIDIA = "nvidia.com/gpu"
"""The resource that Dynamo means where no type of GPU is named."""
_GRAPH_NAMES = {"": "Worker", "prefill": "PrefillWorker", "decode": "DecodeWorker"}
"""Role of copies to their name in a graph."""


@frozen_dataclass
class _Shape:
    """How a copy of a model lies on pods.

    Attributes:
        size: its pods.
        each: GPUs of a pod.
    """

    size: int
    each: int


def serving_form(factory: AIFactory, work: TrainingJob | InferenceService, chosen: str = "") -> ServingForm:
    """Return what work is rendered for: what was chosen, else what the platform serves models with.

    Args:
        factory: the description.
        work: the job or service.
        chosen: the form that a user named; empty where none was.

    Raises:
        UsageError: there is no such form, the work is no service, or the platform has two of them.
    """
    names = [form.value for form in ServingForm]
    if chosen and chosen not in names:
        message = f"there is no form {chosen[:40]!r}"
        raise UsageError(Problem("unknown-name", message, Where(field="--for"), nearest(chosen, names)))
    if isinstance(work, TrainingJob):
        if chosen:
            message = f"{work.name} is a TrainingJob, and --for is for services"
            hint = "leave --for out: `platform.jobs` decides what a job becomes"
            raise UsageError(Problem("not-a-service", message, Where(field="--for"), hint))
        return ServingForm.LWS
    if chosen:
        return ServingForm(chosen)
    served = platform_forms(factory)
    if len(served) > 1:
        message = f"the platform serves models with {' and '.join(served)}"
        hint = "name one of them by --for"
        raise UsageError(Problem("several-forms", message, Where(field="platform.serving"), hint))
    return served[0] if served else ServingForm.LWS


def platform_forms(factory: AIFactory) -> list[ServingForm]:
    """Return the platforms that a factory serves models with and that have an object of their own."""
    named = factory.platform.serving if factory.platform is not None else ()
    return [form for form in _PLATFORMS if form in named]


def serving_manifests(plan: Plan, service: InferenceService, image: str, form: ServingForm) -> list[Manifest]:
    """Return the objects of a service for a platform that serves models.

    Args:
        plan: the plan of the factory.
        service: the service, whose pool the factory has.
        image: the container image, with its registry and digest.
        form: KServe or Dynamo.

    Raises:
        UsageError: the tenant has no namespace there, or the object cannot say what the service is.
    """
    place = place_of(plan, service)
    if form is ServingForm.KSERVE:
        return _kserve(service, place, image)
    return _dynamo(service, place, image)


def _kserve(service: InferenceService, place: WorkPlace, image: str) -> list[Manifest]:
    """Return a service as an LLMInferenceService: decode, or all, in its middle, prefill below."""
    uri = service.model.uri
    if uri is None:
        message = "an LLMInferenceService names the place of its model, and the file does not"
        hint = f"write uri: pvc://CLAIM/FOLDER below model; or {_OTHER_FORM}"
        raise UsageError(Problem("no-model-place", message, Where(field="model.uri"), hint))
    objects: list[Manifest] = []
    workloads: dict[str, Manifest] = {}
    for role, replicas in copies_by_role(service).items():
        shape = _kserve_shape(replicas, place, role)
        name = name_in(service, role)
        objects += claim_templates(name, place, shape.each)
        workloads[role] = _kserve_workload(name, replicas, shape, place, image)
    spec: Manifest = {"model": {"uri": uri}}
    for role, workload in workloads.items():
        spec |= {"prefill": workload} if role == "prefill" else workload
    return [*objects, queued_object("LLMInferenceService", service.name, place, spec)]


def _kserve_shape(replicas: Replicas, place: WorkPlace, role: str) -> _Shape:
    """Return the pods of a copy, as KServe divides it: a pod a stage, or one for the groups of a server.

    Raises:
        UsageError: KServe has no form for it (its webhook's conditions, and the size that it calculates).
    """
    tensor, data, pipeline = replicas.tensor, replicas.data, replicas.pipeline
    prefix = f"{role}." if role else ""
    if data > 1 and pipeline > 1:
        message = "an LLMInferenceService has groups of GPUs or stages, and this copy has both"
        raise UsageError(Problem("not-in-kserve", message, Where(field=f"{prefix}pipeline"), _OTHER_FORM))
    gpus = tensor * data * pipeline
    if gpus <= place.gpus:
        return _Shape(1, gpus)
    if tensor > place.gpus:
        shared = counted(tensor, "GPU shares", "GPUs share")
        message = f"{shared} each product, over several servers of {place.gpus}"
        hint = f"divide the copy by stages (pipeline); or {_OTHER_FORM}"
        raise UsageError(Problem("not-in-kserve", message, Where(field=f"{prefix}tensor"), hint))
    if pipeline > 1:
        return _Shape(pipeline, tensor)
    size = ceil_div(gpus, place.gpus)
    each = gpus_each(gpus, size)
    if each % tensor or data % size:
        groups, servers = counted(data, "group"), counted(size, "server")
        message = f"{groups} of {counted(tensor, 'GPU')} cannot be as many on each of {servers}"
        raise UsageError(Problem("not-in-kserve", message, Where(field=f"{prefix}data"), _OTHER_FORM))
    return _Shape(size, each)


def _kserve_workload(name: str, replicas: Replicas, shape: _Shape, place: WorkPlace, image: str) -> Manifest:
    """Return the copies of one role: how many, how each is divided, and their pods."""
    parallelism: Manifest = {"tensor": replicas.tensor}
    if replicas.pipeline > 1:
        parallelism["pipeline"] = replicas.pipeline
    if replicas.data > 1:
        # Groups of a copy share its experts: that is what they are one copy for.
        local = replicas.data // shape.size
        parallelism |= {"data": replicas.data, "dataLocal": local, "expert": True}
    workload: Manifest = {"replicas": replicas.replicas, "parallelism": parallelism}
    annotations = copy_topology(place, shape.size, replicas.tensor)
    if annotations:
        workload["annotations"] = annotations
    if place.team_labels:
        workload["labels"] = place.team_labels
    pod = pod_of(name, place, image, shape.each)
    workload["template"] = pod
    if shape.size > 1:
        # The first pod of a group and the others are the same, as in a LeaderWorkerSet of one template.
        workload["worker"] = deepcopy(pod)
    return workload


def _dynamo(service: InferenceService, place: WorkPlace, image: str) -> list[Manifest]:
    """Return a service as a DynamoGraphDeployment: a frontend, and workers for each role."""
    objects: list[Manifest] = []
    services: Manifest = {"Frontend": _frontend(service.name, place, image)}
    for role, replicas in copies_by_role(service).items():
        name = name_in(service, role)
        gpus = replicas.tensor * replicas.data * replicas.pipeline
        size = ceil_div(gpus, place.gpus)
        shape = _Shape(size, gpus_each(gpus, size))
        objects += claim_templates(name, place, shape.each)
        kind = {"componentType": "worker", "subComponentType": role} if role else {"componentType": "worker"}
        services[_GRAPH_NAMES[role]] = kind | _worker(name, replicas, shape, place, image)
    graph = queued_object("DynamoGraphDeployment", service.name, place, {"services": services})
    return [*objects, graph]


def _frontend(name: str, place: WorkPlace, image: str) -> Manifest:
    """Return what takes requests and sends them to workers; how many is left to Dynamo; it needs no GPU."""
    pod = pod_of(name, place, image, 0)
    pod.pop("resourceClaims", None)
    labels = queue_labels(place)
    return {"componentType": "frontend", "labels": labels, "extraPodSpec": _graph_pod(pod)}


def _worker(name: str, replicas: Replicas, shape: _Shape, place: WorkPlace, image: str) -> Manifest:
    """Return the copies of one role; how a copy is divided is for the engine's own arguments."""
    pod = pod_of(name, place, image, shape.each)
    worker: Manifest = {"labels": queue_labels(place), "replicas": replicas.replicas}
    worker["resources"] = _graph_resources(place, shape.each)
    if shape.size > 1:
        worker["multinode"] = {"nodeCount": shape.size}
    annotations = copy_topology(place, shape.size, replicas.tensor)
    if annotations:
        worker["extraPodMetadata"] = {"annotations": annotations}
    worker["extraPodSpec"] = _graph_pod(pod)
    return worker


def _graph_resources(place: WorkPlace, gpus: int) -> Manifest:
    """Return what each pod of a worker asks for."""
    if place.device_class:
        return {"claims": [{"name": "gpus"}]}
    amounts = {"gpu": str(gpus)}
    if place.pool.resource != _NVIDIA:
        amounts["gpuType"] = place.pool.resource
    return {"requests": dict(amounts), "limits": amounts}


def _graph_pod(pod: Manifest) -> Manifest:
    """Return a pod's specification in the form of a graph, whose first container stands beside the others."""
    (container,) = pod.pop("containers")
    # Rules judge this container by itself, so that it says what its pod says too.
    security = {**pod["securityContext"], **container["securityContext"]}
    # Its resources are those of its service.
    return {**pod, "mainContainer": {"image": container["image"], "securityContext": security}}

"""The work in a file of objects, read as strictly as an API server would.

    read_work(objects, "job.yaml")      # -> each Job, JobSet, TrainJob …, and the templates of its claims

Only what the arithmetic of queues reads is judged, so that a file in which a label is a number, or a number
of pods a text, is refused with its field. Everything else is the cluster's to judge, which is asked as well.
Objects without pods may stand beside the work, as `helm template` writes them. What may have pods and is not
read here is refused: an answer that leaves work out is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.files import SourceMap, shown
from sovereign_ai.spec import TextForm, from_validation
from sovereign_ai.verify.equal_values import quantity
from sovereign_ai.verify.pod_requests import field_of

WORK_VERSIONS: Mapping[str, str] = {
    "Job": "batch/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "TrainJob": "trainer.kubeflow.org/v1alpha1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Pod": "v1",
}
"""The kinds of work that are read, each with its version."""
_NEXT: Mapping[str, str] = {
    "CronJob": "write the Job that it makes: its spec.jobTemplate with apiVersion, kind and a name",
    "ReplicaSet": "write the Deployment that it is of: Kueue queues no ReplicaSet",
    "DaemonSet": "Kueue queues no DaemonSet: it has a pod on each machine that its pods select",
}
"""Kind to the next step of who has a file of it."""
_WITHOUT_PODS: Mapping[str, str] = {
    "v1": "ConfigMap Secret Service ServiceAccount PersistentVolumeClaim PersistentVolume Namespace"
    " LimitRange ResourceQuota Endpoints Event",
    "networking.k8s.io": "",
    "gateway.networking.k8s.io": "",
    "rbac.authorization.k8s.io": "",
    "policy": "",
    "autoscaling": "",
    "scheduling.k8s.io": "",
    "storage.k8s.io": "",
    "resource.k8s.io": "",
    "node.k8s.io": "",
    "coordination.k8s.io": "",
    "discovery.k8s.io": "",
    "apiextensions.k8s.io": "",
    "admissionregistration.k8s.io": "",
    "kueue.x-k8s.io": "",
    "monitoring.coreos.com": "PodMonitor PrometheusRule ServiceMonitor",
    "trainer.kubeflow.org": "ClusterTrainingRuntime TrainingRuntime",
}
"""API groups, and in the first place the version of the core, to their kinds without pods; empty for all."""
_CLAIM_TEMPLATE = "ResourceClaimTemplate"
_MOST_NAMED = 5


def _require_quantity(value: Any) -> Any:
    if quantity(value) is None:
        raise ValueError(f"{shown(value)} is not a quantity of Kubernetes")
    return value


_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Quantity = Annotated[
    Any,
    AfterValidator(_require_quantity),
    TextForm("wrong-type", "a quantity, such as 8 or 64Gi"),
]
_Texts = dict[str, str]
_Quantities = dict[str, _Quantity]


class _Part(BaseModel):
    """The fields of a part of an object that are read, under Kubernetes' names; there may be others."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel, hide_input_in_errors=True)


class _Metadata(_Part):
    name: str = ""
    namespace: str = ""
    generate_name: str = ""
    labels: _Texts = {}
    annotations: _Texts = {}


class _Resources(_Part):
    requests: _Quantities = {}
    limits: _Quantities = {}


class _Container(_Part):
    restart_policy: str = ""
    resources: _Resources | None = None


class _Expression(_Part):
    key: str
    operator: str
    values: list[str] = []


class _Term(_Part):
    match_expressions: list[_Expression] = []


class _Terms(_Part):
    node_selector_terms: list[_Term] = []


class _NodeAffinity(_Part):
    required_during_scheduling_ignored_during_execution: _Terms | None = None


class _Affinity(_Part):
    node_affinity: _NodeAffinity | None = None


class _Toleration(_Part):
    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""


class _PodClaim(_Part):
    name: str
    resource_claim_template_name: str = ""


class _PodSettings(_Part):
    node_selector: _Texts = {}
    tolerations: list[_Toleration] = []
    affinity: _Affinity | None = None
    overhead: _Quantities = {}
    priority_class_name: str = ""
    resource_claims: list[_PodClaim] = []


class _PodSpec(_PodSettings):
    containers: Annotated[list[_Container], Field(min_length=1)]
    init_containers: list[_Container] = []


class _PodTemplate(_Part):
    metadata: _Metadata | None = None
    spec: _PodSpec


class _JobSpec(_Part):
    parallelism: _Count = 1
    completions: _Count = 1
    template: _PodTemplate


class _JobTemplate(_Part):
    spec: _JobSpec


class _ReplicatedJob(_Part):
    name: str
    replicas: _Count = 1
    template: _JobTemplate


class _JobSetSpec(_Part):
    replicated_jobs: Annotated[list[_ReplicatedJob], Field(min_length=1)]


class _Group(_Part):
    size: _Count = 1
    worker_template: _PodTemplate
    leader_template: _PodTemplate | None = None


class _LeaderWorkerSetSpec(_Part):
    leader_worker_template: _Group


class _ReplicatedPods(_Part):
    replicas: _Count = 1
    template: _PodTemplate


class _RuntimeRef(_Part):
    name: str
    kind: str = "ClusterTrainingRuntime"


class _Trainer(_Part):
    num_nodes: _Count | None = None
    resources_per_node: _Resources | None = None


class _PatchedContainer(_Container):
    name: str


class _PatchedPodSpec(_PodSettings):
    containers: list[_PatchedContainer] = []
    init_containers: list[_PatchedContainer] = []


class _PatchedPodTemplate(_Part):
    metadata: _Metadata | None = None
    spec: _PatchedPodSpec | None = None


class _PatchedJobSpec(_Part):
    parallelism: _Count | None = None
    completions: _Count | None = None
    template: _PatchedPodTemplate | None = None


class _PatchedJob(_Part):
    metadata: _Metadata | None = None
    spec: _PatchedJobSpec | None = None


class _PatchedReplicatedJob(_Part):
    name: str
    template: _PatchedJob | None = None


class _PatchedJobSetSpec(_Part):
    replicated_jobs: list[_PatchedReplicatedJob] = []


class _PatchedJobSet(_Part):
    metadata: _Metadata | None = None
    spec: _PatchedJobSetSpec | None = None


class _PatchedRuntime(_Part):
    template: _PatchedJobSet | None = None


class _RuntimePatch(_Part):
    training_runtime_spec: _PatchedRuntime | None = None


class _TrainJobSpec(_Part):
    runtime_ref: _RuntimeRef
    trainer: _Trainer | None = None
    runtime_patches: list[_RuntimePatch] = []


class _ExactRequest(_Part):
    device_class_name: str = ""
    allocation_mode: str = ""
    count: _Count = 1


class _DeviceRequest(_Part):
    exactly: _ExactRequest | None = None


class _Devices(_Part):
    requests: list[_DeviceRequest] = []


class _ClaimSpec(_Part):
    devices: _Devices | None = None


class _ClaimTemplateSpec(_Part):
    spec: _ClaimSpec | None = None


class _Job(_Part):
    metadata: _Metadata
    spec: _JobSpec


class _JobSet(_Part):
    metadata: _Metadata
    spec: _JobSetSpec


class _LeaderWorkerSet(_Part):
    metadata: _Metadata
    spec: _LeaderWorkerSetSpec


class _TrainJob(_Part):
    metadata: _Metadata
    spec: _TrainJobSpec


class _Replicated(_Part):
    metadata: _Metadata
    spec: _ReplicatedPods


class _Pod(_Part):
    metadata: _Metadata
    spec: _PodSpec


class _ClaimTemplate(_Part):
    metadata: _Metadata
    spec: _ClaimTemplateSpec


_MODELS: Mapping[str, type[_Part]] = {
    "Job": _Job,
    "JobSet": _JobSet,
    "LeaderWorkerSet": _LeaderWorkerSet,
    "TrainJob": _TrainJob,
    "Deployment": _Replicated,
    "StatefulSet": _Replicated,
    "Pod": _Pod,
    _CLAIM_TEMPLATE: _ClaimTemplate,
}


class SubmittedWork(NamedTuple):
    """What a file would submit.

    Attributes:
        work: the pieces of work, in the order of the file.
        templates: the templates of their claims, each with its namespace.
        others: objects without pods that stand beside them, in words.
    """

    work: list[dict[str, Any]]
    templates: list[dict[str, Any]]
    others: list[str]


def read_work(
    objects: Sequence[Mapping[str, Any]],
    file: str,
    places: Callable[[], Sequence[SourceMap]] | None = None,
) -> SubmittedWork:
    """Return the work among objects, and the templates of claims beside it, in its namespace.

    Args:
        objects: the objects of a file.
        file: its name, for problems.
        places: gives the places of the fields of each object, which are asked for where there is a problem;
            left out, problems name the file and the field.

    Raises:
        UsageError: there is no work, there is work that is not read here, or a field of it is of another type
            than it has to be.
    """
    nowhere = SourceMap({}, {}, file)
    read, problems = _sorted_out(objects, [nowhere] * len(objects))
    if problems and places is not None:
        _, problems = _sorted_out(objects, places())
    if not read.work and not problems:
        problems = [_no_work(read.others, file)]
    if problems:
        raise UsageError(problems)
    namespace = read.work[0]["metadata"].get("namespace", "default")
    for claim in read.templates:
        claim["metadata"] = {"namespace": namespace, "name": "", **claim["metadata"]}
    return read


def _sorted_out(
    objects: Sequence[Mapping[str, Any]], maps: Sequence[SourceMap]
) -> tuple[SubmittedWork, list[Problem]]:
    """Return the work of a file, and a problem for each object that is none and for each wrong field."""
    read = SubmittedWork([], [], [])
    problems: list[Problem] = []
    for obj, source in zip(objects, maps, strict=True):
        kind, version = str(obj["kind"]), str(obj["apiVersion"])
        chosen = read.templates if kind == _CLAIM_TEMPLATE else None
        if WORK_VERSIONS.get(kind) == version:
            chosen = read.work
        if chosen is not None:
            chosen.append(_without_nulls(obj))
            problems += _wrong_fields(chosen[-1], source)
        elif _has_no_pods(kind, version):
            read.others.append(_words(obj))
        else:
            problems.append(_unread(obj, source))
    return read, problems


def _wrong_fields(obj: Mapping[str, Any], source: SourceMap) -> list[Problem]:
    """Return a problem for each field of an object that the arithmetic reads and cannot."""
    model = _MODELS[obj["kind"]]
    try:
        model.model_validate(obj)
    except ValidationError as error:
        wrong = from_validation(error, model, where=source.where, key=source.key)
        of = f"{obj['kind']} {_name_of(obj)}: "
        return [replace(problem, message=of + problem.message) for problem in wrong]
    return []


def _has_no_pods(kind: str, version: str) -> bool:
    """Return whether a kind is known as one whose objects run no pods."""
    if version == "v1":
        return kind in _WITHOUT_PODS["v1"].split()
    kinds = _WITHOUT_PODS.get(version.rpartition("/")[0])
    return kinds is not None and (not kinds or kind in kinds.split())


def _unread(obj: Mapping[str, Any], source: SourceMap) -> Problem:
    """Return the problem of an object that may have pods, and is no work that is read here."""
    kind = str(obj["kind"])
    if kind in WORK_VERSIONS:
        message = f"{_words(obj)} is of another version; expected is {WORK_VERSIONS[kind]}"
        hint = f"write apiVersion: {WORK_VERSIONS[kind]}"
        return Problem("wrong-version", message, source.where("apiVersion"), hint)
    message = f"it holds {_words(obj)}, of which nobody knows here which pods it has; expected is {_EXPECTED}"
    known = [*WORK_VERSIONS, *_NEXT, *_WITHOUT_PODS["v1"].split(), _CLAIM_TEMPLATE]
    hint = _NEXT.get(kind, "")
    if _is_of_known_group(str(obj["apiVersion"])) or kind.casefold() in map(str.casefold, known):
        hint = hint or nearest(kind, known)
    hint = hint or "submit it suspended, and ask for it by namespace/name: its pods are known then"
    return Problem("unknown-kind", message, source.where("kind"), hint)


def _is_of_known_group(version: str) -> bool:
    """Return whether an API group is that of work: a kind of another maker's is no mistyped name."""
    groups = {known.rpartition("/")[0] for known in WORK_VERSIONS.values()}
    return version.rpartition("/")[0] in groups


_EXPECTED = ", ".join(f"{kind} of {version}" for kind, version in WORK_VERSIONS.items())


def _no_work(others: Sequence[str], file: str) -> Problem:
    """Return the problem of a file in which nothing is work."""
    named = ", ".join(others[:_MOST_NAMED])
    if len(others) > _MOST_NAMED:
        named += f", and {len(others) - _MOST_NAMED} more"
    message = f"it holds {named or 'nothing'}; expected is {_EXPECTED}"
    return Problem("no-job", message, Where(file), "write work as for `kubectl create`")


def _words(obj: Mapping[str, Any]) -> str:
    return f"{obj['kind']} {_name_of(obj)} of {obj['apiVersion']}"


def _name_of(obj: Mapping[str, Any]) -> str:
    name, namespace = field_of(obj, "metadata", "name"), field_of(obj, "metadata", "namespace")
    return f"{namespace}/{name}" if namespace else str(name)


def _without_nulls(value: Any) -> Any:
    """Return a value without fields that are null, which an API server takes for left out."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value

"""The one piece of work in a file of objects, read as strictly as an API server would.

    read_work(objects, "job.yaml")      # -> the Job, JobSet or LeaderWorkerSet, and templates of its claims

Only what the arithmetic of queues reads is judged, so that a file in which a label is a number, or a number
of pods a text, is refused with its field. Everything else is the cluster's to judge, which is asked as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import shown
from sovereign_ai.spec import TextForm, from_validation
from sovereign_ai.verify.difference import quantity
from sovereign_ai.verify.pod_requests import field_of

WORK_VERSIONS: Mapping[str, str] = {
    "Job": "batch/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
}
"""The kinds of work that are read, each with its version."""
_NEXT: Mapping[str, str] = {
    "CronJob": "write the Job that it makes: its spec.jobTemplate with apiVersion, kind and a name",
    "TrainJob": "its pods are those of its runtime: submit it suspended, and ask for it by namespace/name",
    "Pod": "write a Job whose template has its spec",
}
"""Kind to the next step of who has a file of it."""
_CLAIM_TEMPLATE = "ResourceClaimTemplate"
_MOST_NAMED = 5


def _insist_on_quantity(value: Any) -> Any:
    if quantity(value) is None:
        raise ValueError(f"{shown(value)} is not a quantity of Kubernetes")
    return value


_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Quantity = Annotated[
    Any,
    AfterValidator(_insist_on_quantity),
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


class _PodSpec(_Part):
    containers: Annotated[list[_Container], Field(min_length=1)]
    init_containers: list[_Container] = []
    node_selector: _Texts = {}
    tolerations: list[_Toleration] = []
    affinity: _Affinity | None = None
    overhead: _Quantities = {}
    priority_class_name: str = ""
    resource_claims: list[_PodClaim] = []


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


class _ClaimTemplate(_Part):
    metadata: _Metadata
    spec: _ClaimTemplateSpec


_MODELS: Mapping[str, type[_Part]] = {
    "Job": _Job,
    "JobSet": _JobSet,
    "LeaderWorkerSet": _LeaderWorkerSet,
    _CLAIM_TEMPLATE: _ClaimTemplate,
}


def read_work(objects: Sequence[Mapping[str, Any]], file: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the one piece of work among objects, and the templates of claims beside it, in its namespace.

    Args:
        objects: the objects of a file.
        file: its name, for problems.

    Raises:
        UsageError: there is not exactly one, or a field of it is of another type than it has to be.
    """
    found = [each for each in objects if WORK_VERSIONS.get(str(each["kind"])) == each["apiVersion"]]
    if len(found) != 1:
        raise UsageError(_miscounted(found, objects, file))
    templates = [each for each in objects if each["kind"] == _CLAIM_TEMPLATE]
    read = [_without_nulls(each) for each in (*found, *templates)]
    problems = []
    for each in read:
        model = _MODELS[each["kind"]]
        try:
            model.model_validate(each)
        except ValidationError as error:
            wrong = from_validation(error, model, where=lambda field: Where(file, field=field))
            of = f"{each['kind']} {_name_of(each)}: "
            problems += [replace(problem, message=of + problem.message) for problem in wrong]
    if problems:
        raise UsageError(problems)
    work, *claims = read
    namespace = work["metadata"].get("namespace", "default")
    for claim in claims:
        claim["metadata"] = {"namespace": namespace, "name": "", **claim["metadata"]}
    return work, claims


def _miscounted(
    found: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]], file: str
) -> Problem:
    """Return the problem of a file with no piece of work, or with several."""
    expected = ", ".join(f"{kind} of {version}" for kind, version in WORK_VERSIONS.items())
    if found:
        message = f"it holds {len(found)} pieces of work, {_named(found)}; expected is one"
        return Problem("no-job", message, Where(file), "write each into a file of its own, and ask about one")
    others = [each for each in objects if each["kind"] != _CLAIM_TEMPLATE]
    held = _named(others) if others else "nothing"
    message = f"it holds {held}; expected is one {expected}"
    kind = str(others[0]["kind"]) if others else ""
    hint = _NEXT.get(
        kind, "write one, as for `kubectl create`; other work: submit it, and ask by namespace/name"
    )
    if kind in WORK_VERSIONS:
        hint = f"write apiVersion: {WORK_VERSIONS[kind]}"
    return Problem("no-job", message, Where(file), hint)


def _named(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return objects by kind, version and name, the first of them."""
    names = [f"{each['kind']} {_name_of(each)} of {each['apiVersion']}" for each in objects[:_MOST_NAMED]]
    more = len(objects) - _MOST_NAMED
    return ", ".join([*names, f"and {more} more"] if more > 0 else names)


def _name_of(obj: Mapping[str, Any]) -> str:
    name, namespace = field_of(obj, "metadata", "name"), field_of(obj, "metadata", "namespace")
    return f"{namespace}/{name}" if namespace else str(name)


def _without_nulls(value: Any) -> Any:
    """Return a value without fields that are null, which an API server takes for left out."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value

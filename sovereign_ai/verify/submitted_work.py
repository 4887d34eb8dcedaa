"""The one piece of work in a file of objects, read as strictly as an API server would.

    read_work(objects, "job.yaml")      # -> the Job, JobSet or LeaderWorkerSet, and templates of its claims

Only what the arithmetic of queues reads is judged, so that a file in which a label is a number, or a number
of pods a text, is refused with its field. Everything else is the cluster's to judge, which is asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.errors import Problem, UsageError, Where
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
_MOST_NAMED, _MOST_PROBLEMS = 5, 10
_MOST_PODS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value without parts.

    Attributes:
        words: what is expected.
        is_one: whether a value is one.
    """

    words: str
    is_one: Callable[[Any], bool]


def _is_count(value: Any) -> bool:
    # bool is a kind of int in Python, and no number in YAML.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_PODS


_TEXT = _Leaf(
    "a text, in quotation marks where it looks like a number or a truth value",
    lambda value: isinstance(value, str),
)
_COUNT = _Leaf("a whole number from 0 on", _is_count)
_QUANTITY = _Leaf("a quantity, such as 8 or 64Gi", lambda value: quantity(value) is not None)
_TEXTS, _QUANTITIES = {"*": _TEXT}, {"*": _QUANTITY}
_METADATA = {"name": _TEXT, "namespace": _TEXT, "labels": _TEXTS, "annotations": _TEXTS}
_CONTAINER = {"restartPolicy": _TEXT, "resources": {"requests": _QUANTITIES, "limits": _QUANTITIES}}
_EXPRESSION = {"key!": _TEXT, "operator!": _TEXT, "values": [_TEXT]}
_TERMS = {"nodeSelectorTerms": [{"matchExpressions": [_EXPRESSION]}]}
_POD_TEMPLATE = {
    "metadata": _METADATA,
    "spec!": {
        "containers!": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "nodeSelector": _TEXTS,
        "tolerations": [{"key": _TEXT, "operator": _TEXT, "value": _TEXT, "effect": _TEXT}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _TERMS}},
        "overhead": _QUANTITIES,
        "priorityClassName": _TEXT,
        "resourceClaims": [{"name!": _TEXT, "resourceClaimTemplateName": _TEXT}],
    },
}
_JOB_SPEC = {"parallelism": _COUNT, "completions": _COUNT, "template!": _POD_TEMPLATE}
_REPLICATED = {"name!": _TEXT, "replicas": _COUNT, "template!": {"spec!": _JOB_SPEC}}
_GROUP = {"size": _COUNT, "workerTemplate!": _POD_TEMPLATE, "leaderTemplate": _POD_TEMPLATE}
_REQUEST = {"exactly": {"deviceClassName": _TEXT, "allocationMode": _TEXT, "count": _COUNT}}
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Job": {"metadata!": _METADATA, "spec!": _JOB_SPEC},
    "JobSet": {"metadata!": _METADATA, "spec!": {"replicatedJobs!": [_REPLICATED]}},
    "LeaderWorkerSet": {"metadata!": _METADATA, "spec!": {"leaderWorkerTemplate!": _GROUP}},
    _CLAIM_TEMPLATE: {"metadata!": _METADATA, "spec!": {"spec": {"devices": {"requests": [_REQUEST]}}}},
}
"""Kind to the fields that are read: `!` marks those that it cannot lack, `*` stands for any name."""


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
        for field, words in _misshapen(_SHAPES[each["kind"]], each, ""):
            message = f"{each['kind']} {_name_of(each)}: {words}"
            hint = f"write it as `kubectl explain {each['kind'].lower()}` says"
            problems.append(Problem("wrong-type", message, Where(file, field=field), hint))
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
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


def _misshapen(shape: Any, value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Yield each field of another type than a shape has, and what is wrong with it."""
    if isinstance(shape, _Leaf):
        if not shape.is_one(value):
            yield at, f"expected is {shape.words}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield at, "expected is a list"
            return
        for index, each in enumerate(value):
            yield from _misshapen(shape[0], each, f"{at}[{index}]")
    elif not isinstance(value, Mapping):
        yield at, "expected is a mapping of fields"
    else:
        yield from _misshapen_fields(shape, value, at)


def _misshapen_fields(
    shape: Mapping[str, Any], value: Mapping[str, Any], at: str
) -> Iterator[tuple[str, str]]:
    """Yield the same of the fields of a mapping."""
    dot = f"{at}." if at else ""
    if "*" in shape:
        for key, each in value.items():
            yield from _misshapen(shape["*"], each, f"{dot}{key}")
            if not isinstance(key, str):
                yield f"{dot}{key}", "expected is a text as the name of a field"
        return
    for marked, part in shape.items():
        key = marked.removesuffix("!")
        if key in value:
            yield from _misshapen(part, value[key], f"{dot}{key}")
            if marked != key and value[key] == []:
                yield f"{dot}{key}", "expected is at least one entry"
        elif marked != key:
            yield f"{dot}{key}", "the field is missing"

"""The workloads that Kueue would make of work that was not submitted: their queue, priority and pod sets.

A Job has one pod set, a JobSet one for each of its replicated jobs, and a TrainJob those of its runtime
(`train_job`). Each group of a LeaderWorkerSet is a workload of its own, of a leader and its workers, and so
is each pod of a Deployment. A StatefulSet is one workload of all its pods, and so are pods with the label of
one group; any other pod is one by itself. Source: Kueue 0.17, pkg/controller/jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sovereign_ai.cluster.api import Api, ApiError, list_if_served
from sovereign_ai.text import counted
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.train_job import CLUSTER_RUNTIME, RUNTIME, replicated_jobs, runtime_of

_KUEUE = "kueue.x-k8s.io"
_QUEUE_NAME = f"{_KUEUE}/queue-name"
_PRIORITY_CLASS = f"{_KUEUE}/priority-class"
_LEAST_PODS = f"{_KUEUE}/job-min-parallelism"
_GROUP = f"{_KUEUE}/podset-group-name"
_POD_GROUP, _GROUP_SIZE = f"{_KUEUE}/pod-group-name", f"{_KUEUE}/pod-group-total-count"
_AT_ONCE = f"{_KUEUE}/pod-group-fast-admission"
_GATE, _HELD = f"{_KUEUE}/admission", f"{_KUEUE}/pod-suspending-parent"
"""By which Kueue's webhook holds a pod back; and how it says of a template that its pods will be."""
_MOST_DIGITS = 10
MOST_WORKLOADS = 100
"""Workloads of one piece that are judged one after another: each takes a look at all nodes."""
_SLICE_LEVEL, _SLICE_SIZE = f"{_KUEUE}/podset-slice-required-topology", f"{_KUEUE}/podset-slice-size"
_TRAINER = "trainer.kubeflow.org/v1alpha1"


class Piece(NamedTuple):
    """What Kueue admits for one object of a file, or for the pods of one group.

    Attributes:
        name: that of the object or the group, as `namespace/name`.
        workloads: the first of the workloads, each of which is admitted by itself.
        problem: why it can make none of them; empty where it can.
        code: this program's word for the problem.
        further: how many more workloads there are, like the last one.
    """

    name: str
    workloads: list[dict[str, Any]]
    problem: str = ""
    code: str = ""
    further: int = 0


class Answer(NamedTuple):
    """What a cluster answers to work in a dry run.

    Attributes:
        work: the work as the cluster would keep it, with its defaults and those of Kueue.
        refusal: why it would not take it; empty where it would.
    """

    work: dict[str, Any]
    refusal: str = ""


def pieces_of(work: Sequence[Object | Piece], runtimes: Iterable[Object] = ()) -> list[Piece]:
    """Return what Kueue would make of pieces of work, in their order.

    Args:
        work: objects of the kinds of `SUBMITTED`, TrainJobs, and what was decided about others already.
        runtimes: those that TrainJobs may name.
    """
    known = list(runtimes)
    groups: dict[str, list[Object]] = {}
    decided: list[Piece | str] = []
    for each in work:
        if isinstance(each, Piece):
            decided.append(each)
            continue
        group = _group_of(each)
        if not group:
            decided.append(_piece(each, known))
            continue
        if group not in groups:
            decided.append(group)
        groups.setdefault(group, []).append(each)
    pieces = []
    for part in decided:
        pieces.append(part if isinstance(part, Piece) else _pod_group(part, groups[part]))
    return pieces


def _group_of(work: Object) -> str:
    """Return the group of a pod, with its namespace; empty for none and for other kinds."""
    group = _labels(work).get(_POD_GROUP, "") if work.get("kind") == "Pod" else ""
    return f"{_namespace(work)}/{group}" if group else ""


def tried_pieces(
    api: Api, work: Sequence[Object], unattended: Collection[str] = (), *, is_attended: bool = True
) -> list[Piece]:
    """Return what Kueue would make of work as the cluster answers to it in a dry run.

    Args:
        api: the cluster.
        work: the objects, in the order in which they are submitted.
        unattended: kinds of which nobody makes pods there.
        is_attended: whether a controller of Kueue runs: without one, nothing says which kinds it looks after.

    Raises:
        ApiError: the API server refused what it never should.
        UnreachableError: there was no answer.
    """
    tried: list[Object | Piece] = []
    for obj in work:
        answer, kind = answer_to(api, obj), obj["kind"]
        if answer.refusal:
            tried.append(Piece(named(obj), [], answer.refusal, "refused"))
        elif kind in unattended:
            problem = f"the cluster has {kind}s, and no controller that makes pods of them"
            tried.append(Piece(named(obj), [], problem, "no-controller"))
        elif is_attended and queue_of(answer.work) and not is_held(answer.work):
            problem = f"Kueue does not look after a {kind} here: its pods would start without a queue"
            tried.append(Piece(named(obj), [], problem, "not-queued"))
        else:
            tried.append(answer.work)
    return pieces_of(tried, training_runtimes(api, work))


def workload_of(work: Object) -> dict[str, Any]:
    """Return the first workload that Kueue would make of a piece of work.

    Args:
        work: the object, of one of the kinds of `SUBMITTED`; another counts as a Job.
    """
    return next(_workloads(work, _pod_sets_of(work), 1))


def training_runtimes(api: Api, work: Iterable[Object]) -> list[Object]:
    """Return the runtimes that TrainJobs of some work may name; none where there is no TrainJob.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    if not any(obj.get("kind") == "TrainJob" for obj in work):
        return []
    found: list[Object] = []
    for kind in (CLUSTER_RUNTIME, RUNTIME):
        found += [{**runtime, "kind": kind} for runtime in list_if_served(api, _TRAINER, kind)]
    return found


def answer_to(api: Api, work: Object) -> Answer:
    """Return what a cluster answers to work.

    The API server judges it in a dry run, with Kueue's webhooks and all policies. It gets another name, since
    work of its own may be there. It is not suspended by its author then, so that only Kueue suspends it.

    Args:
        api: the cluster.
        work: the object.

    Raises:
        UnreachableError: there was no answer.
    """
    metadata = {"namespace": "default"} | dict(work["metadata"])
    tried = {**work, "metadata": {**metadata, "generateName": "why-"}}
    tried["metadata"].pop("name", None)
    if work.get("kind") in _SUSPENDED:
        tried["spec"] = {key: value for key, value in work["spec"].items() if key != "suspend"}
    try:
        answered = api.create(tried, dry_run=True)
    except ApiError as error:
        message = "; ".join(error.causes) or error.problems[0].message
        return Answer(dict(work), f"the cluster would not take it: {message}")
    name = _name(work)
    return Answer({**tried, **answered, "metadata": {**answered["metadata"], "name": name}})


def is_held(work: Object) -> bool:
    """Return whether Kueue's webhook holds back the pods of work that it has answered to."""
    if work["kind"] in _SUSPENDED:
        return bool(work["spec"].get("suspend"))
    if work["kind"] == "Pod":
        gates = work["spec"].get("schedulingGates") or ()
        return any(gate.get("name") == _GATE for gate in gates)
    template = field_of(work, "spec", "template")
    template = template or field_of(work, "spec", "leaderWorkerTemplate", "workerTemplate")
    return _HELD in (field_of(template or {}, "metadata", "annotations") or {})


def queue_of(work: Object) -> str:
    """Return the queue that work names; empty for none."""
    return _labels(work).get(_QUEUE_NAME, "")


def named(work: Object) -> str:
    """Return work as `namespace/name`."""
    return f"{_namespace(work)}/{_name(work)}"


def _piece(work: Object, runtimes: Sequence[Object]) -> Piece:
    """Return what Kueue would make of one object."""
    if work.get("kind") != "TrainJob":
        pod_sets = _pod_sets_of(work)
        if not pod_sets:
            return Piece(named(work), [])
        copies = _copies(work)
        # A file may ask for two billion copies.
        first = list(islice(_workloads(work, pod_sets, copies), MOST_WORKLOADS))
        return Piece(named(work), first, further=copies - len(first))
    runtime = runtime_of(work, runtimes)
    if runtime is None:
        reference = work["spec"]["runtimeRef"]
        known = ", ".join(sorted({str(each["metadata"]["name"]) for each in runtimes})) or "none"
        wanted = f"{reference.get('kind') or CLUSTER_RUNTIME} {reference['name']!r}"
        return Piece(
            named(work), [], f"there is no {wanted}, whose pods it runs; there is {known}", "no-runtime"
        )
    job_set = {**work, "spec": {"replicatedJobs": list(replicated_jobs(work, runtime))}}
    return Piece(named(work), list(_workloads(work, list(_of_job_set(job_set)), 1)))


def _pod_sets_of(work: Object) -> list[dict[str, Any]]:
    return list(SUBMITTED.get(str(work.get("kind")), _of_job)(work))


def _copies(work: Object) -> int:
    """Return how many workloads alike there are of work."""
    return int(work["spec"].get("replicas", 1)) if work.get("kind") in _COPIED else 1


def _workloads(work: Object, pod_sets: list[dict[str, Any]], copies: int) -> Iterator[dict[str, Any]]:
    """Yield the workloads of work; several have numbered names."""
    labels = _labels(work)
    spec: dict[str, Any] = {"queueName": labels.get(_QUEUE_NAME, ""), "podSets": pod_sets}
    reference = _priority_class(labels, pod_sets)
    if reference is not None:
        spec["priorityClassRef"] = reference
    for number in range(copies):
        own = _name(work) if copies == 1 else f"{_name(work)}-{number}"
        yield {"metadata": {"name": own, "namespace": _namespace(work)}, "spec": spec}


def _pod_group(full: str, pods: Sequence[Object]) -> Piece:
    """Return the one workload of the pods of a group; pods alike are one pod set."""
    annotations = field_of(pods[0], "metadata", "annotations") or {}
    size = annotations.get(_GROUP_SIZE, "")
    total = int(size) if _is_count(size) else len(pods)
    is_whole = len(pods) >= total
    pod_sets: list[dict[str, Any]] = []
    for pod in pods:
        pod_set = _pod_set(f"pods-{len(pod_sets)}", 1, _template_of(pod))
        alike = next((each for each in pod_sets if _is_alike(each, pod_set)), None)
        if alike is None:
            pod_sets.append(pod_set)
        else:
            alike["count"] += 1
    if not is_whole and annotations.get(_AT_ONCE) == "true":
        pod_sets = pod_sets[:1]
        pod_sets[0]["count"] = total
    elif not is_whole:
        pods_text = counted(total, "pod")
        problem = f"it has {len(pods)} of its {pods_text}, and Kueue looks at a group once all are there"
        return Piece(full, [], problem, "incomplete-group")
    group = {**pods[0], "metadata": {**pods[0]["metadata"], "name": full.rpartition("/")[2]}}
    return Piece(full, list(_workloads(group, pod_sets, 1)))


def _is_alike(one: Object, other: Object) -> bool:
    """Return whether two pod sets have the same pods, whatever they are called and run."""
    return _role(one) == _role(other) and one.get("topologyRequest") == other.get("topologyRequest")


def _role(pod_set: Object) -> list[Any]:
    """Return what Kueue tells the roles of a group's pods by: what they request, and where they may run."""
    spec = pod_set["template"]["spec"]
    containers = [each.get("resources") or {} for each in spec["containers"]]
    starting = [each.get("resources") or {} for each in spec.get("initContainers") or ()]
    fields = ("nodeSelector", "affinity", "tolerations", "overhead", "priority", "resourceClaims")
    return [containers, starting, *(spec.get(name) or {} for name in fields)]


def _labels(work: Object) -> Mapping[str, str]:
    return field_of(work, "metadata", "labels") or {}


def _name(work: Object) -> str:
    metadata = work["metadata"]
    return str(metadata.get("name") or metadata.get("generateName") or "")


def _namespace(work: Object) -> str:
    return str(work["metadata"].get("namespace") or "default")


def _priority_class(labels: Mapping[str, str], pod_sets: list[dict[str, Any]]) -> dict[str, str] | None:
    """Return the priority class of work: that of its label, else the first one of its pods."""
    if name := labels.get(_PRIORITY_CLASS):
        return {"group": _KUEUE, "kind": "WorkloadPriorityClass", "name": name}
    for pod_set in pod_sets:
        if name := field_of(pod_set, "template", "spec", "priorityClassName"):
            return {"group": "scheduling.k8s.io", "kind": "PriorityClass", "name": name}
    return None


def _of_job(job: Object) -> Iterator[dict[str, Any]]:
    """Yield the one pod set of a Job."""
    spec = job["spec"]
    pod_set = _pod_set("main", _parallel(spec), spec["template"])
    least = (field_of(job, "metadata", "annotations") or {}).get(_LEAST_PODS, "")
    if _is_count(least):
        pod_set["minCount"] = int(least)
    yield pod_set


def _of_job_set(job_set: Object) -> Iterator[dict[str, Any]]:
    """Yield a pod set for each replicated job."""
    for replicated in job_set["spec"].get("replicatedJobs") or ():
        spec = replicated["template"]["spec"]
        count = int(replicated.get("replicas", 1)) * _parallel(spec)
        yield _pod_set(str(replicated["name"]), count, spec["template"])


def _of_leader_worker_set(group: Object) -> Iterator[dict[str, Any]]:
    """Yield the pod sets of a group: its leader, and its workers where there are more pods."""
    template = group["spec"]["leaderWorkerTemplate"]
    size, workers = int(template.get("size", 1)), template["workerTemplate"]
    leader = template.get("leaderTemplate")
    if leader is None:
        yield _pod_set("main", size, workers)
        return
    yield _pod_set("leader", 1, leader)
    if size > 1:
        yield _pod_set("worker", size - 1, workers)


def _of_replicas(work: Object) -> Iterator[dict[str, Any]]:
    """Yield the one pod set of a StatefulSet, which has all of its pods."""
    count = int(work["spec"].get("replicas", 1))
    if count:
        yield _pod_set("main", count, work["spec"]["template"])


def _of_one_pod(work: Object) -> Iterator[dict[str, Any]]:
    """Yield the pod set of one pod of a Deployment."""
    yield _pod_set("main", 1, work["spec"]["template"])


def _of_pod(pod: Object) -> Iterator[dict[str, Any]]:
    """Yield the pod set of a pod that is by itself."""
    yield _pod_set("main", 1, _template_of(pod))


def _template_of(pod: Object) -> dict[str, Any]:
    """Return the template that would make a pod."""
    return {"metadata": pod["metadata"], "spec": pod["spec"]}


def _parallel(spec: Object) -> int:
    """Return the pods that a job runs at a time."""
    parallelism = int(spec.get("parallelism", 1))
    completions = spec.get("completions")
    return parallelism if completions is None else min(parallelism, int(completions))


def _is_count(text: str) -> bool:
    """Return whether an annotation is a number of pods; Kueue's webhook refuses work with another one."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _pod_set(name: str, count: int, template: Object) -> dict[str, Any]:
    """Return a pod set with what its pods ask of the topology."""
    pod_set: dict[str, Any] = {"name": name, "count": count, "template": template}
    request = _topology_request(field_of(template, "metadata", "annotations") or {})
    return pod_set | ({"topologyRequest": request} if request else {})


def _topology_request(annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return what annotations ask of the topology, the strictest only; empty for nothing."""
    request: dict[str, Any] = {}
    for kind in ("required", "preferred"):
        if level := annotations.get(f"{_KUEUE}/podset-{kind}-topology"):
            request[kind] = level
            break
    if not request and annotations.get(f"{_KUEUE}/podset-unconstrained-topology", "").lower() == "true":
        request["unconstrained"] = True
    if annotations.get(_SLICE_LEVEL) and _is_count(annotations.get(_SLICE_SIZE, "")):
        request["podSetSliceRequiredTopology"] = annotations[_SLICE_LEVEL]
        request["podSetSliceSize"] = int(annotations[_SLICE_SIZE])
    if annotations.get(_GROUP) and request.keys() & {"required", "preferred"}:
        request["podSetGroupName"] = annotations[_GROUP]
    return request


SUBMITTED: Mapping[str, Callable[[Object], Iterator[dict[str, Any]]]] = {
    "Job": _of_job,
    "JobSet": _of_job_set,
    "LeaderWorkerSet": _of_leader_worker_set,
    "Deployment": _of_one_pod,
    "StatefulSet": _of_replicas,
    "Pod": _of_pod,
}
"""The kinds of work that have their pods themselves, and what yields their pod sets."""
_COPIED = {"LeaderWorkerSet", "Deployment"}
"""The kinds of which each copy is a workload."""
_SUSPENDED = {"Job", "JobSet", "TrainJob"}
"""The kinds that Kueue holds back as a whole."""

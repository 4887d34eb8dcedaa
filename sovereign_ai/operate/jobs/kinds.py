"""The kinds of work, how a cluster serves them, and by which label each finds its pods."""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.cluster import WITHOUT_CONTROLLER
from sovereign_ai.cluster.api import Api, ApiError, Resource
from sovereign_ai.frozen_dataclass import frozen_dataclass

QUEUE = "kueue.x-k8s.io/queue-name"
"""The label by which Kueue admits a piece of work, and by which one is told from other objects here."""
_KUEUE = "kueue.x-k8s.io"


@frozen_dataclass
class WorkKind:
    """A kind of work.

    Attributes:
        kind: its name.
        group: its API group.
        pods: the label of its pods that has its name.
        controller: what runs it, in words.
    """

    kind: str
    group: str
    pods: str
    controller: str


WORK_KINDS = (
    WorkKind("TrainJob", "trainer.kubeflow.org", "jobset.sigs.k8s.io/jobset-name", "Kubeflow Trainer"),
    WorkKind("JobSet", "jobset.x-k8s.io", "jobset.sigs.k8s.io/jobset-name", "JobSet"),
    WorkKind(
        "LeaderWorkerSet", "leaderworkerset.x-k8s.io", "leaderworkerset.sigs.k8s.io/name", "LeaderWorkerSet"
    ),
    WorkKind("Job", "batch", "batch.kubernetes.io/job-name", "Kubernetes"),
)
"""Owners before what they own: a TrainJob makes a JobSet of its name, and that makes Jobs."""


@frozen_dataclass
class ServedWork:
    """What a cluster serves of them.

    Attributes:
        resources: kind to how it is served.
        is_queued: whether Kueue's queues are served.
        has_controller: whether one of them is looked after: definitions alone admit nothing.
        unattended: kinds that are served for what is left of them, though their controller runs no more.
    """

    resources: dict[str, Resource]
    is_queued: bool
    has_controller: bool
    unattended: frozenset[str] = frozenset()

    def makes_pods(self, kind: str) -> bool:
        """Return whether somebody makes pods of a kind of work here."""
        return kind in self.resources and kind not in self.unattended

    def kinds(self) -> list[WorkKind]:
        """Return the kinds that are served, owners first."""
        return [kind for kind in WORK_KINDS if kind.kind in self.resources]


def served_work(api: Api) -> ServedWork:
    """Return what a cluster serves of the kinds of work.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    served = api.kinds()
    resources = {}
    for kind in WORK_KINDS:
        resource = _newest(served, kind.group, kind.kind)
        if resource is not None:
            resources[kind.kind] = resource
    unattended = _unattended(api) if set(resources) - {"Job"} else frozenset()
    queue = _newest(served, _KUEUE, "LocalQueue")
    if queue is None:
        return ServedWork(resources, is_queued=False, has_controller=False, unattended=unattended)
    queues = api.list(queue.api_version, queue.kind)
    has_controller = any((each.get("status") or {}).get("conditions") for each in queues)
    return ServedWork(resources, is_queued=True, has_controller=has_controller, unattended=unattended)


def _unattended(api: Api) -> frozenset[str]:
    """Return the kinds whose definitions are marked as without a controller."""
    try:
        marked = api.list(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", label_selector=WITHOUT_CONTROLLER
        )
    except ApiError:
        # Whoever may submit work need not see definitions, and a cluster of the user has no such mark.
        return frozenset()
    return frozenset(str(definition["spec"]["names"]["kind"]) for definition in marked)


def _newest(served: Iterable[Resource], group: str, kind: str) -> Resource | None:
    """Return how a kind is served, a stable version before others; None where it is not."""
    chosen: Resource | None = None
    for resource in served:
        if resource.kind != kind or resource.api_version.rpartition("/")[0] != group:
            continue
        if chosen is None or _rank(resource) > _rank(chosen):
            chosen = resource
    return chosen


def _rank(resource: Resource) -> tuple[bool, str]:
    """Return a version's rank: `v1` before any beta, and of two betas the later one by name."""
    version = resource.api_version.rpartition("/")[2]
    return version.removeprefix("v").isdecimal(), version

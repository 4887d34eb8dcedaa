"""Work as a cluster returns it, and an API that has some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sovereign_ai.cluster.api import Resource

Object = dict[str, Any]
QUEUE = "kueue.x-k8s.io/queue-name"


def resource(api_version: str, kind: str) -> Resource:
    return Resource(
        api_version, kind, f"{kind.lower()}s", namespaced=True, verbs=("create",), subresources=()
    )


JOB, JOB_SET = resource("batch/v1", "Job"), resource("jobset.x-k8s.io/v1alpha2", "JobSet")
KUEUE = resource("kueue.x-k8s.io/v1beta1", "LocalQueue")


def job(name: str, namespace: str = "research", *, suspend: bool = False, **metadata: Any) -> Object:
    meta = {"name": name, "namespace": namespace, "labels": {QUEUE: "train"}, **metadata}
    spec = {"suspend": suspend, "template": {"spec": {"containers": []}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


def pod(work: str, name: str, phase: str = "Running", **status: Any) -> Object:
    labels = {"batch.kubernetes.io/job-name": work}
    meta = {"name": name, "namespace": "research", "labels": labels}
    spec = {"nodeName": "train-001"} if phase == "Running" else {}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase, **status}}


class WorkApi:
    """An API server with some objects."""

    def __init__(self, *objects: Object, served: Iterable[Resource] = (JOB, KUEUE)) -> None:
        self.objects = list(objects)
        self.served = tuple(served)

    def kinds(self) -> tuple[Resource, ...]:
        return self.served

    def many(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]

    def list(self, _version: str, kind: str, *, label_selector: str = "", **_: Any) -> Iterable[Object]:
        return [
            obj
            for obj in self.objects
            if obj.get("kind", "Pod") == kind and label_selector in ("", *obj["metadata"].get("labels", {}))
        ]

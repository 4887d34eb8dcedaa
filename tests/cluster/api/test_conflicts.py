"""Writes on the version that was read, where other clients write the same object all the time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api import ApiError, retry_on_conflict
from sovereign_ai.cluster.embedded.queue_release import take_finalizers
from sovereign_ai.cluster.embedded.queued_jobs import QUEUE_NAME, open_gates
from sovereign_ai.deploy.moves.departures import Departure
from sovereign_ai.deploy.moves.drain import drain, uncordon
from sovereign_ai.deploy.restoration import restore
from sovereign_ai.names import OWNER
from tests.support.memory_cluster import MemoryCluster, obj, refusal

KUEUE = "kueue.x-k8s.io/managed"
FOREIGN = {"manager": "somebody", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}


class BusyCluster(MemoryCluster):
    """A cluster in memory whose controllers change each object some times just before it is written."""

    def __init__(self, *objects: Mapping[str, Any], changes: int = 1) -> None:
        super().__init__(*objects)
        self._changes, self._changed = changes, 0

    def request(self, method: str, path: str, body: Any = None, *_more: Any, **_query: Any) -> dict[str, Any]:
        if path.startswith("/api/v1/nodes/") and method == "PATCH":
            return self._merge(("v1", "Node", "", path.rpartition("/")[2]), body)
        return {"items": []}

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        return self._merge((api_version, kind, namespace or "", name), change)

    def apply(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        key = (obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        return copy.deepcopy(self.objects[key])

    def replace(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        key = (obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        return self._merge(key, obj)

    def _merge(self, key: tuple[str, str, str, str], change: Mapping[str, Any]) -> dict[str, Any]:
        live = self.objects[key]
        meta = live["metadata"]
        if self._changed < self._changes:
            self._changed += 1
            meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)
        if change["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise refusal(409, "Conflict")
        live.setdefault("spec", {}).update(change.get("spec") or {})
        meta.update(change["metadata"])
        return copy.deepcopy(live)


def _node(**spec: Any) -> dict[str, Any]:
    annotations = {CORDON_OWNER: OWNER} if spec else {}
    node = obj("Node", "train-1", annotations=annotations, resourceVersion="1")
    return {**node, "spec": spec}


def _cordons(api: MemoryCluster) -> None:
    drain(api, [Departure("train-1", "is not in the plan")], lambda _line: None)


def _uncordons(api: MemoryCluster) -> None:
    assert uncordon(api, ["train-1"], lambda _line: None) == ["train-1"]


def _takes_finalizers(api: MemoryCluster) -> None:
    assert take_finalizers(api, api.list("batch/v1", "Job")) == 1


def _opens_gates(api: MemoryCluster) -> None:
    assert open_gates(api) == 1


def _restores(api: MemoryCluster) -> None:
    assert restore(api, [_deployment(1)], lambda _line: None) == ["Deployment/research/web"]


def _deployment(replicas: int, *fields: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"managedFields": list(fields), "resourceVersion": "1"} if fields else {}
    return {**obj("Deployment", "web", "research", version="apps/v1", **meta), "spec": {"replicas": replicas}}


POD = obj("Pod", "a", "research", labels={QUEUE_NAME: "train"}, resourceVersion="1")
JOB = obj("Job", "a", "research", version="batch/v1", finalizers=[KUEUE], resourceVersion="1")
Call = Callable[[MemoryCluster], None]
WRITERS: dict[str, tuple[dict[str, Any], Call, dict[str, Any]]] = {
    "cordon": (_node(), _cordons, {"unschedulable": True}),
    "uncordon": (_node(unschedulable=True), _uncordons, {"unschedulable": None}),
    "finalizers": (JOB, _takes_finalizers, {}),
    "gates": (
        {**POD, "spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/topology"}]}},
        _opens_gates,
        {"schedulingGates": None},
    ),
    "restore": (_deployment(3, FOREIGN), _restores, {"replicas": 1}),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("changes", [0, 1, 3])
def test_what_a_controller_changes_in_between_stops_no_writer(name: str, changes: int) -> None:
    stored, call, spec = WRITERS[name]
    api = BusyCluster(stored, changes=changes)
    call(api)
    (after,) = (each for key, each in api.objects.items() if key[1] == stored["kind"])
    assert after.get("spec", {}) == spec
    assert not after["metadata"].get("finalizers")


def _refuses(counter: list[int], error: ApiError) -> None:
    counter.append(1)
    raise error


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (refusal(409, "Conflict"), 10),
        (refusal(409, "AlreadyExists"), 1),
        (refusal(409, "Conflict", ('.spec.replicas: conflict with "somebody"',)), 1),
        (refusal(404, "NotFound"), 1),
    ],
)
def test_only_a_conflict_of_versions_is_tried_again_and_not_for_ever(error: ApiError, attempts: int) -> None:
    made: list[int] = []
    with pytest.raises(ApiError) as caught:
        retry_on_conflict(partial(_refuses, made, error))
    assert caught.value is error
    assert len(made) == attempts

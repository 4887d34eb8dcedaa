"""What Kueue holds, once it is no part of a control plane any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.embedded import queue_release
from sovereign_ai.cluster.embedded.queue_release import (
    QueueRelease,
    release_queues,
    release_without_queueing,
    take_finalizers,
)
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs
from sovereign_ai.cluster.embedded.queueing import queue_settings_file, set_queueing
from sovereign_ai.cluster.state import ClusterDir
from tests.support.memory_cluster import MemoryCluster, obj, refusal

VERSION, MARK = "kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io/resource-in-use"


class Queues(MemoryCluster):
    """A cluster in memory that takes finalizers off."""

    closed = False

    def __init__(self, *objects: Mapping[str, Any]) -> None:
        super().__init__(*objects)
        self.statuses: list[tuple[str, str | None, Mapping[str, Any]]] = []

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        self.statuses.append((obj["kind"], obj["metadata"].get("namespace"), obj["status"]))
        return dict(obj)

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        stored = self.objects.get((api_version, kind, namespace or "", name))
        if stored is None:
            raise refusal(404, "NotFound")
        assert change["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
        stored["metadata"]["finalizers"] = change["metadata"]["finalizers"]
        return stored

    def close(self) -> None:
        self.closed = True


def held(kind: str, *finalizers: str, namespace: str = "") -> dict[str, Any]:
    return obj(kind, "a", namespace, version=VERSION, finalizers=list(finalizers), resourceVersion="7")


def finalizers_of(api: Queues) -> list[Any]:
    return [stored["metadata"].get("finalizers") for key, stored in api.objects.items() if key[0] == VERSION]


def test_only_kueues_finalizers_go_and_only_from_its_own_kinds() -> None:
    api = Queues(
        held("ClusterQueue", MARK),
        held("Workload", MARK, "example.com/theirs", namespace="research"),
        held("ResourceFlavor", "example.com/theirs"),
    )
    other = obj("ConfigMap", "a", "research", finalizers=[MARK], resourceVersion="7")
    api.put(other)
    api.unserved = {"Topology"}
    released = release_queues(api)
    assert list(released.lines()) == ["2 objects that Kueue held can be deleted again"]
    assert finalizers_of(api) == [None, ["example.com/theirs"], ["example.com/theirs"]]
    assert api.objects["v1", "ConfigMap", "research", "a"]["metadata"]["finalizers"] == [MARK]


def test_queues_say_no_more_that_somebody_admits_work() -> None:
    said = {"status": {"conditions": [{"type": "Active", "status": "True"}], "pendingWorkloads": 1}}
    api = Queues(
        {**held("ClusterQueue"), **said}, {**held("LocalQueue", namespace="research"), **said}, held("Cohort")
    )
    release_queues(api)
    assert api.statuses == [
        ("ClusterQueue", None, {"conditions": None}),
        ("LocalQueue", "research", {"conditions": None}),
    ]


def test_what_goes_in_the_meantime_needs_no_release() -> None:
    api = Queues(held("ClusterQueue", MARK))
    listed = api.list(VERSION, "ClusterQueue")
    api.objects.clear()
    assert take_finalizers(api, listed) == 1


def test_a_control_plane_releases_once_and_never_while_kueue_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_dir = ClusterDir("queues", tmp_path / "queues")
    cluster_dir.make()
    api = Queues(held("ClusterQueue", MARK))
    monkeypatch.setattr(queue_release, "open_cluster", lambda _kubeconfig: api)
    assert release_without_queueing(cluster_dir) is None
    queue_settings_file(cluster_dir).write_text("{}", encoding="utf-8")
    set_queueing(cluster_dir, tmp_path)
    assert release_without_queueing(cluster_dir) is None
    assert finalizers_of(api) == [[MARK]]
    set_queueing(cluster_dir, None)
    released = release_without_queueing(cluster_dir)
    assert released is not None
    assert released.objects == 1
    assert api.closed
    api.put(held("ClusterQueue", MARK))
    assert release_without_queueing(cluster_dir) is None


def test_what_was_released_is_named_and_so_is_what_stays() -> None:
    jobs = QueuedJobs(waiting=("research/a", "research/b"), held=("research/c",))
    released = QueueRelease(objects=0, pods=3, jobs=jobs, refused={"research/b": "a policy refuses it"})
    assert list(released.lines()) == [
        "jobs that waited for Kueue start: research/a",
        "3 pods that Kueue had not placed are scheduled without it",
        "job research/b stays suspended: a policy refuses it",
        "suspended jobs that did not wait for Kueue stay so: research/c",
    ]

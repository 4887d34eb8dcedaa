"""Definitions of Kueue that a local control plane keeps, and what is released once Kueue is gone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster import WITHOUT_CONTROLLER
from sovereign_ai.deploy.live_objects import ObjectKey
from sovereign_ai.deploy.removal.kept_definitions import (
    hand_back,
    kept_definitions,
    release_after_kueue,
    release_lines,
)
from sovereign_ai.names import KEYS, OWNER
from tests.support.memory_cluster import MemoryCluster, obj

GROUP, VERSION = "apiextensions.k8s.io", "apiextensions.k8s.io/v1"
QUEUES, SETS = "clusterqueues.kueue.x-k8s.io", "jobsets.jobset.x-k8s.io"
KUEUE = "kueue.x-k8s.io/v1beta2"


def key(name: str, kind: str = "CustomResourceDefinition", group: str = GROUP) -> ObjectKey:
    return ObjectKey(group, kind, "", name)


def definition(name: str = QUEUES, **labels: str) -> dict[str, Any]:
    webhook = {"clientConfig": {"service": {"name": "gone", "namespace": "kueue-system"}}}
    made = obj("CustomResourceDefinition", name, version=VERSION, labels=labels)
    spec = {"group": name.partition(".")[2], "names": {"kind": "ClusterQueue"}, "scope": "Cluster"}
    return {**made, "spec": {**spec, "conversion": {"strategy": "Webhook", "webhook": webhook}}}


class Plane(MemoryCluster):
    """A cluster in memory that merges changes as the API server does."""

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        stored = self.objects[api_version, kind, namespace or "", name]
        merged = merge(stored, change)
        self.objects[api_version, kind, namespace or "", name] = merged
        return copy.deepcopy(merged)


def merge(into: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a change (RFC 7386): null takes a member away."""
    merged = dict(into)
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = merge(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged


def test_a_local_control_plane_keeps_kueues_definitions_and_those_alone() -> None:
    going = [key(QUEUES), key(SETS), key("x.kueue.x-k8s.io.example.com"), key(QUEUES, "ClusterRole", "rbac")]
    assert kept_definitions(going, is_local=True) == (key(QUEUES),)


def test_a_cluster_of_the_user_keeps_none() -> None:
    assert kept_definitions([key(QUEUES)], is_local=False) == ()


def test_a_definition_is_given_back_without_owner_and_conversion_and_is_marked() -> None:
    labels = {KEYS.owner: OWNER, KEYS.factory: "lab", KEYS.stack: "uuid", KEYS.component: "platform.kueue"}
    api = Plane(definition(QUEUES, **labels, app="kueue"), definition(SETS, **labels))
    told: list[str] = []
    hand_back(api, [key(QUEUES)], told.append)
    given = api.objects[VERSION, "CustomResourceDefinition", "", QUEUES]
    assert given["metadata"]["labels"] == {"app": "kueue", WITHOUT_CONTROLLER: "kueue"}
    assert given["spec"]["conversion"] == {"strategy": "None"}
    other = api.objects[VERSION, "CustomResourceDefinition", "", SETS]
    assert other["metadata"]["labels"] == labels
    assert told == ["definitions of Kueue that stay, with what they define: 1"]


def test_nothing_is_asked_where_nothing_is_kept() -> None:
    api: Any = None
    hand_back(api, [], lambda _line: None)


def marked(api: Plane) -> list[str]:
    return [each["metadata"]["name"] for each in api.list(VERSION, "CustomResourceDefinition", None, MARK)]


MARK = f"{WITHOUT_CONTROLLER}=kueue"
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "a",
        "namespace": "research",
        "uid": "7",
        "labels": {"kueue.x-k8s.io/queue-name": "q"},
    },
    "spec": {"suspend": True},
}
WORKLOAD = {
    **obj("Workload", "job-a", "research", version=KUEUE, ownerReferences=[{"uid": "7"}]),
    "spec": {"active": True},
}


def test_a_job_that_waits_is_named_before_kueue_leaves_and_started_after_it() -> None:
    api = Plane(definition(QUEUES, **{WITHOUT_CONTROLLER: "kueue"}), JOB, WORKLOAD)
    assert "jobs that wait for it start: research/a" in list(release_lines(api, is_named=False))
    told: list[str] = []
    release_after_kueue(api, [], told.append, is_named=False)
    assert told == ["jobs that waited for Kueue start: research/a"]
    assert api.objects["batch/v1", "Job", "research", "a"]["spec"]["suspend"] is False
    assert marked(api) == []


def test_nothing_is_released_where_kueue_is_described_again() -> None:
    api = Plane(definition(QUEUES, **{WITHOUT_CONTROLLER: "kueue"}), JOB, WORKLOAD)
    release_after_kueue(api, [definition()], lambda _line: None, is_named=False)
    assert api.objects["batch/v1", "Job", "research", "a"]["spec"]["suspend"] is True
    assert marked(api) == []


def test_nothing_is_released_where_somebody_else_is_to_install_kueue() -> None:
    api = Plane(definition(QUEUES, **{WITHOUT_CONTROLLER: "kueue"}), JOB, WORKLOAD)
    (line,) = release_lines(api, is_named=True)
    assert "wait for whoever installs it" in line
    release_after_kueue(api, [], lambda _line: None, is_named=True)
    assert api.objects["batch/v1", "Job", "research", "a"]["spec"]["suspend"] is True
    assert marked(api) == []


def test_nothing_is_released_where_kueue_did_not_leave_by_a_description() -> None:
    api = Plane(definition(QUEUES), definition(SETS, **{WITHOUT_CONTROLLER: "jobset"}), JOB, WORKLOAD)
    release_after_kueue(api, [], lambda _line: None, is_named=False)
    assert api.objects["batch/v1", "Job", "research", "a"]["spec"]["suspend"] is True

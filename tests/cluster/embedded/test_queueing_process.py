"""A real API server with a program in the place of Kueue: what is called, by whom, and who may change it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, status, up

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Start a control plane without Kueue, and then with a program in its place."""
    root = tmp_path_factory.mktemp("clusters")
    program = root / "kueue-controller"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("fake_kueue.py")} "$@"\n')
    program.chmod(0o700)
    before = up("queues", root=root, wait_seconds=300)
    assert "kueue" not in before.pids
    yield up("queues", root=root, wait_seconds=300, queueing=True, components={"kueue-controller": program})
    down("queues", root=root)


@pytest.fixture(scope="module")
def api(cluster: EmbeddedCluster) -> Api:
    """Return the cluster behind its administrator."""
    return open_cluster(cluster.kubeconfig)


def notes(cluster: EmbeddedCluster) -> list[dict[str, Any]]:
    """Return what the program noted."""
    file = cluster.folder / "config" / "notes.jsonl"
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    # The API server adds the time that it waits as a query.
    return [line | {"path": line["path"].partition("?")[0]} for line in lines]


def test_kueue_joins_a_control_plane_that_runs_and_is_watched_like_the_others(cluster: EmbeddedCluster):
    components = {each.name: each for each in status("queues", root=cluster.folder.parent).components}
    assert components["kueue"].healthy
    probes = {note["user"] for note in notes(cluster) if note["path"] == "/readyz"}
    assert probes == {"sovereign-ai:supervisor"}


def test_the_api_server_calls_kueue_with_its_own_certificate(cluster: EmbeddedCluster, api: Api):
    flavor = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor", "metadata": {"name": "gpu"}}
    api.create(flavor | {"spec": {"nodeLabels": {"a": "b"}}})
    asked = [(note["user"], note["path"]) for note in notes(cluster) if note.get("name") == "gpu"]
    assert asked == [
        ("sovereign-ai:kube-apiserver", "/mutate-kueue-x-k8s-io-v1beta2-resourceflavor"),
        ("sovereign-ai:kube-apiserver", "/validate-kueue-x-k8s-io-v1beta2-resourceflavor"),
    ]


def test_jobs_are_shown_to_kueue_in_namespaces_of_zones_alone(cluster: EmbeddedCluster, api: Api):
    zone = {"sovereign-ai.internal/zone": "open"}
    for name, labels in (("inside", zone), ("outside", {})):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        pod = {"containers": [{"name": "main", "image": "example.com/a"}], "restartPolicy": "Never"}
        spec = {"suspend": True, "template": {"spec": pod}}
        metadata = {"name": f"job-{name}", "namespace": name}
        api.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
    named = {note.get("name") for note in notes(cluster)}
    assert "job-inside" in named
    assert "job-outside" not in named


def test_nobody_sees_or_removes_the_webhooks_through_the_api(api: Api):
    group = "admissionregistration.k8s.io/v1"
    assert api.list(group, "MutatingWebhookConfiguration") == []
    assert api.list(group, "ValidatingWebhookConfiguration") == []


@pytest.mark.parametrize(
    ("version", "kind", "namespace"),
    [
        ("v1", "Secret", "default"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", None),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", None),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", None),
    ],
)
def test_kueue_is_refused_what_it_does_not_need(api: Api, version: str, kind: str, namespace: str | None):
    kueue = api.acting_as("sovereign-ai:kueue", [])
    with pytest.raises(ApiError) as caught:
        kueue.list(version, kind, namespace)
    assert caught.value.status == 403
    assert kueue.list("kueue.x-k8s.io/v1beta2", "Workload") == []


def test_what_kueue_held_can_be_deleted_once_it_runs_no_more(cluster: EmbeddedCluster, api: Api):
    flavor = ("kueue.x-k8s.io/v1beta2", "ResourceFlavor", "held")
    own = ["kueue.x-k8s.io/resource-in-use", "example.com/another"]
    metadata = {"name": "held", "finalizers": own}
    api.create({"apiVersion": flavor[0], "kind": flavor[1], "metadata": metadata, "spec": {}})
    lines: list[str] = []
    root = cluster.folder.parent
    after = up("queues", root=root, wait_seconds=300, queueing=False, progress=lines.append)
    assert "kueue" not in after.pids
    held = api.get(*flavor)
    assert held is not None
    assert held["metadata"]["finalizers"] == own[1:]
    assert lines[-1] == "queues: 1 object that Kueue held can be deleted again"

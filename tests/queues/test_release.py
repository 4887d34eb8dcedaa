"""Jobs that the real Kueue holds, once it is no part of their control plane any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.names import KEYS

pytestmark = pytest.mark.queues
KUEUE = "kueue.x-k8s.io/v1beta2"


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 240
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)
    return value


def submitted(api: Api, name: str) -> str:
    """Submit a Job; return the name of the workload that Kueue makes for it."""
    container = {"name": "main", "image": "registry.example.com/train"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    api.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": "research",
                "labels": {"kueue.x-k8s.io/queue-name": "train"},
            },
            "spec": {"template": template},
        }
    )

    def workload() -> str:
        for obj in api.list(KUEUE, "Workload", "research"):
            if obj["metadata"]["ownerReferences"][0]["name"] == name:
                return str(obj["metadata"]["name"])
        return ""

    return str(until(workload))


def is_suspended(api: Api, name: str) -> bool:
    job = api.get("batch/v1", "Job", name, "research")
    assert job is not None
    return bool(job["spec"].get("suspend"))


def test_a_job_that_waits_starts_without_kueue_and_a_deactivated_one_does_not(tmp_path: Path) -> None:
    lines: list[str] = []
    root = tmp_path / "clusters"
    cluster = up("release", root=root, queueing=True, wait_seconds=300)
    try:
        api = open_cluster(cluster.kubeconfig)
        labels = {KEYS.namespace_zone: "open"}
        api.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research", "labels": labels}}
        )
        submitted(api, "waits")
        change = {"spec": {"active": False}}
        api.patch(KUEUE, "Workload", submitted(api, "paused"), change, "research")
        assert is_suspended(api, "waits")
        up("release", root=root, queueing=False, wait_seconds=300, progress=lines.append)
        assert not is_suspended(api, "waits")
        assert is_suspended(api, "paused")
        assert "release: jobs that waited for Kueue start: research/waits" in lines
        assert "release: suspended jobs that did not wait for Kueue stay so: research/paused" in lines
        api.close()
    finally:
        down("release", root=root)

"""Two control planes: the Kueue of one sends a job to the other, where it runs on simulated machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.worker_kubeconfig import make_worker_kubeconfig
from sovereign_ai.plan import Plan
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.sim.factory import simulate
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.queue_state import is_true
from tests.plan.multikueue import MANAGER, WORKER, two_sites
from tests.queues.test_pending import KUEUE, until
from tests.rules.subject import pod

pytestmark = pytest.mark.queues

ENDS_AFTER = {"sovereign-ai.internal/simulated-duration": "3s"}


@dataclass(frozen=True)
class Pair:
    """Manager and worker, deployed."""

    manager: Api
    worker: Api
    worker_kubeconfig: Path
    factory: AIFactory
    plan: Plan


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Start both planes, and deploy each one's own objects and machines."""
    root = tmp_path_factory.mktemp("clusters")
    factory = two_sites()
    derived = plan(factory)
    apis = []
    clusters = []
    for name in (WORKER, MANAGER):
        clusters.append(up(name, root=root, queueing=True, multikueue=name == MANAGER, wait_seconds=300))
        api = open_cluster(clusters[-1].kubeconfig)
        for obj in render(factory, derived, name).objects:
            api.apply(obj)
        simulate(api, factory, derived, name)
        apis.append(api)
    yield Pair(apis[1], apis[0], clusters[0].kubeconfig, factory, derived)
    for name in (MANAGER, WORKER):
        down(name, root=root)


def job(name: str, namespace: str, queue: str, **spec: Any) -> dict[str, Any]:
    """A job of two pods of eight GPUs that asks for one rack."""
    made = pod()["spec"] | {"restartPolicy": "Never"}
    made["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "8"}}
    template = {"metadata": {"annotations": ENDS_AFTER}, "spec": made}
    metadata = {"name": name, "namespace": namespace, "labels": {"kueue.x-k8s.io/queue-name": queue}}
    body = {"parallelism": 2, "completions": 2, "suspend": True, "template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": body}


def connected(api: Api) -> bool:
    live = api.get(KUEUE, "MultiKueueCluster", WORKER) or {}
    return is_true((live.get("status") or {}).get("conditions"), "Active")


def test_work_is_sent_runs_at_the_worker_and_its_end_is_seen_at_the_manager(pair: Pair) -> None:
    assert not connected(pair.manager)
    made = make_worker_kubeconfig(pair.worker, pair.worker_kubeconfig, WORKER, None, 1)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": WORKER, "namespace": "kueue-system"}}
    pair.manager.create(secret | {"stringData": {"kubeconfig": made.content.decode()}})
    until(lambda: connected(pair.manager))
    pair.manager.create(job("far", "t", "there"))
    until(lambda: pair.worker.get("batch/v1", "Job", "far", "t"))
    until(lambda: pair.worker.list("v1", "Pod", "t"))
    assert pair.manager.list("v1", "Pod", "t") == []
    done = until(lambda: _ended(pair.manager, "far"))
    assert done["spec"]["managedBy"] == "kueue.x-k8s.io/multikueue"
    assert done["status"]["succeeded"] == 2


def _ended(api: Api, name: str) -> Any:
    live = api.get("batch/v1", "Job", name, "t") or {}
    return live if is_true((live.get("status") or {}).get("conditions"), "Complete") else None

"""A worker with eight GPUs and its kubelet, both over real sockets in a folder with a long path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.sim.kubelet.gpus import Device, devices
from sovereign_ai.sim.kubelet.worker import Worker, workers
from tests.sim.kubelet.fake_kubelet import FakeKubelet
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi

FACTORY = factory_of(pool("train"), pool("cut", nodes=1, mig="3g.40gb"), pool("red", "mi300x-oam8", 1), pool("blue", "gaudi3-oam8", 1))
PLAN = plan_of(FACTORY)


@dataclass
class Node:
    """One node: its kubelet, what serves it, and the API server."""

    api: InMemoryApi
    kubelet: FakeKubelet
    worker: Worker
    folder: Path

    @property
    def devices(self) -> tuple[Device, ...]:
        return devices(self.worker.machine)

    def keep(self, faults: dict[tuple[str, int], int] | None = None) -> None:
        self.worker.keep(faults or {})

    def claim(self, *names: str, request: str = "device", uid: str = "uid-c") -> None:
        """Store a claim that the scheduler has allocated these devices."""
        driver, pool_name = self.worker.machine.accelerator.dra_driver, self.worker.machine.node.name
        results = [{"driver": driver, "pool": pool_name, "device": name, "request": request} for name in names]
        self.api.put(
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceClaim",
                "metadata": {"name": uid, "namespace": "research", "uid": uid},
                "spec": {"devices": {"requests": [{"name": request, "exactly": {"deviceClassName": driver}}]}},
                "status": {"allocation": {"devices": {"results": results}}},
            }
        )


def make_node(folder: Path, name: str) -> Iterator[Node]:
    api = InMemoryApi()
    api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}})
    kubelet = FakeKubelet(folder)
    (worker,) = workers(api, PLAN, CLUSTER, {name: folder})
    worker.start()
    node = Node(api, kubelet, worker, folder)
    try:
        yield node
    finally:
        worker.stop()
        kubelet.stop()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    yield from make_node(tmp_path / ("a-folder-deeper-than-a-socket-may-lie-" * 3) / "n", "train-0001")


@pytest.fixture
def cut_node(tmp_path: Path) -> Iterator[Node]:
    yield from make_node(tmp_path / "n", "cut-0001")


@pytest.fixture(params=["red-0001", "blue-0001"])
def other_node(tmp_path: Path, request: Any) -> Iterator[Node]:
    yield from make_node(tmp_path / "n", request.param)

"""A worker with eight GPUs and its kubelet, both over real sockets in a folder with a long path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.sim.kubelet.gpus import GpuDevice, devices
from sovereign_ai.sim.kubelet.worker import Worker
from sovereign_ai.sim.machine import Machine, machines
from tests.sim.kubelet.fake_kubelet import FakeKubelet
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.verify.in_memory import InMemoryApi

FACTORY = factory_of(
    pool("train"),
    pool("cut", nodes=1, mig="3g.40gb"),
    pool("red", "mi300x-oam8", 1),
    pool("blue", "gaudi3-oam8", 1),
)
PLAN = plan_of(FACTORY)


@dataclass
class Place:
    """One node: its kubelet, what serves it, and the API server."""

    api: InMemoryApi
    kubelet: FakeKubelet
    worker: Worker

    @property
    def devices(self) -> tuple[GpuDevice, ...]:
        return devices(self.worker.machine)

    def keep(self, faults: dict[tuple[str, int], int] | None = None) -> None:
        self.worker.keep(faults or {})

    def claim(self, *names: str, request: str = "device", uid: str = "uid-c") -> None:
        """Store a claim that the scheduler has allocated these devices."""
        driver, pool_name = self.worker.machine.accelerator.dra_driver, self.worker.machine.node.name
        results = [
            {"driver": driver, "pool": pool_name, "device": name, "request": request} for name in names
        ]
        self.api.put(
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceClaim",
                "metadata": {"name": uid, "namespace": "research", "uid": uid},
                "spec": {
                    "devices": {"requests": [{"name": request, "exactly": {"deviceClassName": driver}}]}
                },
                "status": {"allocation": {"devices": {"results": results}}},
            }
        )


def machine(name: str) -> Machine:
    return next(one for one in machines(PLAN, CLUSTER) if one.node.name == name)


def make_node(root: Path, name: str) -> Iterator[Place]:
    before = os.umask(0o077)  # as the supervisor has it
    api = InMemoryApi()
    offered = {machine(name).part.resource: str(machine(name).devices)}
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {}},
            "spec": {},
            "status": {"allocatable": offered},
        }
    )
    kubelet = FakeKubelet(root)
    kubelet.node.make()
    worker = Worker(api, PLAN, machine(name), kubelet.node)
    worker.start()
    node = Place(api, kubelet, worker)
    try:
        yield node
    finally:
        os.umask(before)
        worker.stop()
        kubelet.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits long for a device that stays held."""
    monkeypatch.setattr("sovereign_ai.sim.kubelet.ledger.PATIENCE_SECONDS", 0.1)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Place]:
    yield from make_node(tmp_path / ("a-folder-deeper-than-a-socket-may-lie-" * 3) / "n", "train-0001")


@pytest.fixture
def cut_node(tmp_path: Path) -> Iterator[Place]:
    yield from make_node(tmp_path / "n", "cut-0001")


@pytest.fixture(params=["red-0001", "blue-0001"])
def other_node(tmp_path: Path, request: Any) -> Iterator[Place]:
    yield from make_node(tmp_path / "n", request.param)

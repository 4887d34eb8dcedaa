"""A control plane with the machines of the lab, watched by Prometheus and kube-state-metrics, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.alerts import ActiveAlert, active_alerts, query
from sovereign_ai.cluster.embedded.control_plane import monitoring_of
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.sim.factory import simulate
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.platform import Platform
from tests.render.lab import stack

BOTH = ("prometheus", "kube-state-metrics")


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    """Return what holds, once it is true; a second between two looks."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(1)
    return value


@cache
def described(*monitors: str) -> tuple[AIFactory, Plan]:
    """Return the lab with these programs that watch it, and its plan."""
    factory = stack("lab")[0].model_copy(update={"platform": Platform(monitoring=monitors)})
    return factory, plan(factory)


@dataclass(frozen=True)
class Watched:
    """The control plane.

    Attributes:
        root: the folder of its clusters.
        api: its administrator.
        factory: its description.
        plan: the plan of that.
    """

    root: Path
    api: Api
    factory: AIFactory
    plan: Plan

    @property
    def cluster_dir(self) -> ClusterDir:
        """Its folder."""
        return cluster_dir_of("lab", self.root)

    def start(self, *monitors: str, programs: bool = True) -> dict[str, int]:
        """Start it, watched by these programs; return its processes."""
        wanted = monitoring_of(*described(*monitors), "lab") if programs else None
        return dict(up("lab", root=self.root, wait_seconds=300, monitoring=wanted).pids)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression, each with its value."""
        rows: list[dict[str, Any]] = query(self.cluster_dir, f"/api/v1/query?query={quote(expression)}")[
            "result"
        ]
        return rows

    def value(self, expression: str) -> float:
        """Return the value of an expression with one series; -1 without any."""
        rows = self.query(expression)
        return float(rows[0]["value"][1]) if rows else -1.0

    def firing(self) -> dict[str, ActiveAlert]:
        """Return the alerts that fire, by name."""
        return {alert.name: alert for alert in active_alerts(self.cluster_dir) if alert.state == "firing"}


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    root = tmp_path_factory.mktemp("clusters")
    factory, derived = described(*BOTH)
    cluster = up("lab", root=root, wait_seconds=300, monitoring=monitoring_of(factory, derived, "lab"))
    api = open_cluster(cluster.kubeconfig)
    try:
        simulate(api, factory, derived, "lab")
        yield Watched(root, api, factory, derived)
    finally:
        api.close()
        down("lab", root=root)

"""The process that stands for machines' exporters, over real TLS; the API server alone is played."""

from __future__ import annotations

import http.client
import os
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.embedded.monitoring import (
    MONITORS,
    Monitoring,
    description_file,
    make_monitoring,
    set_monitoring,
)
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.state import LISTENERS, ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.plan import plan
from sovereign_ai.sim import exporter
from sovereign_ai.sim.exporter import PAGES, MachineMetricsServer
from sovereign_ai.spec import read_data
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack

WATCHING = ("prometheus", "machine-metrics", "kube-state-metrics", "kube-state-metrics-telemetry")
PORTS = {name: 20_000 + number for number, name in enumerate((*LISTENERS, *WATCHING))}


class PlayedApi:
    """An API server in which every machine of the lab is ready, unless it is silent."""

    silent = False

    def list(self, _version: str, kind: str, **_selection: str) -> list[dict[str, Any]]:
        """Return objects of a kind."""
        if self.silent:
            raise EnvironmentLacksError(Problem("api-unreachable", "no answer"))
        if kind != "Node":
            return []
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [
            {"metadata": {"name": node.name}, "spec": {}, "status": status} for node in stack("lab")[1].nodes
        ]


class Running:
    """The process, as a thread."""

    def __init__(self, cluster_dir: ClusterDir, api: PlayedApi) -> None:
        self.cluster_dir, self.api = cluster_dir, api
        self.server = MachineMetricsServer(cluster_dir, 0)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def get(self, path: str, who: str = "monitoring-scraper") -> tuple[int, str]:
        """Return status and body of a request."""
        pki = self.cluster_dir.pki
        tls = ssl.create_default_context(cafile=str(pki / "monitoring-ca.crt"))
        tls.load_cert_chain(pki / f"{who}.crt", pki / f"{who}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=tls, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    cluster_dir = ClusterDir("lab", tmp_path_factory.mktemp("clusters") / "lab")
    cluster_dir.make()
    make_identities(cluster_dir, PORTS["kube-apiserver"])
    set_monitoring(cluster_dir, Monitoring(MONITORS, stack("lab")[0].canonical()))
    make_monitoring(cluster_dir, PORTS)
    api = PlayedApi()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exporter, "open_cluster", lambda _identity: api)
        patched.setattr(exporter, "FRESH_SECONDS", 0.0)
        one = Running(cluster_dir, api)
        yield one
        one.server.shutdown()
        one.server.server_close()


@pytest.fixture
def running(process: Running) -> Running:
    """Return the process with an API server that answers, and the lab's description."""
    process.api.silent = False
    description_file(process.cluster_dir).write_bytes(stack("lab")[0].canonical())
    return process


def test_prometheus_is_given_each_page_of_all_machines(running: Running) -> None:
    texts = {}
    for page in PAGES:
        status, texts[page] = running.get(f"/{page}")
        assert status == 200
    machines = len(stack("lab")[1].nodes)
    assert texts["nodes"].count('up{job="nodes"') == machines
    assert texts["gpus"].count("DCGM_FI_DEV_GPU_UTIL{") == 8 * machines
    assert texts["controllers"].count("ipmi_dcmi_power_consumption_watts{") == machines


@pytest.mark.parametrize("who", ["monitoring-reader", "monitoring-supervisor"])
def test_nobody_but_prometheus_reads_a_page(running: Running, who: str) -> None:
    for page in PAGES:
        assert running.get(f"/{page}", who) == (403, "")


@pytest.mark.parametrize("who", ["admin", "prometheus", "supervisor", "machine-metrics"])
def test_a_certificate_of_the_cluster_opens_nothing(running: Running, who: str) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        running.get("/gpus", who)


def test_only_the_supervisor_asks_for_health_and_gets_it_whatever_the_api_server_says(
    running: Running,
) -> None:
    running.api.silent = True
    assert running.get("/healthz", "monitoring-supervisor") == (200, "ok")
    assert running.get("/healthz")[0] == 403


@pytest.mark.parametrize("path", ["/", "/metrics", "/nodes/../gpus", "/debug/pprof"])
def test_there_is_no_other_page(running: Running, path: str) -> None:
    assert running.get(path) == (404, "")


def test_without_an_answer_of_the_api_server_a_page_is_an_error_and_no_old_reading(running: Running) -> None:
    assert running.get("/gpus")[0] == 200
    running.api.silent = True
    assert running.get("/gpus") == (503, "")
    running.api.silent = False
    assert running.get("/gpus")[0] == 200


def test_a_changed_description_is_followed_and_a_damaged_one_is_an_error(running: Running) -> None:
    factory = stack("lab")[0]
    assert running.get("/nodes")[1].count("up{") == 16
    pools = tuple(pool.model_copy(update={"nodes": pool.nodes + 1}) for pool in factory.pools)
    file = description_file(running.cluster_dir)
    file.write_bytes(factory.model_copy(update={"pools": pools}).canonical())
    os.utime(file, (1, 1))
    assert running.get("/nodes")[1].count("up{") == 16 + len(pools)
    file.write_text("{")
    os.utime(file, (2, 2))
    assert running.get("/nodes") == (503, "")


@pytest.mark.parametrize("name", SMALL)
def test_the_description_in_the_folder_of_a_control_plane_gives_the_plan_of_the_stack(name: str) -> None:
    factory, derived = stack(name)
    again = read_data(orjson.loads(factory.canonical()), "factory.json").factory
    assert again.digest == factory.digest
    assert plan(again).digest == derived.digest

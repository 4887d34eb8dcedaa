"""An engine is ended when the way to its cluster is lost, and left alone while it is only interrupted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.api.deadlines import Patience
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.deploy.engine import connection_watch
from sovereign_ai.deploy.engine.connection_watch import ConnectionWatch, watching_connection
from tests.cluster.test_preflight import reviewing
from tests.cluster.tls_server import Server
from tests.life import within
from tests.support.fault_proxy import Fault, FaultProxy

LIMITS = Patience(handshake=0.6, connect=0.6, back=0.6, silence=0.4, alive=0.3, read=1.0, write=1.0, busy=0.3)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    folder = tmp_path_factory.mktemp("watch")
    server = Server(ClusterDir("served", folder / "served"), reviewing(lambda _wanted: True))
    with FaultProxy(server.where.kubeconfig, folder / "proxy") as made:
        yield made
    server.stop()


class Watched:
    """A watch with short limits, and what it did."""

    def __init__(self, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_watch, "_REFUSED_SECONDS", 0.5)
        monkeypatch.setattr(connection_watch, "_SILENT_SECONDS", 2.0)
        monkeypatch.setattr(connection_watch, "_MORE_SECONDS", 0.5)
        self.ends: list[float] = []
        self.lines: list[str] = []
        self.watch = ConnectionWatch(
            open_cluster(proxy.kubeconfig, limits=LIMITS),
            lambda: self.ends.append(time.monotonic()),
            self.lines.append,
            0.1,
        )
        self.watch.start()


@pytest.fixture
def watched(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    proxy.disarm()
    proxy.open()
    made = Watched(proxy, monkeypatch)
    yield made
    made.watch.stop()


def test_a_refused_identity_ends_the_engine_soon_and_a_second_time_where_it_stays(
    proxy: FaultProxy, watched: Watched
) -> None:
    proxy.arm(Fault("status", status=401, times=None))
    assert within(10, lambda: len(watched.ends) == 2)
    assert watched.watch.problem is not None
    assert watched.watch.problem.code == "cluster-unauthorized"
    assert len(watched.lines) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault("silent", times=None), Fault("reset-before", times=None), Fault("status", status=500, times=None)],
)
def test_a_silence_that_lasts_ends_the_engine(proxy: FaultProxy, watched: Watched, fault: Fault) -> None:
    proxy.arm(fault)
    began = time.monotonic()
    assert within(15, lambda: bool(watched.ends))
    assert watched.ends[0] - began >= 2.0
    assert watched.watch.problem is not None


def test_a_server_that_is_back_in_time_ends_nothing(proxy: FaultProxy, watched: Watched) -> None:
    for _ in range(3):
        proxy.close()
        time.sleep(0.9)
        proxy.open()
        time.sleep(0.7)
    assert watched.ends == []
    assert watched.watch.problem is None


def test_the_watch_ends_at_once_with_the_engine_also_while_nothing_answers(
    proxy: FaultProxy, tmp_path: Path
) -> None:
    proxy.disarm()
    proxy.open()
    proxy.arm(Fault("silent", times=None))
    said: list[Any] = []
    began = time.monotonic()
    with watching_connection(proxy.kubeconfig, lambda: said.append("end"), said.append) as lost:
        time.sleep(0.3)
    assert time.monotonic() - began < 5
    assert lost() is None
    assert said == []


def test_where_there_is_no_cluster_nothing_is_watched() -> None:
    with watching_connection(None, lambda: None, lambda _line: None) as lost:
        assert lost() is None

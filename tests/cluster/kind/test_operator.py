"""What a kind node is shown of operator and authority before it starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.embedded.process_status import status_of
from sovereign_ai.cluster.kind.config import SETTINGS
from sovereign_ai.cluster.kind.operator import PORT, calls_operator, prepare, remedy, runs, start, stop
from sovereign_ai.cluster.process import socket_address
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError
from tests.life import within


def test_the_api_server_is_told_whom_to_ask_by_paths_that_it_sees_and_by_an_authority_that_it_gets(
    tmp_path: Path,
) -> None:
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    assert not calls_operator(where)
    assert "make it anew" in remedy(where)
    prepare(where)
    assert remedy(where) == "`sovereign-ai cluster up --cluster kind STACK`"
    assert calls_operator(where)
    assert not runs(where)
    webhook = json.loads((where.config / "authorization.json").read_text())["authorizers"][0]["webhook"]
    assert webhook["connectionInfo"]["kubeConfigFile"] == f"{SETTINGS}/operator.kubeconfig"
    assert webhook["failurePolicy"] == "Deny"
    kubeconfig = json.loads((where.config / "operator.kubeconfig").read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{PORT}/answer"
    held = {path.name: path.stat().st_mode & 0o777 for path in where.pki.iterdir()}
    names = ("authorization-client", "cluster-ca", "operator", "operator-server")
    assert held == dict.fromkeys((f"{name}.{end}" for name in names for end in ("crt", "key")), 0o600)


def test_a_second_look_makes_nothing_new(tmp_path: Path) -> None:
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    prepare(where)
    before = {path: path.read_bytes() for path in where.pki.iterdir()}
    prepare(where)
    assert {path: path.read_bytes() for path in where.pki.iterdir()} == before


LIVES = """
import sys
from pathlib import Path
from sovereign_ai.operate.server import LivenessServer
LivenessServer(Path(sys.argv[1]) / "operator.sock").serve_forever()
"""
SERVER = "https://127.0.0.1:6443"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[ClusterDir]:
    """A cluster that asks an operator, in a folder deeper than a Unix socket's address is long.

    Nothing runs in the end.
    """
    place = ClusterDir("lab", tmp_path / ("deep" * 20) / "lab")
    place.make()
    prepare(place)
    yield place
    stop(place)


def begin(where: ClusterDir, text: str, server: str = SERVER) -> tuple[int | None, int | None]:
    """Start what stands in for the operator; give its supervisor's process and its own."""
    start(where, server, lambda _line: None, program=(sys.executable, "-c", text))
    seen = status_of(where)
    return seen.supervisor, seen.components[0].pid


def test_one_that_runs_as_it_should_is_left_alone_and_another_server_or_certificate_starts_it_anew(
    kept: ClusterDir,
) -> None:
    first = begin(kept, LIVES)
    assert runs(kept)
    assert begin(kept, LIVES) == first
    second = begin(kept, LIVES, "https://127.0.0.1:7443")
    assert not {*first} & {*second}
    assert "https://127.0.0.1:7443" in kept.identity("operator").read_text()
    for end in ("crt", "key"):
        (kept.pki / f"operator-server.{end}").unlink()
    assert not {*second} & {*begin(kept, LIVES, "https://127.0.0.1:7443")}


def test_one_that_ends_again_and_again_is_told_at_once_with_its_last_words(kept: ClusterDir) -> None:
    with pytest.raises(EnvironmentLacksError, match="cannot listen") as caught:
        begin(kept, "import sys, time; time.sleep(0.3); sys.exit('cannot listen')")
    assert "operator ended 3 times" in str(caught.value)
    assert not runs(kept)


def test_one_that_hangs_does_not_run(kept: ClusterDir) -> None:
    _, pid = begin(kept, LIVES)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert within(20, lambda: not runs(kept))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert within(20, lambda: runs(kept))


def test_nothing_is_started_beside_a_cluster_that_asks_no_operator(tmp_path: Path) -> None:
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    start(where, SERVER, lambda _line: None)
    assert status_of(where).supervisor is None


def test_a_socket_in_the_deepest_folder_has_an_address_and_only_its_owner_may_look(kept: ClusterDir) -> None:
    begin(kept, LIVES)
    with socket.socket(socket.AF_UNIX) as asks, socket_address(kept.folder / "operator.sock") as address:
        asks.connect(address)
        asks.sendall(b"probe")  # the operator answers only after reading
        assert asks.recv(5) == b"alive"
    assert kept.folder.stat().st_mode & 0o777 == 0o700

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from sovereign_ai.cluster.process import (
    Process,
    ProcessProbe,
    is_running,
    is_stopped,
    is_well,
    socket_address,
    start,
    started_at,
)

SLEEP = Process("sleep", (sys.executable, "-c", "import time; time.sleep(60)"))


def test_a_process_survives_its_plain_data() -> None:
    process = Process("etcd", ("etcd",), ("a",), ProcessProbe(2379, "/health"), env={"A": "b"})
    assert Process.from_data(process.to_data()) == process


def test_a_process_is_known_by_its_number_and_start_time(tmp_path: Path) -> None:
    child = start(SLEEP, tmp_path / "log", tmp_path)
    started = started_at(child.pid)
    assert is_running(child.pid, started)
    assert not is_running(child.pid, (started or 0) + 1), "another process of that number"
    child.kill()
    child.wait()
    assert started_at(child.pid) is None


def test_a_stopped_process_is_noticed(tmp_path: Path) -> None:
    child = start(SLEEP, tmp_path / "log", tmp_path)
    os.kill(child.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while not is_stopped(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_stopped(child.pid)
    child.kill()
    child.wait()


def test_a_log_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    child = start(Process("echo", ("/bin/sh", "-c", "echo said")), tmp_path / "log", tmp_path)
    child.wait()
    assert (tmp_path / "log").read_text() == "said\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_listener_that_does_not_exist_is_not_healthy(tmp_path: Path) -> None:
    assert not is_well(ProcessProbe(0, host=str(tmp_path / "none.sock")))


def test_a_socket_in_a_deep_folder_has_a_short_address(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["folder" * 10] * 4)
    deep.mkdir(parents=True)
    with socket_address(deep / "a.sock") as address:
        assert len(address) < 108
        assert os.path.realpath(address) == str(deep / "a.sock")

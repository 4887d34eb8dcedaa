"""The end of a run's processes and connections on this server."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from sovereign_ai.deploy.hosts.cleanup import close_connections, end_local_processes


def test_a_process_of_the_run_is_ended_even_if_it_will_not_and_no_other_is() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"  # noqa: E501 - one literal text
    mark = secrets.token_hex(8)
    mine = {**os.environ, "SOVEREIGN_CONTROLLER": mark}
    ours = subprocess.Popen([sys.executable, "-c", code], env=mine, stdout=subprocess.PIPE, text=True)
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**mine, "SOVEREIGN_CONTROLLER": f"{mark}work"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert ours.stdout is not None
        assert other.stdout is not None
        assert (ours.stdout.readline(), other.stdout.readline()) == ("up\n", "up\n")
        assert end_local_processes(mark) == 1
        assert ours.wait(timeout=5) == -9
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def test_a_mark_that_no_process_carries_ends_nothing() -> None:
    assert end_local_processes(secrets.token_hex(8)) == 0


def test_each_connection_is_closed_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, sockets = tmp_path / "log", tmp_path / "cp"
    sockets.mkdir()
    for name in ("one", "two"):
        (sockets / name).touch()
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexit 1\n', encoding="utf-8")
    ssh.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    close_connections(sockets)
    expected = {f"-F none -o ControlPath={sockets / name} -O exit any" for name in ("one", "two")}
    assert set(log.read_text(encoding="utf-8").splitlines()) == expected


def test_a_run_without_connections_has_none_to_close(tmp_path: Path) -> None:
    close_connections(tmp_path / "missing")

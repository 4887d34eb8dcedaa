from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.container_engine import daemon
from sovereign_ai.toolchain.container_engine.docker import Docker


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing on PATH but what a test puts there, and a state of its own."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_an_engine_that_answers_is_used_and_not_ours(alone: Path) -> None:
    program(alone, "docker", "echo 28.1.0")
    seen = daemon.ensure(progress=lambda line: pytest.fail(f"nothing is to be started, yet: {line}"))
    assert (seen.version, seen.ours) == ("28.1.0", None)
    assert daemon.stop() is False


def test_without_an_engine_the_next_step_is_named() -> None:
    with pytest.raises(EnvironmentLacksError, match="no dockerd to start") as caught:
        daemon.ensure(progress=lambda _line: None)
    assert "docker.io" in caught.value.problems[0].hint


def test_only_root_starts_an_engine(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(alone, "dockerd", "exit 1")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EnvironmentLacksError, match="only root can start one"):
        daemon.ensure(progress=lambda _line: None)


def test_an_engine_that_does_not_start_is_told_in_its_own_words(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(alone, "dockerd", "echo iptables is missing; exit 1")
    program(alone, "docker", "exit 1")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(EnvironmentLacksError, match="iptables is missing"):
        daemon.ensure(progress=lambda _line: None)
    assert daemon.folder().stat().st_mode & 0o777 == 0o700


def test_an_engine_that_does_not_end_is_named_and_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        daemon, "_our_pid", lambda: 4_194_305
    )  # no process has such a number (pid_max of Linux is 2^22)
    monkeypatch.setattr(daemon, "_STOP_SECONDS", 0.1)
    daemon.folder().mkdir(parents=True)
    (daemon.folder() / "dockerd.pid").write_text("4194305")
    with pytest.raises(EnvironmentLacksError, match="did not end"):
        daemon.stop()
    assert (daemon.folder() / "dockerd.pid").exists()


def test_the_runtime_is_replaced_only_where_the_machine_withholds_something() -> None:
    assert "default-runtime" not in daemon.daemon_settings(None)
    trimmed = daemon.daemon_settings(Path("/somewhere/runtime"))
    assert trimmed["runtimes"][trimmed["default-runtime"]]["path"] == "/somewhere/runtime"


def test_a_command_that_fails_gives_its_last_words(alone: Path) -> None:
    program(alone, "docker", "echo no such image >&2; exit 1")
    assert Docker().answers() == ""
    assert not Docker().has_image("x")
    with pytest.raises(EnvironmentLacksError, match="no such image"):
        Docker().text("image", "inspect", "x")


def test_bytes_and_files_reach_a_commands_standard_input(alone: Path, tmp_path: Path) -> None:
    program(alone, "docker", "read line; echo got $line")
    (tmp_path / "archive").write_text("a file\n")
    assert Docker().text("load", source=tmp_path / "archive") == "got a file"
    assert Docker().text("load", feed=b"bytes\n") == "got bytes"

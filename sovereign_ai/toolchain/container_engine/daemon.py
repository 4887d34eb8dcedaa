"""Start Docker as root where no engine runs, and stop the engine that was started.

ensure(progress=print)     # uses the engine that answers; else starts dockerd, as root
state().version            # what `doctor` reports
stop()                     # stops the engine that `ensure` started, and no other
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import CACHED, content_if_whole, end_of, kernel_text
from sovereign_ai.files.writing import open_to_append, replace, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.cache import Progress
from sovereign_ai.toolchain.container_engine import trim
from sovereign_ai.toolchain.container_engine.docker import INSTALL_HINT, Docker
from sovereign_ai.toolchain.waiting import wait_until

_START_SECONDS, _STOP_SECONDS = 60.0, 30.0
_MOST_LOG = 64 << 10
_DIGITS = 19
"""The most digits of a process's number."""
_RUNTIME = "sovereign-trim"


@frozen_dataclass
class EngineState:
    """The state of the container engine.

    Attributes:
        version: the version of the engine that answers; empty if none does.
        ours: the process of the engine that this program started, if it runs.
        trims: capabilities that this machine withholds.
    """

    version: str
    ours: int | None
    trims: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def folder() -> Path:
    """Return the folder of the engine's files: below the state folder, since they are no cache."""
    home = os.environ.get("XDG_STATE_HOME") or ""
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "sovereign-ai" / "engine"


def state() -> EngineState:
    """Return the state of the engine; nothing is changed."""
    return EngineState(Docker().answers(), _our_pid(), tuple(sorted(trim.missing())))


def ensure(*, progress: Progress) -> EngineState:
    """Use the engine that answers, or start one as root.

    Raises:
        EnvironmentLacksError: none answers and none can be started.
    """
    seen = state()
    if seen.version:
        return seen
    if shutil.which("dockerd") is None:
        raise EnvironmentLacksError(
            Problem(
                "no-engine",
                "no container engine answers, and there is no dockerd to start",
                hint=INSTALL_HINT,
            )
        )
    if os.geteuid() != 0:
        hint = "start Docker, or run this as root; your user must be allowed to speak to it"
        raise EnvironmentLacksError(
            Problem("no-engine", "no container engine answers, and only root can start one", hint=hint)
        )
    progress("container engine: starting dockerd")
    _start()
    return state()


def stop() -> bool:
    """Stop the engine that this program started, and return whether there was one.

    Raises:
        EnvironmentLacksError: it did not end in time.
    """
    pid = _our_pid()
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: _our_pid() is None, _STOP_SECONDS):
        hint = f"it may still be ending containers; run this again, or see {folder() / 'dockerd.log'}"
        raise EnvironmentLacksError(
            Problem(
                "engine-stays", f"dockerd, process {pid}, did not end within {_STOP_SECONDS:g} s", hint=hint
            )
        )
    (folder() / "dockerd.pid").unlink(missing_ok=True)
    return True


def _start() -> None:
    """Start dockerd in a session of its own and wait until it answers."""
    engine_dir = folder()
    engine_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = engine_dir / "dockerd.log"
    pid_file = engine_dir / "dockerd.pid"
    settings = engine_dir / "daemon.json"
    launcher = _launcher(engine_dir) if trim.missing() else None
    write_private(settings, json.dumps(daemon_settings(launcher), indent=2).encode(), durable=False)
    argv = ["dockerd", f"--config-file={settings}", f"--pidfile={pid_file}"]
    with os.fdopen(open_to_append(log), "ab") as sink:
        sink.truncate(0)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    docker = Docker()
    if (
        wait_until(lambda: process.poll() is not None or docker.answers(), _START_SECONDS)
        and process.poll() is None
    ):
        return
    process.kill()
    process.wait()
    last_lines = end_of(log, _MOST_LOG).decode(errors="replace").splitlines()[-4:]
    reason = " | ".join(last_lines)[-800:]
    message = f"dockerd did not start: {reason}"
    raise EnvironmentLacksError(Problem("engine-not-started", message, hint=f"its log is {log}"))


def daemon_settings(launcher: Path | None) -> dict[str, Any]:
    """Return the daemon's settings.

    Args:
        launcher: the runtime that requests fewer capabilities; None where the machine withholds nothing.
    """
    plain: dict[str, Any] = {
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "2"},
        "live-restore": False,
    }
    if launcher is None:
        return plain
    return plain | {"runtimes": {_RUNTIME: {"path": str(launcher)}}, "default-runtime": _RUNTIME}


def _launcher(engine_dir: Path) -> Path:
    """Write the program that the engine runs in place of runc."""
    path = engine_dir / _RUNTIME
    script = f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(trim.__file__).resolve()}" "$@"\n'
    replace(path, script.encode(), mode=0o700, durable=False)
    return path


def _our_pid() -> int | None:
    """Return the process of the engine that this program started, if it runs."""
    try:
        pid = int((content_if_whole(folder() / "dockerd.pid", CACHED) or b"").strip()[:_DIGITS])
        name = kernel_text(f"/proc/{pid}/comm").strip()
    except (OSError, ValueError):
        return None
    # The number may belong to another program by now.
    return pid if name == "dockerd" else None

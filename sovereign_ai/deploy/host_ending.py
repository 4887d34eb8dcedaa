"""Ends every process on this machine that carries the mark of a run in its environment, and none else; and a run's connections."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.errors import DeploymentError, Problem

CONTROLLER = "SOVEREIGN_CONTROLLER"
"""The environment variable that holds the mark on this machine; on hosts the playbooks set another, `SOVEREIGN_RUN`."""


def end_here(mark: str, patience: float = 5.0) -> int:
    """End every process on this machine that carries the mark; give how many there were."""
    found = 0
    deadline = time.monotonic() + patience
    number = signal.SIGTERM
    while pids := list(_marked(mark)):
        found = max(found, len(pids))
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        number = signal.SIGKILL
        if time.monotonic() > deadline:
            message = f"{len(pids)} processes of a run do not end: {', '.join(map(str, pids[:5]))}"
            raise DeploymentError(Problem("run-not-ended", message, hint="end them by hand"))
        time.sleep(0.1)
    return found


def hang_up(folder: Path) -> None:
    """End the connections that ssh keeps open for a run's next task, by their sockets.

    ssh writes over its own environment, so that no mark is found there; and a connection that stays serves
    the next run to that host, whoever makes it and however it would have been let in.

    Args:
        folder: the run's own folder of such sockets; it need not be there.
    """
    for place in folder.glob("*"):
        command = ["ssh", "-F", "none", "-o", f"ControlPath={place}", "-O", "exit", "any"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _marked(mark: str) -> Iterator[int]:
    """Give the living processes that carry the mark of a run on this machine."""
    wanted = f"{CONTROLLER}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
        except OSError:
            continue

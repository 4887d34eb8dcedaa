"""Ends every process on this machine that carries the mark of a run in its environment, and none else."""

from __future__ import annotations

import os
import signal
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

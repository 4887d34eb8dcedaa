"""End every process on this server that carries the mark of a run, and no other.

Close a run's ssh connections.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.files import kernel_file
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling

CONTROLLER = "SOVEREIGN_CONTROLLER"
"""The environment variable that holds the mark here; on hosts the playbooks set another, `SOVEREIGN_RUN`."""
_MOST_NAMED = 5
_POLL_SECONDS = 0.1


def end_local_processes(mark: str, patience: float = 5.0) -> int:
    """End every process on this server that carries a mark, and return how many there were.

    Raises:
        DeploymentError: some still run after SIGKILL and the given seconds.
    """
    count = 0
    number = signal.SIGTERM
    for is_last in polling(patience, _POLL_SECONDS):
        pids = list(_marked(mark))
        if not pids:
            break
        count = max(count, len(pids))
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # it ended between the look at /proc and the signal
        # SIGTERM is sent once; whatever is left at the next look is killed.
        number = signal.SIGKILL
        if is_last:
            names = ", ".join(map(str, pids[:_MOST_NAMED]))
            left = counted(len(pids), "process of a run does", "processes of a run do")
            message = f"{left} not end: {names}"
            raise DeploymentError(Problem("run-not-ended", message, hint="end them with `kill -KILL`"))
    return count


def close_connections(folder: Path) -> None:
    """Close the connections that ssh keeps open for a run's next task, by their control sockets.

    ssh overwrites its own environment, so the mark is not visible in it. A connection that stays open serves
    the next run to that host, whoever starts it and however that run would have been authenticated.

    Args:
        folder: the run's own folder of control sockets; it need not exist.
    """
    for socket in folder.glob("*"):
        # `-F none`: the user's own ssh configuration could name another control path.
        command = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"]
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def _marked(mark: str) -> Iterator[int]:
    """Yield the running processes of this server that carry a run's mark in their environment."""
    entry = f"{CONTROLLER}={mark}".encode()
    for process_dir in Path("/proc").iterdir():
        if not process_dir.name.isdigit():
            continue
        try:
            if entry in kernel_file(process_dir / "environ").split(b"\0"):
                yield int(process_dir.name)
        except OSError:
            # Another account's process, or one that ended meanwhile.
            continue

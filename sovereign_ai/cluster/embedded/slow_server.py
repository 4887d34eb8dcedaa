"""The API server of an embedded control plane made slow: stopped and continued by turns, for a while.

    with SlowServer(cluster_dir, 30.0) as slow:     # at most 30 s, and no longer than the block
        slow.wait(stop)

A process of its own does it, and continues the server when its time is over, when the caller is done, and
when the caller is no more, whatever ended that: it notices by the pipe between them. It holds the server by a
descriptor, so that no other process with the same number is ever stopped. Should it be killed itself between
two signals, the caller continues the server; should both be, the supervisor, which replaces a server that
has not answered for a minute.

    python -m sovereign_ai.cluster.embedded.slow_server PID STARTED SECONDS
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import sovereign_ai
from sovereign_ai.cluster.embedded.process_status import recorded_process
from sovereign_ai.cluster.process import is_running
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem

SERVER = "kube-apiserver"
_STOPPED, _CONTINUED = 1.0, 0.5
"""Seconds of a turn. A health probe waits for twice the first, so that the supervisor sees no dead server."""
_LAST_WORD = 5.0
"""Seconds that the process has to continue the server and end."""


class SlowServer:
    """An API server that is slow as long as the block runs, and no longer than was asked for."""

    def __init__(self, cluster_dir: ClusterDir, seconds: float) -> None:
        """Make the server slow.

        Args:
            cluster_dir: the embedded control plane.
            seconds: for how long.

        Raises:
            EnvironmentLacksError: no API server of this control plane runs here.
        """
        process = recorded_process(cluster_dir, SERVER)
        server = _held(*process) if process else None
        if process is None or server is None:
            message = f"no API server of {cluster_dir.name} runs here that could be made slow"
            hint = "`sovereign-ai cluster status` shows what runs; a series without `api-server` needs none"
            raise EnvironmentLacksError(Problem("no-api-server", message, hint=hint))
        pid, started = process
        self._server, self._until = server, time.monotonic() + seconds
        command = [sys.executable, "-P", "-m", "sovereign_ai.cluster.embedded.slow_server"]
        self._process = subprocess.Popen(
            [*command, str(pid), str(started), f"{self._until:.3f}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1])},
            # Ctrl-C, and what else a terminal sends to all processes of a command, leaves it to its task.
            start_new_session=True,
        )

    def wait(self, stop: threading.Event) -> None:
        """Wait until the time is over, or an event is set."""
        stop.wait(max(0.0, self._until - time.monotonic()))

    def kill(self) -> None:
        """End the process that stops the server, wherever in a turn it is."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Let the server continue, now if its time is not over yet."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_LAST_WORD)
        except subprocess.TimeoutExpired:
            self.kill()
        # Also where the process was killed after it had stopped the server.
        _send(self._server, signal.SIGCONT)
        os.close(self._server)

    def __enter__(self) -> Self:
        """Begin the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the server continue."""
        self.close()


def take_turns(pid: int, started: int, until: float, caller: int) -> None:
    """Stop and continue a process by turns; it continues at the end, whatever that is.

    Args:
        pid: the process.
        started: when the kernel started it: another one of that number is left alone.
        until: when it is over, by the host's monotonic clock: a process that starts late does nothing.
        caller: a descriptor that is readable as soon as the caller is done or dead.
    """
    server = _held(pid, started)
    if server is None:
        return
    is_over = time.monotonic() >= until
    try:
        while not is_over and _send(server, signal.SIGSTOP):
            is_over = _pause(caller, until, _STOPPED)
            _send(server, signal.SIGCONT)
            is_over = is_over or _pause(caller, until, _CONTINUED)
    finally:
        _send(server, signal.SIGCONT)
        os.close(server)


def _held(pid: int, started: int) -> int | None:
    """Return a descriptor of a process; None if it has ended, whoever has its number by now."""
    try:
        held = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # Looked at with the descriptor in hand: the number cannot pass to another process unnoticed.
    if is_running(pid, started):
        return held
    os.close(held)
    return None


def _pause(caller: int, until: float, longest: float) -> bool:
    """Wait for a part of a turn; return whether the time is over or the caller is done."""
    left = until - time.monotonic()
    readable, _, _ = select.select([caller], [], [], max(0.0, min(left, longest)))
    return bool(readable) or time.monotonic() >= until


def _send(server: int, number: signal.Signals) -> bool:
    """Send a signal to a process; return whether it still runs."""
    try:
        signal.pidfd_send_signal(server, number)
    except ProcessLookupError:
        return False
    return True


def _main() -> None:
    """Make a process slow until the standard input ends."""
    # Whoever asks this process to end asks it to continue the server first.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    pid, started, until = sys.argv[1:]
    take_turns(int(pid), int(started), float(until), sys.stdin.fileno())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _main()

"""Ending all processes of a cluster, whatever state it is in.

The supervisor is asked first, for it ends its children in order; it is killed if it does not
listen, which takes them with it. Only processes that this cluster's own files name are touched.
"""

from __future__ import annotations

import contextlib
import os
import signal

from sovereign_ai.cluster.process import is_running
from sovereign_ai.cluster.state import Place
from sovereign_ai.cluster.status import recorded_processes, supervisor_pid
from sovereign_ai.toolchain.waiting import until

STOP_SECONDS = 30.0
"""How long the supervisor may take: its three groups of processes have 10 s each."""


def end_processes(where: Place) -> bool:
    """End the supervisor and with it all processes, then whatever might be left of them; True if something ran."""
    pid = supervisor_pid(where)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        if not until(lambda: supervisor_pid(where) is None, STOP_SECONDS):
            _signal(pid, signal.SIGKILL)
            until(lambda: supervisor_pid(where) is None, STOP_SECONDS)
    left = recorded_processes(where)
    for orphan, _started in left:
        _signal(orphan, signal.SIGKILL)
    until(lambda: not any(is_running(*one) for one in left), STOP_SECONDS)
    return pid is not None or bool(left)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have gone by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

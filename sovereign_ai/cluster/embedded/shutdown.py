"""End all processes of a cluster, whatever state it is in.

The supervisor gets a signal first, since it ends its children in order. It is killed if it does not react,
and they end with it. Only processes that this cluster's own files name are touched.
"""

from __future__ import annotations

import contextlib
import os
import signal

from sovereign_ai.cluster.embedded.process_status import recorded_processes, supervisor_pid
from sovereign_ai.cluster.process import is_running
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.toolchain import wait_until

STOP_SECONDS = 30.0
"""How long the supervisor may take: its three groups of processes have 10 s each."""


def stop_processes(cluster_dir: ClusterDir) -> bool:
    """End the supervisor and its processes, then those that are left; return whether anything ran."""
    pid = supervisor_pid(cluster_dir)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        if not wait_until(lambda: supervisor_pid(cluster_dir) is None, STOP_SECONDS):
            _signal(pid, signal.SIGKILL)
            wait_until(lambda: supervisor_pid(cluster_dir) is None, STOP_SECONDS)
    left = recorded_processes(cluster_dir)
    for orphan, _started in left:
        _signal(orphan, signal.SIGKILL)
    wait_until(lambda: not any(is_running(*process) for process in left), STOP_SECONDS)
    return pid is not None or bool(left)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

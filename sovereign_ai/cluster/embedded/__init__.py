"""The embedded control plane: etcd, API server, controllers and scheduler as processes of this account.

`lifecycle.py` brings it up and ends it, and `supervisor.py` is the one process that keeps the others healthy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.cluster.embedded.lifecycle import down, launch, up
    from sovereign_ai.cluster.embedded.process_status import status_of, supervisor_pid
    from sovereign_ai.cluster.embedded.shutdown import stop_processes
    from sovereign_ai.cluster.embedded.slow_server import SlowServer
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "lifecycle": ("down", "launch", "up"),
            "process_status": ("status_of", "supervisor_pid"),
            "shutdown": ("stop_processes",),
            "slow_server": ("SlowServer",),
        },
    )

__all__ = ["SlowServer", "down", "launch", "status_of", "stop_processes", "supervisor_pid", "up"]

"""Which process holds the lease: on its own host it can be seen that it has ended.

A lease that its holder did not give back is another copy's only after `LEASE`, since nobody can know whether
a silent copy on another host still writes. A process that was killed on this host is known to have ended: the
kernel has neither its number nor its start any more. So a copy that a supervisor starts again works at once.

Where anything is in doubt, nothing has ended: another boot, other namespaces (two containers of one host
count their processes, and may count time, apart), a process that `/proc` hides from this user (`hidepid`).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from sovereign_ai.cluster import started_at
from sovereign_ai.files import kernel_text
from sovereign_ai.names import KEYS

HOLDER_PROCESS = f"{KEYS.domain}/process"
"""The annotation of the Lease that names its holder's process."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACES = ("pid", "time")
_SEPARATOR = " "
_PARTS = 4


@cache
def _kernel() -> str:
    """Return the running kernel's boot and this process's namespaces; empty where they cannot be read."""
    try:
        boot = kernel_text(_BOOT).strip()
        spaces = [str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES]
    except OSError:
        return ""
    return _SEPARATOR.join((boot, ",".join(spaces)))


def own_process() -> str:
    """Return what names this process among all hosts, boots and namespaces; empty where that is not known."""
    pid, kernel = os.getpid(), _kernel()
    started = started_at(pid)
    if not kernel or started is None:
        return ""
    return _SEPARATOR.join((kernel, str(pid), str(started)))


def has_ended(process: object) -> bool:
    """Return whether a process is known to have ended.

    Args:
        process: what `own_process` returned there; anything else is not known to have ended.
    """
    parts = process.split(_SEPARATOR) if isinstance(process, str) else []
    if len(parts) != _PARTS or not all(part.isdecimal() for part in parts[2:]):
        return False
    pid, started = int(parts[2]), int(parts[3])
    if _SEPARATOR.join(parts[:2]) != _kernel():
        return False
    seen = started_at(pid)
    # A number is given to another process when the first one has ended, and that one started later.
    return not _exists(pid) if seen is None else seen != started


def _exists(pid: int) -> bool:
    """Return whether there is a process of this number, also one that `/proc` does not show to this user."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True

"""One command at a time for a cluster: `up` and `down` hold a lock that lies beside its folder.

The lock's file outlives the folder, so that nobody locks a file that is about to go.

    with alone(place, print, seconds=60):
        ...
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.waiting import taken, until


@contextlib.contextmanager
def alone(where: Place, progress: Callable[[str], object], seconds: float) -> Iterator[None]:
    """Hold the lock of a cluster, waiting for another command if need be.

    Args:
        where: the cluster; the folder above it is made.
        progress: told that one waits.
        seconds: how long to wait.

    Raises:
        EnvironmentLacksError: the other command did not end in time.
    """
    root = where.folder.parent
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(root / f".{where.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not taken(descriptor):
            progress(f"{where.name}: waiting for another command")
            if not until(lambda: taken(descriptor), seconds):
                hint = "wait for it to end, or end it, and run the command again"
                raise EnvironmentLacksError(Problem("cluster-busy", f"another command holds cluster {where.name!r}", hint=hint))
        yield
    finally:
        os.close(descriptor)

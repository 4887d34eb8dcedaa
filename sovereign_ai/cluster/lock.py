"""The lock of a cluster: one `up` or `down` at a time.

The lock's file is beside the cluster's folder and stays when the folder is removed, so that no command locks
a file that another one deletes.

    with alone(place, print, seconds=60):
        ...
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files.writing import open_lock
from sovereign_ai.toolchain import private_folder, try_lock, wait_until


@contextlib.contextmanager
def alone(cluster_dir: ClusterDir, progress: Callable[[str], object], seconds: float) -> Iterator[None]:
    """Hold the lock of a cluster, waiting for another command if need be.

    Args:
        cluster_dir: the cluster's folder; the one above it is created.
        progress: receives a line if the command has to wait.
        seconds: how long to wait.

    Raises:
        EnvironmentLacksError: the other command did not end in time, or the folder is not this account's
            alone.
    """
    root = cluster_dir.folder.parent
    private_folder(root)
    descriptor = open_lock(root / f".{cluster_dir.name}.lock")
    try:
        if not try_lock(descriptor):
            progress(f"{cluster_dir.name}: waiting for another command")
            if not wait_until(lambda: try_lock(descriptor), seconds):
                hint = "wait for it to end, or end it, and run the command again"
                message = f"another command holds cluster {cluster_dir.name!r}"
                raise EnvironmentLacksError(Problem("cluster-busy", message, hint=hint))
        yield
    finally:
        os.close(descriptor)

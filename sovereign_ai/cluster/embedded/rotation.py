"""New authorities, certificates and token keys for an embedded control plane.

All listeners and clients of the plane belong to this program, so they change together: the plane is stopped,
its keys are removed, and its next start makes all of them anew. Nothing trusts an old and a new authority at
the same time, and a stolen key is worth nothing from then on. The price is an API that is away for some
seconds. Data stays as it is: what etcd holds is not encrypted under any of these keys.

    rotate("lab", progress=print)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, up
from sovereign_ai.cluster.embedded.process_status import supervisor_pid
from sovereign_ai.cluster.embedded.shutdown import STOP_SECONDS, stop_processes
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.removed_clusters import note_removed
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.errors import EnvironmentLacksError, Problem


def rotate(
    name: str, *, progress: Callable[[str], object] = lambda _line: None, root: Path | None = None
) -> EmbeddedCluster | None:
    """Replace every authority, certificate and token key of a control plane.

    If it is interrupted, the next `up` makes what is missing; whatever an authority that is gone has signed
    is replaced as well.

    Args:
        name: the cluster's name.
        progress: receives one line a step.
        root: the folder of all clusters, if not the user's own.

    Returns:
        The cluster; None if it did not run, in which case its next start makes the keys.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: there is no such cluster, another command holds it for too long, or it did not
            become ready again.
    """
    cluster_dir = cluster_dir_of(name, root)
    if not cluster_dir.record.exists():
        message = f"there is no embedded cluster {name!r}"
        hint = "`sovereign-ai cluster list` lists the clusters"
        raise EnvironmentLacksError(Problem("no-cluster", message, hint=hint))
    with alone(cluster_dir, progress, STOP_SECONDS):
        ran = supervisor_pid(cluster_dir) is not None
        if ran:
            progress(f"{name}: stopping it")
        stop_processes(cluster_dir)
        # Should the plane be removed and made again before a deployment has recorded its new authority, the
        # old one is how the deployment knows that this plane is gone.
        note_removed(cluster_dir)
        # With its folders: a component may have its files in one of its own.
        shutil.rmtree(cluster_dir.pki)
        cluster_dir.make()
    return up(name, progress=progress, root=root) if ran else None

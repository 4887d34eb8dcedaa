"""New authorities, certificates and token keys for an embedded control plane.

All listeners and clients of the plane belong to this program, so they change together: the plane is stopped,
its keys are removed, and its next start makes all of them anew. Nothing trusts an old and a new authority at
the same time, and a stolen key is worth nothing from then on. The price is an API that is away for some
seconds. Data stays as it is: what etcd holds is not encrypted under any of these keys.

    rotate("lab", progress=print)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, up
from sovereign_ai.cluster.embedded.process_status import supervisor_pid
from sovereign_ai.cluster.embedded.replaced_keys import (
    complete_replacement,
    ran_before,
    record_replacement,
    remove_keys,
)
from sovereign_ai.cluster.embedded.shutdown import STOP_SECONDS, stop_processes
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.errors import EnvironmentLacksError, Problem


def rotate(
    name: str, *, progress: Callable[[str], object] = lambda _line: None, root: Path | None = None
) -> EmbeddedCluster | None:
    """Replace every authority, certificate and token key of a control plane.

    If it is interrupted once the control plane has stopped, the next `up` or `rotate` completes it, and none
    of the old keys is left.

    Args:
        name: the cluster's name.
        progress: receives one line a step.
        root: the folder of all clusters, if not the user's own.

    Returns:
        The cluster; None if it did not run, in which case its next start makes the keys. One that an
        interrupted rotation stopped counts as running.

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
        runs = supervisor_pid(cluster_dir) is not None
        ran = runs or ran_before(cluster_dir)
        record_replacement(cluster_dir, ran=ran)
        if runs:
            progress(f"{name}: stopping it")
        stop_processes(cluster_dir)
        if not ran:
            remove_keys(cluster_dir)
            complete_replacement(cluster_dir)
    # A start removes the old keys and makes new ones, as it does after a command that was killed here.
    return up(name, progress=progress, root=root) if ran else None

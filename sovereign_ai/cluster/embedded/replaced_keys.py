"""The replacement of a control plane's keys, recorded until it is complete.

A command that is killed in the middle leaves some old keys, some new ones, or none, and a control plane that
is down. The record lets the next command complete the replacement, and start what ran before.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sovereign_ai.cluster.removed_clusters import note_removed
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json


def record_replacement(cluster_dir: ClusterDir, *, ran: bool) -> None:
    """Record that the keys are being replaced, before anything is stopped.

    Args:
        cluster_dir: the control plane's folder.
        ran: whether it runs, and is to run again.
    """
    write_json(_record(cluster_dir), {"ran": ran})


def is_replacing(cluster_dir: ClusterDir) -> bool:
    """Return whether a replacement was begun and is not complete."""
    return _record(cluster_dir).exists()


def ran_before(cluster_dir: ClusterDir) -> bool:
    """Return whether the control plane ran when a replacement began that is not complete."""
    return bool((read_json(_record(cluster_dir)) or {}).get("ran"))


def remove_keys(cluster_dir: ClusterDir) -> None:
    """Remove every key and certificate of a control plane that does not run."""
    # Should the plane be removed and made again before a deployment has recorded its new authority, the old
    # one is how the deployment knows that this plane is gone.
    note_removed(cluster_dir)
    # A killed command may have removed it already.
    if cluster_dir.pki.exists():
        # With its folders: a component may have its files in one of its own.
        shutil.rmtree(cluster_dir.pki)
    cluster_dir.make()


def complete_replacement(cluster_dir: ClusterDir) -> None:
    """Record that the control plane has its new keys."""
    _record(cluster_dir).unlink(missing_ok=True)


def _record(cluster_dir: ClusterDir) -> Path:
    return cluster_dir.config / "replaced-keys.json"

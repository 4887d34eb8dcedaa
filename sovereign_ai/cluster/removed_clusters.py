"""Record which local control planes were removed, identified by their certificate authorities.

A control plane that is created anew under an old name is another cluster: the objects of the old one are
gone. Where the old one was removed by this tool, that is certain, and a deployment may continue; otherwise
its fate is unknown. Each control plane has its own certificate authority, whose digest identifies it.

    note_removed(cluster_dir)                  # before its folder is removed
    was_removed(authority_of(kubeconfig))
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sovereign_ai.cluster.api.transport import named_server
from sovereign_ai.cluster.state import ClusterDir, clusters_root
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files import CLUSTER, content_if_whole
from sovereign_ai.files.writing import write_private

_FILE = ".removed"
"""The record's file, beside the folders of clusters; no cluster can have that name."""
_MOST = 500
"""Digests that are kept; the oldest are dropped first."""


def authority_of(kubeconfig: Path, context: str | None = None) -> str:
    """Return the SHA-256 of the authority that a kubeconfig trusts, hexadecimal; empty where it names none.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable, or its context names no cluster.
    """
    _, certificates = named_server(kubeconfig, context)
    certificates = certificates.strip()
    return hashlib.sha256(certificates).hexdigest() if certificates else ""


def note_removed(cluster_dir: ClusterDir) -> None:
    """Record that a local control plane is removed; nothing was deployed to one without a kubeconfig."""
    try:
        authority = authority_of(cluster_dir.kubeconfig)
    except EnvironmentLacksError:
        return
    path = cluster_dir.folder.parent / _FILE
    known = [line for line in _lines(path) if line != authority]
    kept = [*known, authority][-_MOST:]
    write_private(path, "".join(f"{line}\n" for line in kept).encode())


def was_removed(authority: str) -> bool:
    """Return whether the local control plane with this authority was removed here, of whatever kind."""
    if not authority:
        return False
    # Each kind of control plane has its own folder in the state home, and its record in it.
    records = clusters_root().parent.glob(f"*/{_FILE}")
    return any(authority in _lines(record) for record in records)


def _lines(path: Path) -> list[str]:
    """Return the recorded digests; none where they cannot be read."""
    return (content_if_whole(path, CLUSTER) or b"").decode("utf-8", "replace").split()

"""Which state folder made a kind cluster: names tell nothing, since kind finds clusters by name alone.

Another user, or another project, may have made a cluster of the same name from the same description, with the
same containers by name and image. So each cluster that is made here gets an identity: the name of a file in
its folder, which is mounted into each of its containers, and which the container engine shows as long as they
exist. A cluster that was made by `kind create cluster` with the printed configuration has none: whoever takes
it over leaves a mark in its control plane, and records its containers.

    owned = new_identity(cluster_dir)              # before kind makes the containers
    foreign_containers(cluster_dir, containers(docker, "lab"))   # -> names of those that are somebody else's
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.identities import CLUSTER_CA
from sovereign_ai.cluster.kind.config import control_plane, identity_file
from sovereign_ai.cluster.kind.containers import Container
from sovereign_ai.cluster.state import ClusterDir, read_json
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.files.writing import write_private
from sovereign_ai.toolchain.container_engine import Docker

IDENTITY = "identity"
"""The record's key for the identity that a cluster's containers were made with."""
CONTAINERS = "containers"
"""The record's key for the containers of a cluster that was adopted, by their full IDs."""
_MARK = "/kind/sovereign-ai-owner"
"""The file in the control plane's container by which an adopted cluster is somebody's."""


def new_identity(cluster_dir: ClusterDir) -> str:
    """Return an identity of a cluster that is to be made, and write the file that its containers mount."""
    identity = uuid.uuid4().hex
    write_private(identity_file(cluster_dir.folder, identity), f"{cluster_dir.folder}\n".encode())
    return identity


def foreign_containers(cluster_dir: ClusterDir, existing: Iterable[Container]) -> list[str]:
    """Return the names of the containers that this folder's cluster does not have.

    A record of an earlier version states no identity: then what was certainly made elsewhere is not its own.
    """
    record = read_json(cluster_dir.record) or {}
    return [container.name for container in existing if not _is_own(cluster_dir, record, container)]


def _is_own(cluster_dir: ClusterDir, record: dict[str, Any], container: Container) -> bool:
    """Return whether a container is one of the cluster that a record is of."""
    if record.get(IDENTITY):
        return str(identity_file(cluster_dir.folder, str(record[IDENTITY]))) in container.mounts
    if record.get(CONTAINERS) is not None:
        return container.identity in record[CONTAINERS]
    return made_in(container) in {None, cluster_dir.folder}


def made_in(container: Container) -> Path | None:
    """Return the folder whose command made a container; None where kind's own command made it."""
    for mounted in map(Path, container.mounts):
        folder = mounted.parent.parent
        # The second is what earlier versions mount as well.
        if mounted in {identity_file(folder, mounted.name), folder / "pki" / f"{CLUSTER_CA}.crt"}:
            return folder
    return None


def require_adoptable(docker: Docker, cluster_dir: ClusterDir, existing: Sequence[Container]) -> None:
    """Refuse to adopt a cluster that the command of another folder made, or has adopted already.

    Raises:
        UsageError: somebody has it.
    """
    names = [container.name for container in existing if made_in(container) is not None]
    is_marked = docker.run("cp", f"{control_plane(cluster_dir.name)}:{_MARK}", "-").returncode == 0
    if names or is_marked:
        raise refusal(cluster_dir, names or [container.name for container in existing], existing)


def mark(docker: Docker, cluster_dir: ClusterDir) -> None:
    """Leave the mark of this folder in an adopted cluster, running or not.

    Raises:
        EnvironmentLacksError: the container engine does not take it.
    """
    file = cluster_dir.folder / "owner"
    write_private(file, f"{cluster_dir.folder}\n".encode())
    docker.text("cp", str(file), f"{control_plane(cluster_dir.name)}:{_MARK}")


def refusal(cluster_dir: ClusterDir, names: Sequence[str], existing: Iterable[Container]) -> UsageError:
    """Return the error that a cluster is not this folder's, and how it is removed on purpose."""
    makers = sorted({str(folder) for folder in map(made_in, existing) if folder is not None})
    made = f"; it was made with the state in {', '.join(makers)}" if makers else ""
    listed = ", ".join(names)
    message = (
        f"sovereign-ai did not create the existing kind cluster {cluster_dir.name!r} here: {listed}{made}"
    )
    hint = (
        "nothing was touched; whoever made it removes it with `sovereign-ai cluster down`; "
        f"if nobody needs it: `kind delete cluster --name {cluster_dir.name}`, and then this command again"
    )
    return UsageError(Problem("cluster-foreign", message, hint=hint))

"""The status of a kind cluster: its containers by the container engine, and its nodes by the API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.kind import operator
from sovereign_ai.cluster.kind.containers import containers, need_engine, server
from sovereign_ai.cluster.kind.makers import foreign_containers
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of, clusters_root, read_json
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import is_label
from sovereign_ai.toolchain.container_engine import Docker


@frozen_dataclass
class NodeStatus:
    """One real node.

    Attributes:
        name: its name in the cluster.
        container: its container.
        alive: whether the container runs.
        healthy: whether the node is Ready.
    """

    name: str
    container: str
    alive: bool
    healthy: bool


@frozen_dataclass
class KindStatus:
    """One kind cluster.

    Attributes:
        name: the cluster's name.
        folder: its local state.
        phase: `absent`, `stopped` (no container runs), `degraded`, `ready`.
        healthy: whether every real node is Ready.
        server: the API server's URL, or None while its container does not run.
        kubeconfig: the administrator's kubeconfig.
        components: the real nodes, the control plane first.
        operator: whether the operator runs; None where the API server calls none.
        foreign: containers of a cluster of the same name that somebody else made; no part of this one.
    """

    name: str
    folder: Path
    phase: str
    healthy: bool
    server: str | None
    kubeconfig: Path
    components: tuple[NodeStatus, ...]
    operator: bool | None = None
    foreign: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data, for `--json`."""
        data = asdict(self)
        data["folder"] = str(self.folder)
        data["kubeconfig"] = str(self.kubeconfig)
        data["components"] = [asdict(node) for node in self.components]
        data["backend"] = "kind"
        return data


def folder_of(name: str, root: Path | None = None) -> ClusterDir:
    """Return the folder of a kind cluster: beside the embedded ones, so that their names never collide.

    Raises:
        UsageError: the name is no DNS label.
    """
    return cluster_dir_of(name, _kind_root(root))


def _kind_root(root: Path | None) -> Path:
    """Return the folder of all kind clusters: the given one, or else the user's own."""
    return root if root is not None else clusters_root().parent / "kind"


def list_kind(root: Path | None = None) -> tuple[KindStatus, ...]:
    """List the kind clusters of this user that `up` has made, by name."""
    folder = _kind_root(root)
    if not folder.is_dir():
        return ()
    statuses = []
    for name in sorted(path.name for path in folder.iterdir() if is_label(path.name)):
        cluster_dir = folder_of(name, root)
        # Without a record it is what a removed cluster left, such as the log of a failure.
        if cluster_dir.record.exists():
            statuses.append(status_of(cluster_dir))
    return tuple(statuses)


def status_of(cluster_dir: ClusterDir) -> KindStatus:
    """Return the status of the cluster in a folder.

    Raises:
        EnvironmentLacksError: no container engine answers although there is a cluster.
    """
    if not cluster_dir.record.exists():
        return KindStatus(
            cluster_dir.name,
            cluster_dir.folder,
            "absent",
            healthy=False,
            server=None,
            kubeconfig=cluster_dir.kubeconfig,
            components=(),
        )
    docker = Docker()
    need_engine(docker)
    names = {container: machine for machine, container in machines_of(cluster_dir).items()}
    existing = containers(docker, cluster_dir.name)
    foreign = foreign_containers(cluster_dir, existing)
    listed = [container for container in existing if container.name not in foreign]
    url = None if foreign else server(docker, cluster_dir.name)
    ready = _ready(cluster_dir) if url else frozenset()
    nodes = []
    for container in listed:
        # The control plane's node has its container's name and is no machine of the plan.
        name = names.get(container.name, container.name)
        is_ready = container.runs and name in ready
        nodes.append(NodeStatus(name, container.name, container.runs, is_ready))
    operator_runs = operator.runs(cluster_dir) if operator.calls_operator(cluster_dir) else None
    # One more than the machines: the control plane's node.
    is_complete = bool(nodes) and len(nodes) == len(names) + 1
    healthy = is_complete and all(node.healthy for node in nodes) and operator_runs is not False
    phase = "degraded" if any(node.alive for node in nodes) else "stopped"
    if healthy:
        phase = "ready"
    return KindStatus(
        name=cluster_dir.name,
        folder=cluster_dir.folder,
        phase=phase,
        healthy=healthy,
        server=url,
        kubeconfig=cluster_dir.kubeconfig,
        components=tuple(nodes),
        operator=operator_runs,
        foreign=tuple(foreign),
    )


def machines_of(cluster_dir: ClusterDir) -> Mapping[str, str]:
    """Read which machines of the plan are real, and their containers."""
    machines = (read_json(cluster_dir.record) or {}).get("machines")
    if not isinstance(machines, dict):
        return {}
    return {str(name): str(container) for name, container in machines.items()}


def _ready(cluster_dir: ClusterDir) -> frozenset[str]:
    """Return the names of the nodes that are Ready; none if the API server does not answer."""
    try:
        api = open_cluster(cluster_dir.kubeconfig)
        names = ready_nodes(api)
        api.close()
    except (ApiError, UnreachableError, EnvironmentLacksError):
        return frozenset()
    return names


def ready_nodes(api: Api) -> frozenset[str]:
    """Return the names of the nodes that report to be Ready.

    Raises:
        ApiError: it refused.
        UnreachableError: there was no answer.
    """
    names = set()
    for node in api.list("v1", "Node"):
        for condition in node.get("status", {}).get("conditions") or []:
            if condition["type"] == "Ready" and condition["status"] == "True":
                names.add(node["metadata"]["name"])
    return frozenset(names)

"""What a kind cluster is doing: its containers as the engine sees them, its nodes as the API server does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.kind import operator
from sovereign_ai.cluster.kind.nodes import containers, need_engine, server
from sovereign_ai.cluster.state import Place, clusters_root, place, read_json
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.names import is_label
from sovereign_ai.toolchain.engine.docker import Docker


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class KindStatus:
    """One kind cluster.

    Attributes:
        name: the cluster's name.
        folder: where we keep what we know of it.
        phase: `absent`, `stopped` (no container runs), `degraded`, `ready`.
        healthy: whether every real node is Ready.
        server: the API server's URL, or None while its container does not run.
        kubeconfig: the administrator's kubeconfig.
        components: the real nodes, the control plane first.
        operator: whether the operator runs; None where the API server asks none.
    """

    name: str
    folder: Path
    phase: str
    healthy: bool
    server: str | None
    kubeconfig: Path
    components: tuple[NodeStatus, ...]
    operator: bool | None = None

    def to_data(self) -> dict[str, Any]:
        """Give it as plain data, for `--json`."""
        paths = {"folder": str(self.folder), "kubeconfig": str(self.kubeconfig)}
        return asdict(self) | paths | {"components": [asdict(one) for one in self.components], "backend": "kind"}


def folder_of(name: str, root: Path | None = None) -> Place:
    """Give the place of a kind cluster: beside those of the embedded plane, so that names never meet.

    Raises:
        UsageError: the name is no DNS label.
    """
    return place(name, root if root is not None else clusters_root().parent / "kind")


def list_kind(root: Path | None = None) -> tuple[KindStatus, ...]:
    """List the kind clusters of this user that `up` has made, by name."""
    folder = root if root is not None else clusters_root().parent / "kind"
    names = sorted(path.name for path in folder.iterdir() if is_label(path.name)) if folder.is_dir() else []
    return tuple(status_of(folder_of(name, root)) for name in names if folder_of(name, root).record.exists())


def status_of(where: Place) -> KindStatus:
    """Say what the cluster in a place is doing.

    Raises:
        EnvironmentLacksError: no engine answers although there is a cluster to ask about.
    """
    if not where.record.exists():
        return KindStatus(where.name, where.folder, "absent", healthy=False, server=None, kubeconfig=where.kubeconfig, components=())
    docker = Docker()
    need_engine(docker)
    names = {container: machine for machine, container in machines_of(where).items()}
    there = containers(docker, where.name)
    url = server(docker, where.name)
    ready = _ready(where) if url else frozenset()
    nodes = tuple(
        NodeStatus(names.get(one.name, one.name), one.name, one.runs, one.runs and names.get(one.name, one.name) in ready) for one in there
    )
    asked = operator.runs(where) if operator.is_asked(where) else None
    healthy = bool(nodes) and len(nodes) == len(names) + 1 and all(one.healthy for one in nodes) and asked is not False
    phase = "ready" if healthy else "degraded" if any(one.alive for one in nodes) else "stopped"
    return KindStatus(where.name, where.folder, phase, healthy, url, where.kubeconfig, nodes, asked)


def machines_of(where: Place) -> Mapping[str, str]:
    """Read which machines of the plan are real, and their containers."""
    found = (read_json(where.record) or {}).get("machines")
    return {str(name): str(container) for name, container in found.items()} if isinstance(found, dict) else {}


def _ready(where: Place) -> frozenset[str]:
    """Ask the API server which nodes are Ready; none if it does not answer."""
    try:
        api = open_cluster(where.kubeconfig)
        names = ready_nodes(api)
        api.close()
    except (ApiError, UnreachableError, EnvironmentLacksError):
        return frozenset()
    return names


def ready_nodes(api: Api) -> frozenset[str]:
    """Ask the API server which nodes say that they are Ready.

    Raises:
        ApiError: it refused.
        UnreachableError: there was no answer.
    """
    return frozenset(
        node["metadata"]["name"]
        for node in api.list("v1", "Node")
        if any(one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions") or [])
    )

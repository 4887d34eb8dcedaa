"""What an embedded control plane is doing, read from its supervisor's status and from the kernel.

The supervisor says what is well; whether a process really runs is asked of the kernel each time,
by its number and start time. Without a living supervisor nothing counts as healthy.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.identities import server_url
from sovereign_ai.cluster.process import is_running
from sovereign_ai.cluster.state import Place, clusters_root, place, read_json, recorded_ports
from sovereign_ai.cluster.supervisor import LOCK, SIGN_OF_LIFE_SECONDS
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.names import is_label

_HANGS_AFTER_SECONDS = 4 * SIGN_OF_LIFE_SECONDS


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One component.

    Attributes:
        name: such as `etcd`.
        pid: its process, or None.
        alive: whether that process runs.
        restarts: how often it was started again.
        healthy: whether its health check passed lately.
        log: its log file.
    """

    name: str
    pid: int | None
    alive: bool
    restarts: int
    healthy: bool
    log: Path


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One embedded control plane.

    Attributes:
        name: the cluster's name.
        folder: where it keeps its state.
        phase: `absent`, `stopped`, `starting`, `ready`, `stopping` or `failed`.
        healthy: whether the supervisor and all components are well.
        supervisor: the supervisor's process, or None.
        server: the API server's URL, or None if it never had one.
        kubeconfig: the administrator's kubeconfig.
        components: one each, in the order in which they start.
    """

    name: str
    folder: Path
    phase: str
    healthy: bool
    supervisor: int | None
    server: str | None
    kubeconfig: Path
    components: tuple[ComponentStatus, ...]

    def to_data(self) -> dict[str, Any]:
        """Give it as plain data, for `--json`."""
        components = [asdict(component) | {"log": str(component.log)} for component in self.components]
        paths = {"folder": str(self.folder), "kubeconfig": str(self.kubeconfig), "components": components}
        return {
            "name": self.name,
            "phase": self.phase,
            "healthy": self.healthy,
            "supervisor": self.supervisor,
            "server": self.server,
        } | paths


def status(name: str = "default", *, root: Path | None = None) -> ClusterStatus:
    """Say what a cluster is doing; one that does not exist is `absent`.

    Args:
        name: the cluster's name.
        root: the folder of all clusters, if not the user's own.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: a state file is damaged.
    """
    return status_of(place(name, root))


def status_of(where: Place) -> ClusterStatus:
    """Say what the cluster in a place is doing."""
    seen = read_json(where.status) or {}
    pid = supervisor_pid(where)
    components = tuple(_component(entry, supervised=pid is not None) for entry in seen.get("processes", []) if not entry.get("once"))
    phase = str(seen.get("phase", "stopped")) if where.record.exists() else "absent"
    if pid is None and phase not in {"absent", "failed"}:
        phase = "stopped"
    ports = recorded_ports(where)
    server = server_url(ports["kube-apiserver"]) if "kube-apiserver" in ports else None
    healthy = phase == "ready" and bool(components) and all(one.healthy for one in components) and _is_fresh(where)
    return ClusterStatus(where.name, where.folder, phase, healthy, pid, server, where.kubeconfig, components)


def list_clusters(*, root: Path | None = None) -> tuple[ClusterStatus, ...]:
    """List the clusters of this user, by name."""
    folder = clusters_root(root)
    found = (
        sorted(path for path in folder.iterdir() if is_label(path.name) and Place(path.name, path).record.exists())
        if folder.is_dir()
        else []
    )
    return tuple(status_of(Place(path.name, path)) for path in found)


def supervisor_pid(where: Place) -> int | None:
    """Give the process of the living supervisor, None if there is none."""
    try:
        words = (where.folder / LOCK).read_text(encoding="utf-8").split()
    except OSError:
        return None
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        return None
    pid, started = int(words[0]), int(words[1])
    return pid if is_running(pid, started) else None


def recorded_processes(where: Place) -> list[tuple[int, int]]:
    """Give number and start time of every process that the supervisor last spoke of and that still runs."""
    try:
        seen = read_json(where.status) or {}
    except EnvironmentLacksError:
        return []
    pairs = [(entry.get("pid"), entry.get("started")) for entry in seen.get("processes", [])]
    return [(pid, started) for pid, started in pairs if is_running(pid, started)]


def _component(entry: dict[str, Any], *, supervised: bool) -> ComponentStatus:
    """Read one process out of the supervisor's status."""
    alive = is_running(entry["pid"], entry["started"])
    return ComponentStatus(
        entry["name"], entry["pid"], alive, entry["restarts"], supervised and alive and entry["well"], Path(entry["log"])
    )


def _is_fresh(where: Place) -> bool:
    """Tell whether the supervisor gave a sign of life lately."""
    try:
        return time.time() - where.status.stat().st_mtime < _HANGS_AFTER_SECONDS
    except OSError:
        return False

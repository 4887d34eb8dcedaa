"""The status of an embedded control plane, read from its supervisor's status file and from the kernel.

The supervisor reports which components are healthy. Whether a process runs is read from the kernel each time,
by its number and start time. Without a running supervisor nothing counts as healthy.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.embedded.supervisor import LOCK, SIGN_OF_LIFE_SECONDS
from sovereign_ai.cluster.identities import server_url
from sovereign_ai.cluster.process import is_running
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of, clusters_root, read_json, recorded_ports
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files import CLUSTER, content_if_whole
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import is_label

_DIGITS = 19
"""The most digits of a process's number, or of its start time: both fit into 64 bits."""
_HANGS_AFTER_SECONDS = 4 * SIGN_OF_LIFE_SECONDS
"""Age of the status file at which the supervisor hangs: it writes one each `SIGN_OF_LIFE_SECONDS`."""


@frozen_dataclass
class ComponentStatus:
    """One component.

    Attributes:
        name: such as `etcd`.
        pid: its process, or None.
        alive: whether that process runs.
        restarts: how often it was restarted.
        healthy: whether its last health check passed.
        log: its log file.
    """

    name: str
    pid: int | None
    alive: bool
    restarts: int
    healthy: bool
    log: Path


@frozen_dataclass
class ClusterStatus:
    """One embedded control plane.

    Attributes:
        name: the cluster's name.
        folder: where it keeps its state.
        phase: `absent`, `stopped`, `starting`, `ready`, `stopping` or `failed`.
        healthy: whether the supervisor and all components are healthy.
        supervisor: the supervisor's process, or None.
        server: the API server's URL, or None if it never had one.
        kubeconfig: the administrator's kubeconfig.
        components: in the order in which they start.
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
        """Return plain data, for `--json`."""
        components = [asdict(component) | {"log": str(component.log)} for component in self.components]
        return {
            "name": self.name,
            "phase": self.phase,
            "healthy": self.healthy,
            "supervisor": self.supervisor,
            "server": self.server,
            "folder": str(self.folder),
            "kubeconfig": str(self.kubeconfig),
            "components": components,
        }


def status(name: str = "default", *, root: Path | None = None) -> ClusterStatus:
    """Return the status of a cluster; one that does not exist is `absent`.

    Args:
        name: the cluster's name.
        root: the folder of all clusters, if not the user's own.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: a state file is damaged.
    """
    return status_of(cluster_dir_of(name, root))


def status_of(cluster_dir: ClusterDir) -> ClusterStatus:
    """Return the status of the cluster in a folder."""
    recorded = read_json(cluster_dir.status) or {}
    pid = supervisor_pid(cluster_dir)
    components = []
    for entry in _entries(recorded):
        is_step = bool(entry.get("once"))  # a program that runs once at the start is no component
        if not is_step:
            components.append(_component(entry, supervised=pid is not None))
    phase = str(recorded.get("phase", "stopped")) if cluster_dir.record.exists() else "absent"
    # Without its supervisor, the last phase that it recorded is out of date.
    if pid is None and phase not in {"absent", "failed"}:
        phase = "stopped"
    ports = recorded_ports(cluster_dir)
    server = server_url(ports["kube-apiserver"]) if "kube-apiserver" in ports else None
    are_healthy = bool(components) and all(component.healthy for component in components)
    return ClusterStatus(
        name=cluster_dir.name,
        folder=cluster_dir.folder,
        phase=phase,
        healthy=phase == "ready" and are_healthy and _is_fresh(cluster_dir),
        supervisor=pid,
        server=server,
        kubeconfig=cluster_dir.kubeconfig,
        components=tuple(components),
    )


def list_clusters(*, root: Path | None = None) -> tuple[ClusterStatus, ...]:
    """List the clusters of this user, by name."""
    folder = clusters_root(root)
    if not folder.is_dir():
        return ()
    statuses = []
    for path in sorted(folder.iterdir()):
        cluster_dir = ClusterDir(path.name, path)
        if is_label(path.name) and cluster_dir.record.exists():
            statuses.append(status_of(cluster_dir))
    return tuple(statuses)


def supervisor_pid(cluster_dir: ClusterDir) -> int | None:
    """Return the process number of the running supervisor; None if there is none."""
    words = (content_if_whole(cluster_dir.folder / LOCK, CLUSTER) or b"").split()
    if len(words) != 2 or not all(word.isdigit() and len(word) <= _DIGITS for word in words):
        return None
    # The start time shows whether the number belongs to another process by now.
    pid, started = int(words[0]), int(words[1])
    return pid if is_running(pid, started) else None


def recorded_processes(cluster_dir: ClusterDir) -> list[tuple[int, int]]:
    """Return number and start time of every process that the supervisor last recorded and that still runs."""
    try:
        recorded = read_json(cluster_dir.status) or {}
    except EnvironmentLacksError:
        return []
    running = []
    for entry in _entries(recorded):
        pid, started = entry.get("pid"), entry.get("started")
        if isinstance(pid, int) and isinstance(started, int) and is_running(pid, started):
            running.append((pid, started))
    return running


def recorded_process(cluster_dir: ClusterDir, name: str) -> tuple[int, int] | None:
    """Return number and start time of a process that a running supervisor keeps; None if there is none."""
    if supervisor_pid(cluster_dir) is None:
        return None
    running = recorded_processes(cluster_dir)
    for entry in _entries(read_json(cluster_dir.status) or {}):
        process = (entry.get("pid"), entry.get("started"))
        if entry["name"] == name and process in running:
            return running[running.index(process)]
    return None


def _entries(recorded: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entry of each process in a status file, without entries that are damaged."""
    entries = recorded.get("processes")
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and _is_whole(entry)]


def _is_whole(entry: Mapping[str, Any]) -> bool:
    """Return whether the entry of a process has its fields, of the right types."""
    fields = {"name": str, "log": str, "restarts": int, "well": bool}
    return all(isinstance(entry.get(name), kind) for name, kind in fields.items())


def _component(entry: dict[str, Any], *, supervised: bool) -> ComponentStatus:
    """Return the status of one process."""
    pid = entry.get("pid")
    alive = is_running(pid, entry.get("started"))
    return ComponentStatus(
        name=entry["name"],
        pid=pid,
        alive=alive,
        restarts=entry["restarts"],
        healthy=supervised and alive and entry["well"],
        log=Path(entry["log"]),
    )


def _is_fresh(cluster_dir: ClusterDir) -> bool:
    """Return whether the supervisor wrote its status lately."""
    try:
        return time.time() - cluster_dir.status.stat().st_mtime < _HANGS_AFTER_SECONDS
    except OSError:
        return False

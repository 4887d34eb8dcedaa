"""The folder of a local control plane, its files and its ports.

A cluster's folder has mode 0700 and every file in it 0600. Each file is written to a temporary one and then
renamed, so that a reader never sees a part of it.

    <root>/lab/
      cluster.json     ports, components, version of this layout
      processes.json   what the supervisor runs      status.json   its status
      kubeconfig       the administrator's           identities/   each component's own
      pki/  config/  etcd/  logs/  audit/
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files import CLUSTER, parse_json, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import is_label
from sovereign_ai.toolchain import private_folder, wait_until

LISTENERS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "operator")
"""The listeners that need a port in every cluster."""
_FIRST_PORT, _PORTS = 20_000, 10_000
"""Below the kernel's outgoing ports (usually 32768 to 60999) and Kubernetes' NodePorts (30000 to 32767)."""
PORT_SECONDS = 5.0
"""How long a recorded port may take to be free before another is chosen."""
_LAYOUT = 1
_SUBFOLDERS = ("pki", "config", "identities", "logs", "audit", "etcd", "kms", "admission")


@frozen_dataclass
class ClusterDir:
    """The folder of one cluster and the files in it."""

    name: str
    folder: Path

    @property
    def record(self) -> Path:
        """Ports and components."""
        return self.folder / "cluster.json"

    @property
    def processes(self) -> Path:
        """What the supervisor runs."""
        return self.folder / "processes.json"

    @property
    def status(self) -> Path:
        """The supervisor's status."""
        return self.folder / "status.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.folder / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the components."""
        return self.folder / "config"

    def log(self, process: str) -> Path:
        """The log of a process."""
        return self.folder / "logs" / f"{process}.log"

    def identity(self, component: str) -> Path:
        """The kubeconfig of a component."""
        return self.folder / "identities" / f"{component}.kubeconfig"

    def make(self) -> None:
        """Create the folder and its subfolders, for their owner only.

        Raises:
            EnvironmentLacksError: the folder exists and is not a cluster's, or other accounts can write to
                the folder above it.
        """
        self.require_ours()
        private_folder(self.folder.parent)
        for name in ("", *_SUBFOLDERS):
            folder = self.folder / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)  # `mode` is subject to the umask, and an existing folder keeps its own

    def remove(self) -> None:
        """Remove the folder with its content.

        Raises:
            EnvironmentLacksError: the folder is not a cluster's.
        """
        self.require_ours()
        shutil.rmtree(self.folder)

    def require_ours(self) -> None:
        """Refuse a folder with other content than a cluster, so that it is neither changed nor removed.

        Raises:
            EnvironmentLacksError: it has other content.
        """
        if not self.folder.exists() or self.record.exists():
            return
        for path in self.folder.iterdir():
            # A start that was killed leaves subfolders, or the record's temporary file, without a record.
            if path.name in _SUBFOLDERS or path.name.startswith(".cluster.json."):
                continue
            message = "the folder holds something else than a cluster"
            hint = "choose another name for the cluster, or another state folder"
            location = Where(file=str(self.folder))
            raise EnvironmentLacksError(Problem("cluster-folder-foreign", message, location, hint))


def clusters_root(root: Path | None = None) -> Path:
    """Return the folder that holds all clusters of this user: `$XDG_STATE_HOME/sovereign-ai/clusters`."""
    if root is not None:
        return root.absolute()
    home = os.environ.get("XDG_STATE_HOME") or ""
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "sovereign-ai" / "clusters"


def cluster_dir_of(name: str, root: Path | None = None) -> ClusterDir:
    """Return a cluster's folder; nothing is created.

    Raises:
        UsageError: the name is no DNS label.
    """
    if not is_label(name):
        hint = "use lower-case letters, digits and hyphens, starting with a letter, at most 63"
        raise UsageError(Problem("cluster-name-invalid", f"{name!r} cannot name a cluster", hint=hint))
    return ClusterDir(name, clusters_root(root) / name)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping as canonical JSON, of mode 0600, in one step."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    write_private(path, orjson.dumps(data, option=options))


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the mapping in a file; None if the file does not exist.

    Raises:
        EnvironmentLacksError: the file exists and holds no mapping.
    """
    if not os.path.lexists(path):
        return None
    try:
        data = parse_json(read(path, CLUSTER), str(path), CLUSTER).data
    except EnvironmentLacksError:
        if not os.path.lexists(path):  # its cluster was removed meanwhile
            return None
        data = None
    if not isinstance(data, dict):
        message = "the file cannot be read as JSON"
        hint = "remove the cluster with `sovereign-ai cluster down` and start it again"
        location = Where(file=str(path))
        raise EnvironmentLacksError(Problem("cluster-state-damaged", message, location, hint))
    return data


def recorded_ports(cluster_dir: ClusterDir) -> dict[str, int]:
    """Read the ports that a cluster had last; empty if it never had any."""
    record = read_json(cluster_dir.record) or {}
    ports = record.get("ports")
    return (
        {name: port for name, port in ports.items() if isinstance(port, int)}
        if isinstance(ports, dict)
        else {}
    )


def record(cluster_dir: ClusterDir, ports: Mapping[str, int], components: Mapping[str, Path]) -> None:
    """Record a cluster's ports and the programs that it runs."""
    data = {
        "layout": _LAYOUT,
        "name": cluster_dir.name,
        "ports": dict(ports),
        "components": {name: str(path) for name, path in components.items()},
    }
    write_json(cluster_dir.record, data)


def choose_ports(
    cluster_dir: ClusterDir, *, avoid: frozenset[int] = frozenset(), listeners: tuple[str, ...] = LISTENERS
) -> dict[str, int]:
    """Choose a port for every listener: its recorded one, if free; else one near a port given by the folder.

    A recorded port is waited for: a process that was ended a moment ago may still have it, and at another
    address everybody's kubeconfig would lead nowhere.

    Args:
        cluster_dir: the cluster's folder.
        avoid: ports that proved not to be free.
        listeners: what needs a port.

    Raises:
        EnvironmentLacksError: there is no free port.
    """
    recorded = recorded_ports(cluster_dir)
    # Ports of other clusters under the same root are left to them, running or not.
    reserved = set(avoid)
    for folder in _siblings(cluster_dir):
        reserved |= _ports_of_sibling(folder)
    chosen: dict[str, int] = {}
    candidates = _candidate_ports(cluster_dir)
    waits_until = time.monotonic() + PORT_SECONDS
    for listener in listeners:
        old = recorded.get(listener)
        if old is not None and old not in reserved and _comes_free(old, waits_until - time.monotonic()):
            chosen[listener] = old
            continue
        keep = reserved | set(recorded.values()) | set(chosen.values())
        port = next((port for port in candidates if port not in keep and is_free(port)), None)
        if port is None:
            message = f"no port is left for {listener}"
            hint = f"end something that listens on ports {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1}"
            raise EnvironmentLacksError(Problem("no-free-port", message, hint=hint))
        chosen[listener] = port
    return chosen


def _candidate_ports(cluster_dir: ClusterDir) -> Iterator[int]:
    """Yield all ports, from one that the folder's path determines.

    Clusters of one name in different states so begin far from each other: one does not use a port that the
    other has closed for a moment.
    """
    digest = hashlib.sha256(os.fsencode(cluster_dir.folder)).digest()
    start = int.from_bytes(digest[:4], "big")
    for step in range(_PORTS):
        yield _FIRST_PORT + (start + step) % _PORTS


def _siblings(cluster_dir: ClusterDir) -> list[Path]:
    """Return the folders of the other clusters under the same root."""
    root = cluster_dir.folder.parent
    if not root.is_dir():
        return []
    return [folder for folder in root.iterdir() if folder != cluster_dir.folder and is_label(folder.name)]


def _ports_of_sibling(folder: Path) -> frozenset[int]:
    """Return the ports of another cluster; none of a damaged one, which its own commands report."""
    try:
        return frozenset(recorded_ports(ClusterDir(folder.name, folder)).values())
    except EnvironmentLacksError:
        return frozenset()


def _comes_free(port: int, seconds: float) -> bool:
    """Return whether a port is free, or becomes so within the time."""
    return wait_until(partial(is_free, port), seconds)


def is_free(port: int) -> bool:
    """Return whether a process can listen on a port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the components do: connections of a process that ended must not keep its port for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True

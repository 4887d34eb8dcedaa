"""Where an embedded control plane keeps what it knows: its folder, its files, its ports.

A cluster's folder has mode 0700 and every file in it 0600; each is written whole, beside its place,
and then moved there, so that a reader never sees half of one.

    <root>/lab/
      cluster.json     ports, components, version of this layout
      processes.json   what the supervisor runs      status.json   what it sees
      kubeconfig       the administrator's           identities/   each component's own
      pki/  config/  etcd/  logs/  audit/
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.names import is_label

LISTENERS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "operator")
"""What needs a port, in every cluster."""
_FIRST_PORT, _PORTS = 20_000, 10_000
"""Below the kernel's usual range for outgoing connections (32768 to 60999) and Kubernetes' NodePorts (30000 to 32767)."""
_LAYOUT = 1
_SUBFOLDERS = ("pki", "config", "identities", "logs", "audit", "etcd", "kms", "admission")


@dataclass(frozen=True, slots=True)
class Place:
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
        """What the supervisor sees."""
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
        """Make the folder and its subfolders, for the owner alone.

        Raises:
            EnvironmentLacksError: the folder is there and is not a cluster's.
        """
        self.insist_on_ours()
        for folder in (self.folder, *(self.folder / name for name in _SUBFOLDERS)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def remove(self) -> None:
        """Remove the folder and all that is in it.

        Raises:
            EnvironmentLacksError: the folder is not a cluster's.
        """
        self.insist_on_ours()
        shutil.rmtree(self.folder)

    def insist_on_ours(self) -> None:
        """Refuse a folder that holds something else than a cluster, so that it is neither changed nor removed.

        Raises:
            EnvironmentLacksError: it does.
        """
        if not self.folder.exists() or self.record.exists():
            return
        foreign = [
            path.name for path in self.folder.iterdir() if path.name not in _SUBFOLDERS and not path.name.startswith(".cluster.json.")
        ]
        if foreign:
            hint = "choose another name for the cluster, or another state folder"
            raise EnvironmentLacksError(
                Problem("cluster-folder-foreign", "the folder holds something else than a cluster", Where(file=str(self.folder)), hint)
            )


def clusters_root(root: Path | None = None) -> Path:
    """Give the folder that holds all clusters of this user: `$XDG_STATE_HOME/sovereign-ai/clusters`."""
    if root is not None:
        return root.absolute()
    home = os.environ.get("XDG_STATE_HOME") or ""
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "sovereign-ai" / "clusters"


def place(name: str, root: Path | None = None) -> Place:
    """Give a cluster's place; nothing is made.

    Raises:
        UsageError: the name is no DNS label.
    """
    if not is_label(name):
        hint = "use lower-case letters, digits and hyphens, starting with a letter, at most 63"
        raise UsageError(Problem("cluster-name-invalid", f"{name!r} cannot name a cluster", hint=hint))
    return Place(name, clusters_root(root) / name)


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole, of mode 0600, in one step."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping as canonical JSON, of mode 0600, in one step."""
    write_private(path, orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a mapping; None if the file is not there.

    Raises:
        EnvironmentLacksError: the file is there and is no such mapping.
    """
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        data = error
    if not isinstance(data, dict):
        hint = "remove the cluster with `sovereign-ai cluster down` and start it again"
        raise EnvironmentLacksError(Problem("cluster-state-damaged", "the file cannot be read as JSON", Where(file=str(path)), hint))
    return data


def recorded_ports(where: Place) -> dict[str, int]:
    """Read the ports that a cluster had last; empty if it never had any."""
    record = read_json(where.record) or {}
    ports = record.get("ports")
    return {str(name): int(port) for name, port in ports.items()} if isinstance(ports, dict) else {}


def record(where: Place, ports: Mapping[str, int], components: Mapping[str, Path]) -> None:
    """Write down a cluster's ports and the programs it runs."""
    programs = {name: str(path) for name, path in components.items()}
    write_json(where.record, {"layout": _LAYOUT, "name": where.name, "ports": dict(ports), "components": programs})


def choose_ports(where: Place, *, avoid: frozenset[int] = frozenset(), listeners: tuple[str, ...] = LISTENERS) -> dict[str, int]:
    """Choose a port for every listener: the one it had, if free; else a free one, near one given by the folder.

    Ports of other clusters under the same root are left to them, running or not. Clusters of one name in different states
    begin far from each other, so that one does not take a port that the other lost for a moment.

    Args:
        where: the cluster.
        avoid: ports that proved not to be free.
        listeners: what needs a port.

    Raises:
        EnvironmentLacksError: there is no free port.
    """
    had = recorded_ports(where)
    taken = set(avoid).union(*(_ports_of_sibling(folder) for folder in _siblings(where)))
    start = int.from_bytes(hashlib.sha256(os.fsencode(where.folder)).digest()[:4], "big")
    chosen: dict[str, int] = {}
    candidates = (_FIRST_PORT + (start + step) % _PORTS for step in range(_PORTS))
    for listener in listeners:
        old = had.get(listener)
        if old is not None and old not in taken and is_free(old):
            chosen[listener] = old
        else:
            keep = taken | set(had.values()) | set(chosen.values())
            port = next((port for port in candidates if port not in keep and is_free(port)), None)
            if port is None:
                hint = f"end something that listens on ports {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1}"
                raise EnvironmentLacksError(Problem("no-free-port", f"no port is left for {listener}", hint=hint))
            chosen[listener] = port
    return chosen


def _siblings(where: Place) -> list[Path]:
    """Give the folders of the other clusters under the same root."""
    root = where.folder.parent
    return [folder for folder in root.iterdir() if folder != where.folder and is_label(folder.name)] if root.is_dir() else []


def _ports_of_sibling(folder: Path) -> frozenset[int]:
    """Give the ports of another cluster; a damaged one has none, and is its own command's business."""
    try:
        return frozenset(recorded_ports(Place(folder.name, folder)).values())
    except EnvironmentLacksError:
        return frozenset()


def is_free(port: int) -> bool:
    """Tell whether one may listen on a port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True

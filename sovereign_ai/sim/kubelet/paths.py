"""Where a kubelet and its container runtime look, in the node and as the host sees it.

A node's file system is reached through `/proc/<process>/root`, the root of its first process. A Unix
socket opened there is the one that the kubelet opens, and a kind configuration needs no mounts for it,
so a cluster that `kind create cluster` made by itself is served as well. It takes root, as the kubelet's
sockets do.

    >>> Node(Path("node")).registry
    PosixPath('node/var/lib/kubelet/plugins_registry')
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

PLUGINS = "/var/lib/kubelet/plugins"
"""Where drivers have their sockets, as the kubelet sees it."""
GPUS = "/var/lib/sovereign-ai/gpus"
"""Where a node has the readings of its simulated GPUs, and their tool."""
VOLUMES = "/var/lib/sovereign-ai/volumes"
"""Where a node has the volumes that claims were given."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node's folders as the host sees them.

    Attributes:
        root: the root of its file system.
    """

    root: Path

    @property
    def device_plugins(self) -> Path:
        """Where device plugins and the kubelet have their sockets."""
        return self._at("/var/lib/kubelet/device-plugins")

    @property
    def registry(self) -> Path:
        """Where the kubelet looks for drivers."""
        return self._at("/var/lib/kubelet/plugins_registry")

    @property
    def plugins(self) -> Path:
        """Where drivers have their sockets."""
        return self._at(PLUGINS)

    @property
    def pod_resources(self) -> Path:
        """Where the kubelet says which pod holds what."""
        return self._at("/var/lib/kubelet/pod-resources")

    @property
    def cdi(self) -> Path:
        """Where the container runtime reads CDI files; of its two folders the one that outlives a restart of the node."""
        return self._at("/etc/cdi")

    @property
    def gpus(self) -> Path:
        """Where readings lie."""
        return self._at(GPUS)

    @property
    def volumes(self) -> Path:
        """Where volumes lie."""
        return self._at(VOLUMES)

    def make(self) -> None:
        """Make the folders that are ours: pods may look into those of readings and volumes, nobody into the others.

        Raises:
            EnvironmentLacksError: the node is gone or not ours to write to, or a link leads out of it.
        """
        for folder in (self.device_plugins, self.registry, self.plugins, self.pod_resources, self.cdi, self.gpus, self.volumes):
            self._insist_on_no_link(folder)
        try:
            self._make()
        except OSError as error:
            hint = "see that the node runs; kubelets are served by root"
            raise EnvironmentLacksError(Problem("node-unreachable", f"cannot write into a node: {error}", hint=hint)) from error

    def _make(self) -> None:
        """Make the folders."""
        for folder in (self.registry, self.plugins, self.cdi):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.gpus.parent, self.gpus, self.volumes):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)  # whatever our umask is

    def _insist_on_no_link(self, folder: Path) -> None:
        """Refuse a path with a link in it: an absolute one would lead into the host's own file system."""
        below = folder.relative_to(self.root).parts
        links = [self.root.joinpath(*below[:depth]) for depth in range(1, len(below) + 1)]
        if found := next((path for path in links if path.is_symlink()), None):
            where = Where(file=str(found))
            raise EnvironmentLacksError(Problem("node-linked", "a link lies where a folder of a node should", where, "make the node anew"))

    def _at(self, path: str) -> Path:
        """Give a path of the node as the host sees it."""
        return self.root / path.removeprefix("/")

"""The folders of a kubelet and its container runtime, in the node and as the host sees them.

A node's file system is reached through `/proc/<process>/root`, the root of its first process. A Unix socket
opened there is the one that the kubelet opens, and a kind configuration needs no mounts for it, so a cluster
that `kind create cluster` made by itself is served as well. It takes root, as the kubelet's sockets do.

    >>> KubeletPaths(Path("node")).registry
    PosixPath('node/var/lib/kubelet/plugins_registry')
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass

PLUGINS = "/var/lib/kubelet/plugins"
"""The folder of drivers' sockets, as the kubelet sees it."""
GPUS = "/var/lib/sovereign-ai/gpus"
"""The folder in a node with the readings of its simulated GPUs, and their tool."""
VOLUMES = "/var/lib/sovereign-ai/volumes"
"""The folder in a node with the volumes of claims."""


@frozen_dataclass
class KubeletPaths:
    """A node's folders as the host sees them.

    Attributes:
        root: the root of its file system.
    """

    root: Path

    @property
    def device_plugins(self) -> Path:
        """The folder of the sockets of device plugins and of the kubelet."""
        return self._at("/var/lib/kubelet/device-plugins")

    @property
    def registry(self) -> Path:
        """The folder that the kubelet watches for drivers."""
        return self._at("/var/lib/kubelet/plugins_registry")

    @property
    def plugins(self) -> Path:
        """The folder of drivers' sockets."""
        return self._at(PLUGINS)

    @property
    def pod_resources(self) -> Path:
        """The folder of the socket that lists the devices of each pod."""
        return self._at("/var/lib/kubelet/pod-resources")

    @property
    def cdi(self) -> Path:
        """The folder of CDI files."""
        # Of the container runtime's two folders this one outlives a restart of the node; /var/run does not.
        return self._at("/etc/cdi")

    @property
    def gpus(self) -> Path:
        """The folder of readings."""
        return self._at(GPUS)

    @property
    def volumes(self) -> Path:
        """The folder of volumes."""
        return self._at(VOLUMES)

    def make(self) -> None:
        """Make the folders that this package writes to; pods may read those of readings and volumes alone.

        Raises:
            EnvironmentLacksError: the node is gone or not writable, or a link leads out of it.
        """
        for folder in (
            self.device_plugins,
            self.registry,
            self.plugins,
            self.pod_resources,
            self.cdi,
            self.gpus,
            self.volumes,
        ):
            self._require_no_link(folder)
        try:
            self._make()
        except OSError as error:
            message = f"cannot write into a node: {error}"
            hint = "see that the node runs; kubelets are served by root"
            raise EnvironmentLacksError(Problem("node-unreachable", message, hint=hint)) from error

    def _make(self) -> None:
        """Make the folders."""
        for folder in (self.registry, self.plugins, self.cdi):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.gpus.parent, self.gpus, self.volumes):
            folder.mkdir(exist_ok=True)
            # `mkdir` takes the umask away from its mode, and the supervisor's is 077.
            folder.chmod(0o755)

    def _require_no_link(self, folder: Path) -> None:
        """Check that no part of a path is a link: an absolute one would lead into the host's own file system.

        Raises:
            EnvironmentLacksError: one is.
        """
        path = self.root
        for name in folder.relative_to(self.root).parts:
            path /= name
            if path.is_symlink():
                message, hint = "a link lies where a folder of a node should", "make the node anew"
                raise EnvironmentLacksError(Problem("node-linked", message, Where(file=str(path)), hint))

    def _at(self, path: str) -> Path:
        """Return a path of the node as the host sees it."""
        # An absolute path would replace the root when they are joined.
        return self.root / path.removeprefix("/")

"""Which folders of a node are shared with the host, so that processes of the host can serve its kubelet.

A node has one folder on the host; volumes lie in one folder a security zone, shared by the zone's nodes.
A Unix socket crosses a bind mount: who opens the file reaches who listens, in whatever container.

    >>> [mount["containerPath"] for mount in extra_mounts(Path("/srv/lab/train-001"), Path("/srv/lab/volumes/restricted"))][:2]
    ['/var/lib/kubelet/device-plugins', '/var/lib/kubelet/plugins']

The cluster room lies below this one and cannot import it: who makes a kind cluster hands these mounts over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

GPUS = "/var/lib/sovereign-ai/gpus"
"""Where a node sees its simulated GPUs' files and tools."""
VOLUMES = "/var/lib/sovereign-ai/volumes"
"""Where a node sees the volumes of its security zone."""
MOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "device-plugins": "/var/lib/kubelet/device-plugins",
        "plugins": "/var/lib/kubelet/plugins",
        "plugins_registry": "/var/lib/kubelet/plugins_registry",
        "pod-resources": "/var/lib/kubelet/pod-resources",
        "cdi": "/var/run/cdi",
        "gpus": GPUS,
    }
)
"""Subfolder of the node's folder on the host, to the path in the node."""


def extra_mounts(folder: Path, volumes: Path) -> list[dict[str, str]]:
    """Give the `extraMounts` of a kind node.

    Args:
        folder: the node's folder on the host.
        volumes: the folder of its security zone's volumes on the host.
    """
    own = [{"hostPath": str(folder / name), "containerPath": path} for name, path in MOUNTS.items()]
    return [*own, {"hostPath": str(volumes), "containerPath": VOLUMES}]


def make_folders(folder: Path, volumes: Path) -> None:
    """Make what the mounts need, before the node is made; a container engine would make it for everybody to read.

    What pods may look into (`gpus`, volumes) can be passed by them, the rest is the owner's alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in MOUNTS:
        (folder / name).mkdir(mode=0o755 if name == "gpus" else 0o700, exist_ok=True)
    volumes.mkdir(mode=0o755, parents=True, exist_ok=True)

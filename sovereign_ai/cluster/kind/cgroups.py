"""Remove the cgroups of removed nodes, also in hierarchies that the host does not mount.

On cgroup v1 a node's init creates cgroups in every controller that it can mount, also in those that the
container engine does not know; they outlive the node. On cgroup v2 there is one hierarchy, and the container
engine removes its own cgroups.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from sovereign_ai.files import captured, kernel_text

_MOUNTS = Path("/proc/self/mountinfo")
_CONTROLLERS = Path("/proc/cgroups")
_ROOT = Path("/sys/fs/cgroup")


def leftovers(containers: Iterable[str]) -> list[Path]:
    """Return the cgroups of removed containers in the hierarchies that the host mounts.

    Args:
        containers: full IDs of containers that are gone.
    """
    ended = set(containers)
    left = []
    for hierarchy in _hierarchies():
        # Docker's cgroup driver is cgroupfs (docker/ID) or systemd (system.slice/docker-ID.scope).
        for parent in (hierarchy / "docker", hierarchy / "system.slice"):
            if not parent.is_dir():
                continue
            for path in parent.iterdir():
                identity = path.name.removeprefix("docker-").removesuffix(".scope")
                if path.name in ended or identity in ended:
                    left.append(path)
    return sorted(left)


def _hierarchies() -> Iterable[Path]:
    """Return the hierarchies that the host mounts: one on cgroup v2, one a controller on v1."""
    if _unified():
        return [_ROOT]
    return _ROOT.iterdir() if _ROOT.is_dir() else ()


def clean(containers: Iterable[str], before: Iterable[str]) -> int:
    """Remove the cgroups that removed containers left, as root; return their number.

    Args:
        containers: full IDs of containers that are gone.
        before: the result of `unmounted` before they were created; cgroups in those are not theirs.
    """
    if os.geteuid() != 0:
        return 0
    removed = sum(_remove(path) for path in leftovers(containers))
    for controller in sorted(set(unmounted()) - set(before)):
        with _mounted(controller) as root:
            removed += sum(_remove(child) for child in root.iterdir() if child.is_dir())
    return removed


def unmounted() -> list[str]:
    """Return the v1 controllers that hold cgroups although the host mounts no hierarchy of theirs."""
    if _unified() or not _CONTROLLERS.is_file():
        return []
    mounted: set[str] = set()
    for line in kernel_text(_MOUNTS).splitlines():
        if " - cgroup " in line:
            # The last field of proc_pid_mountinfo(5): the options of the superblock, with the controllers.
            mounted.update(line.split()[-1].split(","))
    names = []
    for line in kernel_text(_CONTROLLERS).splitlines()[1:]:
        name, hierarchy, number, _ = line.split()
        # Hierarchy 0 is none (or cgroup v2's); the root itself counts as one cgroup.
        if hierarchy != "0" and int(number) > 1 and name not in mounted:
            names.append(name)
    return names


def _unified() -> bool:
    """Return whether the host has cgroup v2 alone."""
    return (_ROOT / "cgroup.controllers").is_file()


@contextlib.contextmanager
def _mounted(controller: str) -> Iterator[Path]:
    """Mount a hierarchy for a moment."""
    with tempfile.TemporaryDirectory(prefix="sovereign-ai-cgroup-") as folder:
        done = captured(["mount", "-t", "cgroup", "-o", controller, "cgroup", folder])
        try:
            yield Path(folder)
        finally:
            if done.returncode == 0:
                captured(["umount", folder])


def _remove(path: Path) -> int:
    """Remove a cgroup and those below it that hold no process; return how many were removed."""
    removed = 0
    for folder, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
            removed += 1
    return removed

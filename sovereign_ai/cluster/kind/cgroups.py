"""Leave no cgroup behind: those of ended nodes, also in hierarchies that the host does not mount.

On cgroup v1 a node's init makes cgroups in every controller it can mount, also in those that the
engine knows nothing of; they outlive the node. On cgroup v2 there is one hierarchy, and the engine
removes what it made there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_CONTROLLERS = Path("/proc/cgroups")
_ROOT = Path("/sys/fs/cgroup")


def leftovers(containers: Iterable[str]) -> list[Path]:
    """List the cgroups of ended containers in the hierarchies that the host mounts: one on cgroup v2, one a controller on v1.

    Args:
        containers: full IDs of containers that are gone.
    """
    ended = set(containers)
    found = []
    for hierarchy in [_ROOT] if _unified() else _ROOT.iterdir() if _ROOT.is_dir() else ():
        for parent in (hierarchy / "docker", hierarchy / "system.slice"):
            if parent.is_dir():
                found += [
                    one for one in parent.iterdir() if one.name in ended or one.name.removeprefix("docker-").removesuffix(".scope") in ended
                ]
    return sorted(found)


def clean(containers: Iterable[str], before: Iterable[str]) -> int:
    """Remove what ended containers left; the number of cgroups removed. Only root can, and only root needs to.

    Args:
        containers: full IDs of containers that are gone.
        before: what `unmounted` said before they were made; what is in those is not theirs.
    """
    if os.geteuid() != 0:
        return 0
    removed = sum(_remove(path) for path in leftovers(containers))
    for controller in sorted(set(unmounted()) - set(before)):
        with _mounted(controller) as root:
            removed += sum(_remove(child) for child in root.iterdir() if child.is_dir())
    return removed


def unmounted() -> list[str]:
    """Name the v1 controllers that hold cgroups although the host mounts no hierarchy of theirs."""
    if _unified() or not _CONTROLLERS.is_file():
        return []
    mounted = {option for line in _MOUNTS.read_text().splitlines() if " - cgroup " in line for option in line.split()[-1].split(",")}
    rows = [line.split() for line in _CONTROLLERS.read_text().splitlines()[1:]]
    return [name for name, hierarchy, number, _ in rows if hierarchy != "0" and int(number) > 1 and name not in mounted]


def _unified() -> bool:
    """Tell whether the host has cgroup v2 alone."""
    return (_ROOT / "cgroup.controllers").is_file()


@contextlib.contextmanager
def _mounted(controller: str) -> Iterator[Path]:
    """Mount a hierarchy for a moment."""
    with tempfile.TemporaryDirectory(prefix="sovereign-ai-cgroup-") as folder:
        done = subprocess.run(["mount", "-t", "cgroup", "-o", controller, "cgroup", folder], capture_output=True, check=False)
        try:
            yield Path(folder)
        finally:
            if done.returncode == 0:
                subprocess.run(["umount", folder], capture_output=True, check=False)


def _remove(path: Path) -> int:
    """Remove a cgroup and those below it that hold no process; how many went."""
    removed = 0
    for folder, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
            removed += 1
    return removed

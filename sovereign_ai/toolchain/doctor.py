"""Check tools, pairs of versions that must agree, and the system; report what is missing.

Nothing is fetched and nothing is changed. Every check that fails has a hint with the next step.
Pulumi's command line, its Python SDK and its Kubernetes provider must have the same release: with
different ones deployments fail late and without a clear error, so skew is an error here.

    >>> [check.tool for check in doctor()][:2]
    ['go', 'kubectl']
"""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sovereign_ai.files import kernel_text
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.cache import bin_dir, cache_dir
from sovereign_ai.toolchain.container_engine.daemon import state
from sovereign_ai.toolchain.locate import LocatedTool, safely_located
from sovereign_ai.toolchain.path_search import candidates, search
from sovereign_ai.toolchain.table import TOOLS, Tool, parse_version

_BUILDER = "go"
"""The tool that other tools are built with; every other optional one is wanted for its own sake."""
_INSTALL = "run `sovereign-ai tools install`"
_BUILD_DISK = 12
"""GB that building every tool from source needs, with Go's own caches (measured 2026-11-24, rounded up)."""
_RUN_DISK = 2
"""GB free that a built toolchain and a small factory's state take."""
_MEMORY = 3
"""GB of memory: linking the provider took under 3 GB (2026-11-24)."""


@frozen_dataclass
class DoctorCheck:
    """The result of one check.

    Attributes:
        tool: the tool, the package or the fact.
        wanted: what would pass.
        found: what exists; empty if nothing does.
        path: where it is; empty if nowhere.
        ok: whether it is fine.
        hint: what to do next; empty if fine.
        way: how a tool came here: `cache`, `path` or `own`; empty for anything else.
        digest: SHA-256 of a tool's binary, hexadecimal; empty where there is none.
    """

    tool: str
    wanted: str
    found: str
    path: str
    ok: bool
    hint: str
    way: str = ""
    digest: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the flat mapping that `--json` prints."""
        return asdict(self)


def doctor(*, from_path: bool = False) -> tuple[DoctorCheck, ...]:
    """Look at every tool, every pair of versions that must agree, and the system.

    Args:
        from_path: look for missing tools on PATH too, which runs what is called so there.
    """
    problems: dict[str, str] = {}
    places: dict[str, LocatedTool | None] = {}
    for name, row in TOOLS.items():
        located, problems[name] = safely_located(row)
        # A tool of the cache that is refused must not be replaced by one on PATH without a word.
        if located is None and from_path and not problems[name]:
            located = search(row)
        places[name] = located
    # Go and a disk for builds are needed only while something is to be built.
    is_build_needed = any(
        row.source is not None and not row.optional and places[name] is None for name, row in TOOLS.items()
    )
    checks = []
    for name, row in TOOLS.items():
        checks.append(_tool(row, places[name], problems[name], needed=is_build_needed, from_path=from_path))
    for name, sdk, distribution in _PAIRS:
        place = places[name]
        checks.append(skew(name, sdk, package(distribution), place.version if place else ""))
    checks.append(loopback())
    checks.append(disk(cache_dir(), _BUILD_DISK if is_build_needed else _RUN_DISK))
    checks.append(memory(Path("/proc/meminfo")))
    checks.append(container_engine())
    return tuple(checks)


_PAIRS = (
    ("pulumi", "pulumi SDK for Python", "pulumi"),
    ("pulumi-resource-kubernetes", "pulumi-kubernetes SDK for Python", "pulumi-kubernetes"),
)
"""Tools, and the Python SDKs (name, distribution) that must have the same release."""


def container_engine() -> DoctorCheck:
    """Check whether a container engine answers.

    Only kind clusters need one, so that the check never fails.
    """
    engine = state()
    wanted = "Docker, for kind clusters only (`sovereign-ai cluster engine up`)"
    name = "none"
    if engine.version:
        withheld = f"; this computer withholds {', '.join(engine.trims)}" if engine.trims else ""
        name = f"Docker {engine.version}{withheld}"
    return DoctorCheck("container engine", wanted, name, "", ok=True, hint="")


def package(name: str) -> str:
    """Return the version of an installed Python package, or an empty text."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _tool(row: Tool, found: LocatedTool | None, wrong: str, *, needed: bool, from_path: bool) -> DoctorCheck:
    """Check one tool of the table."""
    if wrong:
        return DoctorCheck(
            row.name,
            row.wanted,
            wrong,
            "",
            ok=False,
            hint=f"find out who changed it; to install it once more, {_INSTALL}",
        )
    if found is None:
        return _missing(row, needed=needed, from_path=from_path)
    if found.way == "path" and not found.digest:
        hint = f"to use it: `sovereign-ai tools install --from-path {row.name}`"
        return DoctorCheck(
            row.name,
            row.wanted,
            f"{found.version}, on PATH",
            str(found.path),
            ok=False,
            hint=hint,
            way="path",
        )
    return DoctorCheck(
        row.name,
        row.wanted,
        found.version,
        str(found.path),
        ok=True,
        hint="",
        way=found.way,
        digest=found.digest,
    )


def _missing(row: Tool, *, needed: bool, from_path: bool) -> DoctorCheck:
    """Return what a tool's absence means."""
    if row.kind == "host":
        return DoctorCheck(
            row.name,
            row.wanted,
            "the project's own",
            str(bin_dir() / row.name),
            ok=True,
            hint="",
            way="own",
        )
    unfit = next(candidates(row), None) if from_path and row.kind != "module" else None
    if row.optional and not (row.name == _BUILDER and needed):
        return DoctorCheck(
            row.name,
            f"{row.wanted}, if at all",
            unfit.version if unfit else "",
            "",
            ok=True,
            hint=f"`sovereign-ai tools install {row.name}`, where it is wanted: {row.purpose}",
        )
    if unfit is None:
        return DoctorCheck(row.name, row.wanted, "", "", ok=False, hint=_INSTALL)
    hint = f"this one does not suit; {_INSTALL}, which leaves it as it is"
    return DoctorCheck(
        row.name, row.wanted, unfit.version or "states no version", str(unfit.path), ok=False, hint=hint
    )


def skew(tool: str, what: str, sdk: str, found: str) -> DoctorCheck:
    """Compare the first two numbers of an SDK's version with those of the tool it speaks to."""
    wanted = f"the same release as {tool} {found}".rstrip()
    if not sdk:
        return DoctorCheck(
            what,
            wanted,
            "",
            "",
            ok=False,
            hint="install this project with its dependencies into the interpreter in use",
        )
    if not found:
        return DoctorCheck(what, wanted, sdk, "", ok=False, hint=f"{tool} is missing; {_INSTALL}")
    ok = parse_version(sdk)[:2] == parse_version(found)[:2]
    hint = ""
    if not ok:
        hint = (
            f"{tool} {found} and the SDK {sdk} differ:"
            f" install the SDK pinned by this project, then {_INSTALL}"
        )
    return DoctorCheck(what, wanted, sdk, "", ok=ok, hint=hint)


def loopback() -> DoctorCheck:
    """Check whether a port on 127.0.0.1 can be bound and reached."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=2),
        ):
            return DoctorCheck(
                "loopback", "127.0.0.1 can be listened on", "yes", "127.0.0.1", ok=True, hint=""
            )
    except OSError as error:
        return DoctorCheck(
            "loopback",
            "127.0.0.1 can be listened on",
            f"no: {error.strerror or error}",
            "",
            ok=False,
            hint="bring it up: `ip link set lo up`",
        )


def disk(folder: Path, needed: int) -> DoctorCheck:
    """Check whether enough disk is free where the cache lies, in GB."""
    place = next(part for part in (folder, *folder.parents) if part.exists())
    free = shutil.disk_usage(place).free // 10**9
    ok = free >= needed and os.access(place, os.W_OK)
    hint = "" if ok else "free some, or point XDG_CACHE_HOME at a larger, writable file system"
    return DoctorCheck("disk", f"{needed} GB free and writable", f"{free} GB", str(place), ok=ok, hint=hint)


def memory(source: Path) -> DoctorCheck:
    """Check whether enough memory is available, in GB, as the kernel counts it."""
    wanted = f"{_MEMORY} GB available"
    try:
        line = next(line for line in kernel_text(source).splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return DoctorCheck("memory", wanted, "unknown", str(source), ok=True, hint="")
    # The kernel's kB are units of 1024 bytes; the check is in tenths of 10^9 bytes.
    available = int(line.split()[1]) * 1024 // 10**8 / 10
    ok = available >= _MEMORY
    hint = "" if ok else "end something, or build the tools on a larger machine with the same cache"
    return DoctorCheck("memory", wanted, f"{available} GB", "", ok=ok, hint=hint)

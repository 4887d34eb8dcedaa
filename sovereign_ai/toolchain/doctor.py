"""Say what is missing, and why: one check a tool, one a pair of versions, one a fact of the system.

Nothing is fetched and nothing is changed. Every check carries a hint that says what to do next when
it is not fine. Pulumi's command line, its Python SDK and its Kubernetes provider must agree; where
they do not, deployments fail late and darkly, so skew is an error here.

    >>> [check.tool for check in doctor()][:2]
    ['go', 'kubectl']
"""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sovereign_ai.toolchain.engine.daemon import state
from sovereign_ai.toolchain.locate import Found, cached, candidates, on_path
from sovereign_ai.toolchain.place import bin_dir, cache_dir
from sovereign_ai.toolchain.table import TOOLS, Tool, parse_version

_INSTALL = "run `sovereign-ai tools install`"
_BUILD_DISK = 12
"""GB free that building every tool from source takes, Go's own caches included (measured 2026-11-24, rounded up)."""
_RUN_DISK = 2
"""GB free that a built toolchain and a small factory's state take."""
_MEMORY = 3
"""GB of memory: linking the provider took under 3 GB (2026-11-24)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        tool: the tool, the package or the fact.
        wanted: what would be fine.
        found: what is there; empty if nothing is.
        path: where it is; empty if nowhere.
        ok: whether it is fine.
        hint: what to do next; empty if fine.
    """

    tool: str
    wanted: str
    found: str
    path: str
    ok: bool
    hint: str

    def to_data(self) -> dict[str, Any]:
        """Give the flat mapping that `--json` prints."""
        return asdict(self)


def doctor() -> tuple[Check, ...]:
    """Look at every tool, every pair of versions that must agree, and the system."""
    places = {row.name: cached(row) or on_path(row) for row in TOOLS.values()}
    missing = [row for row in TOOLS.values() if row.source is not None and places[row.name] is None]
    tools = [_tool(row, places[row.name], needed=bool(missing)) for row in TOOLS.values()]
    engine, provider = places["pulumi"], places["pulumi-resource-kubernetes"]
    pairs = (
        skew("pulumi", "pulumi SDK for Python", package("pulumi"), engine.version if engine else ""),
        skew(
            "pulumi-resource-kubernetes",
            "pulumi-kubernetes SDK for Python",
            package("pulumi-kubernetes"),
            provider.version if provider else "",
        ),
    )
    return (
        *tools,
        *pairs,
        loopback(),
        disk(cache_dir(), _BUILD_DISK if missing else _RUN_DISK),
        memory(Path("/proc/meminfo")),
        container_engine(),
    )


def container_engine() -> Check:
    """See whether a container engine answers; only the kind plane needs one, so that none is no fault."""
    seen = state()
    wanted = "Docker, for the kind plane alone (`sovereign-ai cluster engine up`)"
    if not seen.version:
        return Check("container engine", wanted, "none", "", ok=True, hint="")
    withheld = f"; this machine withholds {', '.join(seen.trims)}" if seen.trims else ""
    return Check("container engine", wanted, f"Docker {seen.version}{withheld}", "", ok=True, hint="")


def package(name: str) -> str:
    """Give the version of an installed Python package, or an empty text."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _tool(row: Tool, found: Found | None, *, needed: bool) -> Check:
    """Check one tool of the table."""
    if found is not None:
        return Check(row.name, row.wanted, found.version, str(found.path), ok=True, hint="")
    own = bin_dir() / row.name
    if row.kind == "host":
        return Check(row.name, row.wanted, "the project's own host", str(own), ok=True, hint="")
    if row.kind == "module":
        return Check(row.name, row.wanted, "", "", ok=False, hint=_INSTALL)
    unfit = next(candidates(row), None)
    if row.optional and not needed:
        return Check(row.name, f"{row.wanted}, only while something is to be built", unfit.version if unfit else "", "", ok=True, hint="")
    if unfit is None:
        return Check(row.name, row.wanted, "", "", ok=False, hint=_INSTALL)
    hint = f"this one does not suit; {_INSTALL}, which leaves it as it is"
    return Check(row.name, row.wanted, unfit.version or "states no version", str(unfit.path), ok=False, hint=hint)


def skew(tool: str, what: str, sdk: str, found: str) -> Check:
    """Compare the first two numbers of an SDK's version with those of the tool it speaks to."""
    wanted = f"the same release as {tool} {found}".rstrip()
    if not sdk:
        return Check(what, wanted, "", "", ok=False, hint="install this project with its dependencies into the interpreter in use")
    if not found:
        return Check(what, wanted, sdk, "", ok=False, hint=f"{tool} is missing; {_INSTALL}")
    ok = parse_version(sdk)[:2] == parse_version(found)[:2]
    hint = "" if ok else f"{tool} {found} and the SDK {sdk} differ: install the SDK pinned by this project, then {_INSTALL}"
    return Check(what, wanted, sdk, "", ok=ok, hint=hint)


def loopback() -> Check:
    """See whether a port on 127.0.0.1 can be bound and reached."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=2):
            return Check("loopback", "127.0.0.1 can be listened on", "yes", "127.0.0.1", ok=True, hint="")
    except OSError as error:
        return Check(
            "loopback",
            "127.0.0.1 can be listened on",
            f"no: {error.strerror or error}",
            "",
            ok=False,
            hint="bring it up: `ip link set lo up`",
        )


def disk(folder: Path, needed: int) -> Check:
    """See whether enough disk is free where the cache lies, in GB."""
    place = next(part for part in (folder, *folder.parents) if part.exists())
    free = shutil.disk_usage(place).free // 10**9
    ok = free >= needed and os.access(place, os.W_OK)
    hint = "" if ok else "free some, or point XDG_CACHE_HOME at a larger, writable file system"
    return Check("disk", f"{needed} GB free and writable", f"{free} GB", str(place), ok=ok, hint=hint)


def memory(source: Path) -> Check:
    """See whether enough memory is available, in GB, as the kernel counts it."""
    wanted = f"{_MEMORY} GB available"
    try:
        line = next(line for line in source.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return Check("memory", wanted, "unknown", str(source), ok=True, hint="")
    found = int(line.split()[1]) * 1024 // 10**8 / 10
    ok = found >= _MEMORY
    return Check(
        "memory",
        wanted,
        f"{found} GB",
        "",
        ok=ok,
        hint="" if ok else "end something, or build the tools on a larger machine with the same cache",
    )

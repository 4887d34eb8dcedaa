"""Search PATH for tools, only on request: by `tools install --from-path` or `doctor --from-path`.

A name on PATH is whatever comes first there, and reading its version means running it. Entries that are
relative, or that another account can write, are refused: a program there may be of anybody. A program that
does not suit is skipped, and the next folder of PATH is searched. Files below the project's own cache do not
count as "on PATH".
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import orjson

from sovereign_ai.files.writing import write_private
from sovereign_ai.toolchain.cache import Progress, cache_dir, ensure
from sovereign_ai.toolchain.locate import LocatedTool, adoption, adoption_digest, on_path
from sovereign_ai.toolchain.private_folders import writable_by_others
from sovereign_ai.toolchain.probe import version_of
from sovereign_ai.toolchain.table import TOOLS, Tool


def adopt(row: Tool, progress: Progress) -> LocatedTool | None:
    """Find a suitable tool on PATH and record it; None where there is none.

    Args:
        row: the tool.
        progress: receives a line for each entry of PATH that is refused.
    """
    there = search(row, progress)
    if there is None:
        return None
    ensure(adoption(row).parent)
    record = {"path": str(there.path), "version": there.version, "recipe": row.recipe}
    adoption_digest(row).unlink(missing_ok=True)
    write_private(adoption(row), orjson.dumps(record), durable=False)
    return on_path(row)


def search(row: Tool, refused: Callable[[str], object] = lambda _line: None) -> LocatedTool | None:
    """Find the first suitable tool on PATH or beside the interpreter, by running each of that name.

    Args:
        row: the tool.
        refused: receives a line for each entry of PATH that holds one and is refused.
    """
    if row.kind == "module" or row.in_image:
        return None
    if row.kind == "host":
        return _vendor_host(row)
    for candidate in candidates(row, refused):
        if row.accepts(candidate.version):
            return candidate
    return None


def candidates(row: Tool, refused: Callable[[str], object] = lambda _line: None) -> Iterator[LocatedTool]:
    """Return every binary of that name on PATH and beside the interpreter, with its version; each is run.

    Args:
        row: the tool.
        refused: receives a line for each entry of PATH that holds one and is refused.
    """
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    if row.wheel is not None and row.wheel.scripts:
        folders.append(Path(sysconfig.get_path("scripts")))
    seen: set[Path] = set()
    for folder in folders:
        path = folder / row.name
        if path in seen or not path.is_file() or not os.access(path, os.X_OK):
            continue
        seen.add(path)
        # Links to the cache may be on PATH; the cache has its own checks.
        if cache_dir() in path.absolute().parents or cache_dir().resolve() in path.resolve().parents:
            continue
        if reason := unsafe(path):
            refused(f"{row.name}: {path} is not taken: {reason}")
            continue
        stat = path.stat()
        yield LocatedTool(path.absolute(), _version(row, path, stat.st_mtime_ns, stat.st_size), "path")


def unsafe(path: Path) -> str:
    """Return why a program on PATH is refused; empty if it is not."""
    if not path.is_absolute():
        return "its entry of PATH is relative, so that another folder means another program"
    return next((f"{part}: {reason}" for part, reason in writable_by_others(path)), "")


@lru_cache(maxsize=256)
def _version(row: Tool, path: Path, changed: int, size: int) -> str:  # noqa: ARG001 - of the cache's key
    """Ask once for each state of a file."""
    return version_of(row, path)


def _vendor_host(row: Tool) -> LocatedTool | None:
    """Find the vendor's language host: it counts only beside a suitable CLI, with which it is released."""
    engine = on_path(TOOLS["pulumi"])
    if engine is None:
        return None
    for folder in (engine.path.parent, engine.path.resolve().parent):
        path = folder / row.name
        if path.is_file() and os.access(path, os.X_OK):
            return LocatedTool(path, engine.version, "path")
    return None

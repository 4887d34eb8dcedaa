"""Build one tool from source twice and compare: the same source must give the same bytes on every machine.

The two builds share the downloaded modules, whose hashes Go compares, and nothing else: each has a folder of
its own, at another depth, and an empty build cache. Otherwise the second would be a copy of the first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.files import TOOL, opened
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import source
from sovereign_ai.toolchain.build_info import read_build_info
from sovereign_ai.toolchain.cache import Progress, ensure, locked
from sovereign_ai.toolchain.digests import file_sha256
from sovereign_ai.toolchain.install import install
from sovereign_ai.toolchain.locate import safely_located
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import KIND_TOOLS, TOOLS, Source, Tool, tool

_FOLDERS = ("first", "second/one/level/deeper")
_PIECE = 1 << 16


@frozen_dataclass
class Rebuilt:
    """Two builds of one tool.

    Attributes:
        name: the tool.
        version: its version.
        digests: SHA-256 of each build, hexadecimal.
        sizes: bytes of each build.
        first_difference: offset of the first byte that differs; None where none does.
        settings: build settings that differ, by name, with the value of each build.
        installed: SHA-256 of the installed tool; empty where none is installed.
    """

    name: str
    version: str
    digests: tuple[str, str]
    sizes: tuple[int, int]
    first_difference: int | None
    settings: Mapping[str, tuple[str, str]]
    installed: str

    @property
    def same(self) -> bool:
        """Whether both builds have the same bytes."""
        return self.digests[0] == self.digests[1]

    def lines(self) -> list[str]:
        """Say what came of it, for a person."""
        lines: list[str] = []
        for folder, digest, size in zip(_FOLDERS, self.digests, self.sizes, strict=True):
            lines.append(f"{digest}  {size:,} bytes  {self.name} {self.version}, built in {folder}")
        if self.same:
            lines.append(f"{self.name} {self.version}: both builds are the same")
        else:
            lines.append(
                f"{self.name} {self.version}: the builds DIFFER, first at byte {self.first_difference:,}"
            )
        for setting, values in self.settings.items():
            lines.append(f"    setting {setting}: {values[0]!r} and {values[1]!r}")
        lines.append(self._installed_line())
        return lines

    def _installed_line(self) -> str:
        """Say how the installed tool compares with the first build."""
        if not self.installed:
            return "not compared with an installed one: none is there"
        if self.installed == self.digests[0]:
            return "the installed one is the same as the first build"
        # A release, a wheel or Debian's package is built by somebody else.
        return f"the installed one is another: {self.installed} (a release or a package is not built here)"

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "tool": self.name,
            "version": self.version,
            "same": self.same,
            "digests": list(self.digests),
            "sizes": list(self.sizes),
            "first_difference": self.first_difference,
            "settings": {name: list(values) for name, values in self.settings.items()},
            "installed": self.installed,
        }


def rebuild(name: str, *, progress: Progress) -> Rebuilt:
    """Build a tool twice, in different folders, and compare.

    Raises:
        UsageError: there is no such tool, or it is not built from source.
        EnvironmentLacksError: the compiler cannot be had, or a build failed.
    """
    row = tool(name)
    if row.source is None or row.kind not in ("binary", "plugin"):
        message = f"{name} is not built from source here"
        raise UsageError(Problem("not-built", message, hint=f"built are {', '.join(built_tools())}"))
    go = install(["go"], progress=progress)["go"]
    with locked(row, progress) as work:
        try:
            binaries = [_build(go, row, row.source, ensure(work / folder), progress) for folder in _FOLDERS]
        except WayClosedError as error:
            hint = f"the log is in {work}; `sovereign-ai tools install` says what a build needs"
            raise EnvironmentLacksError(Problem("build-failed", f"{name}: {error}", hint=hint)) from None
        return _compared(row, binaries[0], binaries[1])


def built_tools() -> list[str]:
    """Return the names of the tools that are built from source."""
    names = {row.name for row in (*TOOLS.values(), *KIND_TOOLS.values()) if _is_built(row)}
    return sorted(names)


def _is_built(row: Tool) -> bool:
    """Return whether a tool is built from source."""
    return row.source is not None and row.kind in ("binary", "plugin")


def _build(go: Path, row: Tool, recipe: Source, folder: Path, progress: Progress) -> Path:
    """Build a tool in a folder, with a build cache of its own."""
    target = folder / row.name
    progress(f"{row.name}: building in {folder}")
    source.build(
        go, row, recipe, work=folder, target=target, progress=progress, build_cache=ensure(folder / "cache")
    )
    return target


def _compared(row: Tool, first: Path, second: Path) -> Rebuilt:
    """Compare two binaries."""
    located, _ = safely_located(row)
    settings: dict[str, tuple[str, str]] = {}
    offset = _first_difference(first, second)
    if offset is not None:
        settings = _differing_settings(first, second)
    return Rebuilt(
        row.name,
        row.version,
        (_digest(first), _digest(second)),
        (first.stat().st_size, second.stat().st_size),
        offset,
        settings,
        located.digest if located else "",
    )


def _differing_settings(first: Path, second: Path) -> dict[str, tuple[str, str]]:
    """Return the build settings that differ; none where a binary does not state them."""
    try:
        left, right = dict(read_build_info(first).settings), dict(read_build_info(second).settings)
    except EnvironmentLacksError:
        return {}
    differing: dict[str, tuple[str, str]] = {}
    for name in sorted({*left, *right}):
        values = left.get(name, ""), right.get(name, "")
        if values[0] != values[1]:
            differing[name] = values
    return differing


def _digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return file_sha256(path)


def _first_difference(first: Path, second: Path) -> int | None:
    """Return the offset of the first byte that two files do not share; None where they are the same."""
    offset = 0
    with opened(first, TOOL) as left, opened(second, TOOL) as right:
        while True:
            pieces = os.read(left, _PIECE), os.read(right, _PIECE)
            if pieces[0] != pieces[1]:
                return offset + _common(*pieces)
            if not pieces[0]:
                return None
            offset += len(pieces[0])


def _common(left: bytes, right: bytes) -> int:
    """Return how many bytes two pieces share at their beginning."""
    for at, (ours, theirs) in enumerate(zip(left, right, strict=False)):
        if ours != theirs:
            return at
    return min(len(left), len(right))

"""Read the build information that Go writes into every binary, without Go.

Go (since 1.18) puts a block with a magic number at an address that is a multiple of 16; after a
header of 32 bytes come two texts, each with its length as a varint: the Go version, and the
module list between two marks of 16 bytes. The list names the main package, its modules, their
versions, their `h1:` hashes and the build settings. (Source: the Go standard library's package
debug/buildinfo, whose layout this follows.)
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError
from sovereign_ai.files import TOOL, opened
from sovereign_ai.frozen_dataclass import frozen_dataclass

_MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_HEADER = 32
_INLINE = 2
"""Bit of the flags byte that is set if the texts follow the header."""
_MARK = 16


@dataclass(frozen=True, slots=True, order=True)
class GoModule:
    """A module that is part of a binary.

    `h1` is its hash in the checksum database, empty for the main module.
    """

    path: str
    version: str
    h1: str


@frozen_dataclass
class BuildInfo:
    """The build information of a Go binary.

    Attributes:
        go: the version of Go.
        package: the main package.
        modules: every module that is part of it.
        settings: the build settings, as name and value.
    """

    go: str
    package: str
    modules: tuple[GoModule, ...]
    settings: tuple[tuple[str, str], ...]


@contextmanager
def _opened(binary: Path) -> Iterator[int]:
    """Open a binary and yield its descriptor.

    Raises:
        SovereignError: it is no regular file, or cannot be opened.
        ValueError: it is too large.
    """
    with opened(binary, TOOL) as file:
        if os.fstat(file).st_size > TOOL.most_bytes:
            message = f"it has more than {TOOL.most}"
            raise ValueError(message)
        yield file


def read_build_info(binary: Path) -> BuildInfo:
    """Read a binary's build information.

    Raises:
        EnvironmentLacksError: the file cannot be read, or is no Go binary with such information.
    """
    try:
        with _opened(binary) as file, mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
            texts = _texts(data)
    except (SovereignError, OSError, ValueError, IndexError) as error:  # the last: it was cut off
        raise EnvironmentLacksError(
            Problem(
                "binary-unreadable",
                f"{binary} cannot be read: {error}",
                hint="run `sovereign-ai tools install`",
            )
        ) from None
    if texts is None:
        hint = (
            "only tools built by Go 1.18 or later can be listed;"
            " reinstall it with `sovereign-ai tools install`"
        )
        raise EnvironmentLacksError(
            Problem("no-build-info", f"{binary} holds no Go build information", hint=hint)
        )
    return parse(*texts)


def _texts(data: mmap.mmap) -> tuple[str, str] | None:
    """Return the Go version and the module list of the block; None if there is no block."""
    # The magic number may occur in other data, such as in the program that looks for it.
    at = data.find(_MAGIC)
    while at >= 0:
        if at % _ALIGN == 0 and at + _HEADER < len(data) and data[at + 15] & _INLINE:
            go, after = _text(data, at + _HEADER)
            modules, _ = _text(data, after)
            if len(modules) >= 2 * _MARK:
                return go.decode(errors="replace"), modules[_MARK:-_MARK].decode(errors="replace")
        at = data.find(_MAGIC, at + 1)
    return None


def _text(data: mmap.mmap, at: int) -> tuple[bytes, int]:
    """Read a varint, and as many bytes as it states; return them and the index after them."""
    length = shift = 0
    while True:
        byte = data[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return data[at : at + length], at + length


def parse(go: str, text: str) -> BuildInfo:
    """Return the build information of Go's text form; a replaced module is listed by its replacement."""
    package, modules, settings = "", list[GoModule](), list[tuple[str, str]]()
    for line in text.splitlines():
        kind, *parts = line.split("\t")
        if kind == "path":
            package = parts[0]
        elif kind in ("mod", "dep"):
            modules.append(_module(*parts))
        elif kind == "=>" and modules:
            modules[-1] = _module(*parts)
        elif kind == "build":
            name, _, value = parts[0].partition("=")
            settings.append((name, value))
    # Experiments of the compiler may follow the version: `go1.26.6 X:something`.
    version = next(iter(go.split()), "")
    return BuildInfo(version, package, tuple(sorted(set(modules))), tuple(sorted(settings)))


def _module(path: str, version: str, digest: str = "", *_more: str) -> GoModule:
    """Return a module from the columns of its line; a main module has no digest."""
    return GoModule(path, version, digest)

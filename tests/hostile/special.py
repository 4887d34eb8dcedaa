"""Things at a path that are no regular file, or that the reader may not read."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:  # a socket's name may have 107 characters, and the folder's path is longer than that
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _link(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(to)


def _itself(path: Path) -> None:
    path.symlink_to(path.name)


def _circle(path: Path) -> None:
    other = path.with_name("circle")
    path.symlink_to(other.name)
    other.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.write_text("x\n")
    path.chmod(0)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "absent": lambda _path: None,
    "folder": _folder,
    "pipe": _pipe,
    "socket": _socket,
    "zeros": _link("/dev/zero"),
    "random": _link("/dev/urandom"),
    "null": _link("/dev/null"),
    "full": _link("/dev/full"),
    "terminal": _link("/dev/tty"),
    "kernel-messages": _link("/proc/kmsg"),
    "memory": _link("/proc/self/mem"),
    "dangling": _link("nowhere"),
    "itself": _itself,
    "circle": _circle,
    "through-file": _link("/etc/hostname/x"),
    "unreadable": _unreadable,
    "sparse-tebibyte": _sparse,
}
"""Name to what puts it at a path where nothing is."""


def specials() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Return each, replacing what is at the path."""
    for name, make in SPECIAL.items():
        yield name, lambda path, make=make: _replaced(path, make)  # type: ignore[misc]


def _replaced(path: Path, make: Callable[[Path], None]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    make(path)

"""Bounded reading of the files in which the kernel tells of itself and of processes: `/proc` and `/sys`.

They have no size, and some hold what another user chose, such as a process's name, arguments and environment.
Errors stay the system's: a process that has ended is no problem of a file.

    >>> kernel_text("/proc/self/comm").strip() != ""
    True
"""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL

from sovereign_ai.files.writing import naming

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PIECE = 1 << 16
MOST_BYTES = 16 << 20
"""Of one file: arguments and environment of a process have at most 6 MiB (execve(2)), and the tables of the
connections of a busy machine some more."""


def kernel_file(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a file of the kernel.

    Raises:
        OSError: it cannot be read, as of a process that has ended; it is no regular file, or holds more.
    """
    with naming(path):
        descriptor = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(EINVAL, "it is no regular file")
            return _bounded(descriptor, most_bytes)
        finally:
            os.close(descriptor)


def kernel_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file of the kernel; bytes that are no UTF-8 are replaced.

    Raises:
        OSError: as for `kernel_file`.
    """
    return kernel_file(path).decode("utf-8", "replace")


def _bounded(descriptor: int, most_bytes: int) -> bytes:
    """Return what an open file holds, by reads until its end, since its size is unknown."""
    pieces: list[bytes] = []
    left = most_bytes
    while piece := os.read(descriptor, _PIECE):
        left -= len(piece)
        if left < 0:
            raise OSError(EFBIG, "it holds too much")
        pieces.append(piece)
    return b"".join(pieces)

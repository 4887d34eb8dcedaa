"""Check where a command is to write before it works: what takes minutes must not fail at its last line.

Where nothing can be written the system's own error is raised, as writing would raise it later.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


def insist_on_place(path: Path, *, is_folder: bool = False) -> None:
    """Check one place.

    Args:
        path: the file or folder that is to be written.
        is_folder: whether it may be a folder, which a command makes with all that is missing above it.

    Raises:
        OSError: nothing can be written there.
    """
    if path.is_dir() and not is_folder:
        raise _error(errno.EISDIR, path)
    if os.path.lexists(path):
        return
    above = path.parent
    if not is_folder and not os.path.lexists(above):
        raise _error(errno.ENOENT, path)
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise _error(errno.ENOTDIR, path)
    if not os.access(above, os.W_OK | os.X_OK):
        raise _error(errno.EACCES, path)


def _error(number: int, path: Path) -> OSError:
    """Return the system's error about a path."""
    return OSError(number, os.strerror(number), str(path))

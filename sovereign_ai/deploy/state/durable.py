"""Write files so that they survive a power loss, and name the file in every error of the system.

A file is written under a temporary name, flushed to the disk and renamed, and its folder is flushed: after a
crash a reader gets the old content or the new one, never a part. The system's errors name no file when a
write or a flush fails (a full disk, a file size limit), so the errors of this module do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.files.writing import replace, sync_folder


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a file's name to every error of the system in this block.

    Raises:
        OSError: as raised in the block, with the file's name where it had none.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error


def make_folder(folder: Path) -> Path:
    """Create a folder and its parents with mode 0700, and return it.

    Raises:
        OSError: it cannot be created.
    """
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        # mkdir(parents=True) would give the parents the mode of the umask.
        path.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_durably(path: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write a file of mode 0600 whole or not at all, and flush it to the disk.

    Args:
        path: the file.
        data: its new content.
        scratch: folder on the same disk for the file while it is incomplete; left out, the file's own.

    Raises:
        OSError: it cannot be written; an existing file is unchanged then.
    """
    replace(path, data, mode=0o600, scratch=scratch)


def remove_durably(path: Path) -> None:
    """Remove a file, which need not exist, and flush its folder.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_symlink() or path.exists():
        path.unlink(missing_ok=True)
        sync_folder(path.parent)

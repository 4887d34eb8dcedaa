"""Files that a user named: written whole or not at all, and what the system says about one as a problem."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from stat import S_IMODE, S_ISREG

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_NEXT = {
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EROFS: "it cannot be written there; name another place",
    errno.ENOSPC: "free some space and run the command again",
    errno.EDQUOT: "free some space and run the command again",
    errno.ENOENT: "make the folder first, or name another place",
    errno.ENOTDIR: "a part of the path is a file; name another place",
    errno.EISDIR: "it is a folder; name a file",
    errno.EEXIST: "a file stands where a folder is to be; name another folder",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "its links lead in a circle; name another place",
    errno.EMFILE: "let the user have more open files: ulimit -n",
    errno.ENFILE: "end some programs and run the command again",
}
"""What a user can do about what the system says of a file; anything else is a defect of ours."""


def problem_of(error: OSError) -> EnvironmentLacksError | None:
    """Say in words what the system says about a file; None if that is nothing a user can mend."""
    hint = _NEXT.get(error.errno or 0)
    if hint is None:
        return None
    where = Where(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Where()
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - a home may be unknown here
    if where.file and where.file.startswith(f"{state}{os.sep}sovereign-ai"):
        hint += "; XDG_STATE_HOME places the state folder elsewhere"
    said = os.strerror(error.errno or 0)
    return EnvironmentLacksError(Problem("file-refused", f"the system refuses it: {said}", where, hint))


def save(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; what is no regular file, such as a terminal, is written as it is.

    Raises:
        OSError: it cannot be written; an older file is then as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    path = path.resolve()
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None and not S_ISREG(mode):
        path.write_bytes(data)
        return
    beside = path.parent / f".{path.name[:200]}.{os.getpid()}"
    try:
        with os.fdopen(_opened(beside, path), "wb") as file:
            file.write(data)
        if mode is not None:
            beside.chmod(S_IMODE(mode))
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _opened(beside: Path, path: Path) -> int:
    """Open the file beside, naming in an error the file that the user named."""
    try:
        return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None

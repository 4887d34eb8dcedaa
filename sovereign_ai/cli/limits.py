"""Errors that mean exhausted resources of this computer, or a limit on this user.

They are reported as something that the environment lacks, and not as a defect of the program.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from sovereign_ai.cli.file_errors import find_file_problem
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, Where

_MEMORY = "free some memory, or raise the limit on it (`ulimit -v`), and run the command again"
_BY_NUMBER = {
    errno.ENOMEM: ("memory-limit", "the system gives no more memory", _MEMORY),
    # fork and pthread_create report RLIMIT_NPROC and the cgroup's pids.max as EAGAIN.
    errno.EAGAIN: (
        "process-limit",
        "the system starts no more processes or threads",
        "end some, or raise the limit (`ulimit -u`)",
    ),
    # RLIMIT_FSIZE: the kernel reports it as a file that is too big, also where the disk has room.
    errno.EFBIG: (
        "file-limit",
        "a file became larger than the limit on this user's files",
        "raise the limit (`ulimit -f`)",
    ),
    errno.ENOBUFS: ("memory-limit", "the system has no room for network buffers", _MEMORY),
    errno.EIO: (
        "file-refused",
        "the disk fails to read or write",
        "read the system's log, and put the file on another disk",
    ),
    errno.ESTALE: (
        "file-refused",
        "a network file system has lost the file",
        "mount it again and run the command again",
    ),
}
_ALWAYS_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors that are limits also where a library wraps them in an error of its own.

Other errors about files, such as a missing file, may be a defect of the program or of a library once they are
wrapped. """
_BY_TEXT = {
    "can't start new thread": _BY_NUMBER[errno.EAGAIN],
    "can't allocate": _BY_NUMBER[errno.ENOMEM],
    "cannot allocate": _BY_NUMBER[errno.ENOMEM],
    "failed to map segment": _BY_NUMBER[errno.ENOMEM],
    "malloc failure": _BY_NUMBER[errno.ENOMEM],
    "Resource temporarily unavailable": _BY_NUMBER[errno.EAGAIN],
    "Could not determine home directory": (
        "no-home",
        "this user has no home folder that the system knows",
        "set HOME, or XDG_STATE_HOME and XDG_CACHE_HOME, to folders that can be written",
    ),
}
"""Texts of libraries that report a limit without an error number.

The libraries are `threading`, the dynamic loader, OpenSSL and `pathlib`, in a container whose user has no
account.
"""
_LOOP = "Symlink loop from "
"""How `pathlib` before Python 3.13 begins the error of a path whose links lead in a circle."""


def find_resource_limit(error: BaseException) -> SovereignError | None:
    """Return the limit that an error, or one of its causes, reports; None if none of them reports a limit."""
    if isinstance(error, OSError) and (problem := find_file_problem(error)):
        return problem
    for cause in _chain(error):
        if (limit := _limit_in(cause)) is not None:
            return limit
    return None


def _limit_in(cause: BaseException) -> SovereignError | None:
    """Return the limit that a single exception reports, without its causes; None if it reports none."""
    if isinstance(cause, MemoryError):
        return _lack(*_BY_NUMBER[errno.ENOMEM])
    if isinstance(cause, OSError) and cause.errno in _ALWAYS_LIMITS and (problem := find_file_problem(cause)):
        return problem
    if isinstance(cause, OSError) and cause.errno in _BY_NUMBER:
        code, message, hint = _BY_NUMBER[cause.errno]
        if cause.filename:
            message = f"{message}: {cause.filename}"
        return _lack(code, message, hint)
    text = str(cause)
    if isinstance(cause, RuntimeError) and text.startswith(_LOOP):
        where = Where(text.removeprefix(_LOOP).strip("'\""))
        message = "the system refuses it: its links form a loop"
        return EnvironmentLacksError(Problem("file-refused", message, where, "name another place"))
    for words, limit in _BY_TEXT.items():
        if words in text:
            return _lack(*limit)
    return None


def _lack(code: str, message: str, hint: str) -> EnvironmentLacksError:
    return EnvironmentLacksError(Problem(code, message, hint=hint))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and each error that it was raised from or during the handling of."""
    # A chain of exceptions may be a loop, since `__context__` can be assigned.
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__

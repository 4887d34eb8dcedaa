"""Operating-system errors about a file that a user named, as problems with a next step."""

from __future__ import annotations

import errno
import os

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_NEXT_STEPS = {
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EROFS: "it cannot be written there; name another place",
    errno.ENOSPC: "free some space and run the command again",
    errno.EDQUOT: "free some space and run the command again",
    errno.ENOENT: "make the folder first, or name another place",
    errno.ENOTDIR: "a part of the path is a file; name another place",
    errno.EISDIR: "it is a folder; name a file",
    errno.EEXIST: "there is a file where a folder is expected; name another folder",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "its links form a loop; name another place",
    errno.EMFILE: "let the user have more open files: ulimit -n",
    errno.ENFILE: "end some programs and run the command again",
    errno.EUCLEAN: "the file system is damaged; have it checked, and look at the kernel's log",
    errno.ENODEV: "the device is gone; mount it again",
    errno.EBUSY: "another program uses it; end that and run the command again",
    errno.ENOLCK: "locks do not work there; name a place on another file system",
    errno.ETXTBSY: "it is being run or written; run the command again",
    errno.ENOEXEC: "this computer cannot run it; `sovereign-ai tools install` installs it again",
}
"""What a user can do about an error of the system.

An error that is not listed is a defect of this program.
"""


def find_file_problem(error: OSError) -> EnvironmentLacksError | None:
    """Return the problem that a user can solve; None if the error is not one of those."""
    hint = _NEXT_STEPS.get(error.errno or 0)
    if hint is None:
        return None
    if error.errno == errno.ENOENT:
        hint = _missing_step(error)
    where = Where(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Where()
    # `os.path.expanduser` returns the path as it is where the home is unknown; `Path.home` would raise.
    state_home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    if where.file and where.file.startswith(f"{state_home}{os.sep}sovereign-ai"):
        hint += "; XDG_STATE_HOME places the state folder elsewhere"
    reason = error.strerror or os.strerror(error.errno or 0)
    return EnvironmentLacksError(Problem("file-refused", f"the system refuses it: {reason}", where, hint))


def _missing_step(error: OSError) -> str:
    """Return what to do about a file that is not there, or that cannot be made."""
    # The error of the working directory itself has no name.
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    try:
        place = os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118 - the name may be no path
    except FileNotFoundError:
        if not os.path.isabs(name):  # noqa: PTH117 - see above
            return "the folder that this shell is in was removed; go to another one"
        place = name
    if os.path.isdir(os.path.dirname(place)):  # noqa: PTH112, PTH120 - see above
        return "it is gone, or its folder takes no files; name another place"
    return _NEXT_STEPS[errno.ENOENT]

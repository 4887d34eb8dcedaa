"""Bounded reading of files that a user named or this program keeps: regular files only, without waiting.

A path may lead to a pipe, a terminal, a disk, `/dev/zero`, or to a loop of links, and a file may grow while
it is read. None of these is read, and each is a problem with the path. Files of the kernel are read by
`kernel`, those of the package by `package_file`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.files.kinds import STATE, TOOL, FileKind
from sovereign_ai.text import counted

# O_NONBLOCK: opening a pipe without a writer would wait. O_NOCTTY: a terminal must not become the controlling
# one.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PACKAGE = Path(__file__).parents[1]
_PIECE = 1 << 20
"""Bytes of one read; memory is allocated for what is there, and not for the limit."""
_LONGEST_PATH = 200
"""Characters of a path that a message shows, from its end."""
_OTHERS = 0o077
"""Every permission of group and others."""
_TYPES = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_NEXT_STEPS = {
    errno.EACCES: "let this user read it and enter its folders, or name another file",
    errno.EPERM: "let this user read it and enter its folders, or name another file",
    errno.ENOTDIR: "a part of the path is a file; name another one",
    errno.ENAMETOOLONG: "no file has so long a name; name another one",
    errno.ELOOP: "its links lead in a circle; name another file",
    errno.EIO: "the disk cannot read it; look at the kernel's log",
}
"""What to do about an error of the system; for others, the hint of the kind says what to name."""


def read(path: Path, kind: FileKind, where: Where | None = None) -> bytes:
    """Read a file whole.

    Args:
        path: the file.
        kind: the expected kind of file.
        where: the place in a text that names the file, for problems; None for the file itself.

    Raises:
        SovereignError: the kind's own error: the file cannot be opened, is no regular file, is larger than
            the kind's limit, or can be read by others although its kind is for its owner only.
    """
    with opened(path, kind, where) as descriptor, _system_errors(path, kind, where):
        # Of the open file, and not of the path: another file may have been put there since.
        mode = os.fstat(descriptor).st_mode
        if kind.others and mode & _OTHERS:
            subject = str(path) if where else "it"
            state = f"others can read {subject} (mode {stat.S_IMODE(mode):04o})"
            message = f"{state}, expected {kind.noun} for its owner alone"
            hint = f"chmod 600 {quote(str(path))}"
            problem = Problem(kind.others, message, where or Where(str(path)), hint)
            raise (kind.missing or kind.error)(problem)
        return _bounded(descriptor, path, kind, where)


def content_of(path: Path, kind: FileKind = STATE) -> bytes | None:
    """Return the content of a file that may be missing; None where there is none.

    Raises:
        SovereignError: the kind's own error: it is no regular file, cannot be read, or is too large.
    """
    if not os.path.lexists(path):
        return None
    try:
        return read(path, kind)
    except SovereignError:
        # Another command may have removed it meanwhile.
        if not os.path.lexists(path):
            return None
        raise


def content_if_whole(path: Path, kind: FileKind = STATE) -> bytes | None:
    """Return the content of a file that may be missing or damaged; None where it cannot be read."""
    try:
        return content_of(path, kind)
    except SovereignError:
        return None


def pieces(path: Path, kind: FileKind) -> Iterator[bytes]:
    """Yield the bytes of a file that may be too large for memory, piece by piece.

    Raises:
        SovereignError: the kind's own error: as for `read`.
    """
    with opened(path, kind) as descriptor:
        _require_size(descriptor, path, kind, None)
        left = kind.most_bytes
        while True:
            with _system_errors(path, kind, None):
                piece = os.read(descriptor, _PIECE)
            if not piece:
                return
            left -= len(piece)
            if left < 0:
                raise kind.error(_too_large(path, kind, None))
            yield piece


def end_of(path: Path, most_bytes: int) -> bytes:
    """Return the last bytes of a log, which may have any size; none where it cannot be read."""
    with suppress(SovereignError, OSError), opened(path, TOOL) as descriptor:
        begin = max(0, os.fstat(descriptor).st_size - most_bytes)
        return os.pread(descriptor, most_bytes, begin)
    return b""


def package_file(path: Path) -> bytes:
    """Return the content of a file that is installed with this package, which nobody else writes.

    Raises:
        ValueError: it is no file of this package.
        OSError: it is missing.
    """
    if not path.is_relative_to(_PACKAGE):
        message = f"{path} is no file of this package"
        raise ValueError(message)
    return path.read_bytes()


def read_lines(path: Path, kind: FileKind, most_line: int) -> Iterator[bytes]:
    """Yield the lines of a file, each with its line end; the last may have none.

    Args:
        path: the file.
        kind: the expected kind; the file may be as large as the kind allows.
        most_line: the most bytes of one line.

    Raises:
        SovereignError: the kind's own error: as for `read`, or a line is longer.
    """
    # A copy of the descriptor, since `opened` and the file object each close their own.
    with opened(path, kind) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        number = total = 0
        while True:
            with _system_errors(path, kind, None):
                # One byte more than allowed, by which a line that is too long is recognised.
                line = file.readline(most_line + 1)
            if not line:
                return
            number, total = number + 1, total + len(line)
            if len(line) > most_line:
                message = f"the line has more than {most_line:,} bytes"
                raise kind.error(Problem("too-large", message, Where(str(path), number), kind.hint))
            if total > kind.most_bytes:
                raise kind.error(_too_large(path, kind, None))
            yield line


@contextmanager
def opened(path: Path, kind: FileKind, where: Where | None = None) -> Iterator[int]:
    """Open a regular file for reading and yield its descriptor.

    Raises:
        SovereignError: the kind's own error: it cannot be opened, or is no regular file.
    """
    # The type is checked before the file is opened, since opening a device may have an effect, and once more
    # after it, since another file may have been put in its place.
    with _system_errors(path, kind, where):
        _require_regular(path.stat(follow_symlinks=kind.follows), path, kind, where)
        descriptor = os.open(path, _FLAGS if kind.follows else _FLAGS | os.O_NOFOLLOW)
    try:
        _require_regular(os.fstat(descriptor), path, kind, where)
        yield descriptor
    finally:
        os.close(descriptor)


def files_in(folder: Path, kind: FileKind, most: int) -> list[Path]:
    """Return the paths in a folder, in order, bounded in number.

    Raises:
        SovereignError: the kind's own error: it is no folder that can be read, or holds more.
    """
    paths: list[Path] = []
    with _system_errors(folder, kind, None), os.scandir(folder) as entries:
        for entry in entries:
            paths.append(Path(entry.path))
            if len(paths) > most:
                message = f"the folder holds more than {counted(most, 'file')}"
                hint = "keep fewer in one folder"
                raise kind.error(Problem("too-many-files", message, Where(str(folder)), hint))
    return sorted(paths)


@contextmanager
def _system_errors(path: Path, kind: FileKind, where: Where | None) -> Iterator[None]:
    """Turn the system's errors about a file into the kind's own error."""
    try:
        yield
    except OSError as error:
        hint = _NEXT_STEPS.get(error.errno or 0, kind.hint)
        raise _refused(path, kind, where, _reason(error, path), hint) from None
    except ValueError:
        # The path contains a null character, which no path of the system has.
        raise _refused(path, kind, where, "it is no path", kind.hint) from None


def _reason(error: OSError, path: Path) -> str:
    """Return why a file cannot be opened; of a link that is there, it is what it leads to that is missing."""
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"it is a link to {path.readlink()}, which does not exist"
    return error.strerror or "it cannot be read"


def _refused(path: Path, kind: FileKind, where: Where | None, reason: str, hint: str) -> SovereignError:
    """Return the error of a file that cannot be opened."""
    shown = str(path)[-_LONGEST_PATH:]
    # A place in a text does not name the file, so the message has to.
    message = f"{shown}: {reason}" if where else f"{reason}; expected {kind.noun}"
    problem = Problem(kind.code, message, where or Where(shown), hint)
    return (kind.missing or kind.error)(problem)


def _bounded(descriptor: int, path: Path, kind: FileKind, where: Where | None) -> bytes:
    """Return the contents of an open file; a file that is too large is refused before it is read whole."""
    _require_size(descriptor, path, kind, where)
    pieces: list[bytes] = []
    # The file may grow while it is read, and files of `/proc` have size 0: so what is read is counted too.
    left = kind.most_bytes + 1
    while left and (piece := os.read(descriptor, min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise kind.error(_too_large(path, kind, where))
    return b"".join(pieces)


def _require_size(descriptor: int, path: Path, kind: FileKind, where: Where | None) -> None:
    """Refuse an open file that is too large, before anything of it is read."""
    if os.fstat(descriptor).st_size > kind.most_bytes:
        raise kind.error(_too_large(path, kind, where))


def _too_large(path: Path, kind: FileKind, where: Where | None) -> Problem:
    """Return the problem of a file that is larger than its kind allows."""
    message = f"the file has more than {kind.most}, the most for {kind.noun}"
    return Problem("too-large", message, where or Where(str(path)), kind.hint)


def _require_regular(status: os.stat_result, path: Path, kind: FileKind, where: Where | None) -> None:
    """Refuse everything but a regular file."""
    if stat.S_ISREG(status.st_mode):
        return
    file_type, step = type_and_step(status.st_mode)
    # Nobody names a file that only this program writes.
    hint = step if kind.follows else kind.hint
    subject = str(path) if where else "it"
    message = f"{subject} is {file_type}, expected {kind.noun} in a regular file"
    raise kind.error(Problem(kind.code, message, where or Where(str(path)), hint))


def type_and_step(mode: int) -> tuple[str, str]:
    """Return what something is that is no regular file, and what to name in its place.

    >>> type_and_step(stat.S_IFDIR)
    ('a folder', 'name a regular file')
    """
    file_type = "no file"
    for test, name in _TYPES:
        if test(mode):
            file_type = name
            break
    if file_type == "a pipe":
        return file_type, "write what it gives into a file, and name that"
    return file_type, "name a regular file"

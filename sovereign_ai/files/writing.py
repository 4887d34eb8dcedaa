"""Atomic writing of files, which follows no link that another user made.

The bytes go to a new file beside the place. Its random name must not exist yet (`O_EXCL`) and is no link
(`O_NOFOLLOW`). They are on the disk before the file is moved to its place in one step. A reader sees the old
file or the new one, and a full disk or a kill leaves the old one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from errno import EEXIST, EINVAL, EISDIR, ELOOP, ENOTSUP, EROFS
from pathlib import Path

from sovereign_ai.errors import Problem, UsageError, Where

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST_STEM = 200
"""Bytes of a name that a temporary file repeats: file systems allow 255, and a random end is added."""
_TRIES = 8
_MOST_LINKS = 40
"""Linux follows no more links in one path (`path_resolution(7)`)."""
_DEFAULT_MODE = 0o666
"""Before the umask, as for every new file."""
_WRITE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_CANNOT = frozenset({EINVAL, ENOTSUP, EROFS})
"""Errors of file systems that cannot flush a folder."""


def write(path: Path, content: str | bytes) -> None:
    """Write a file that the user named.

    An older file keeps its mode; of another user's, what others may write goes. A link of the user's own, or
    of the system's, is followed to the file at its end. A place that is no regular file, such as a terminal,
    is written without being replaced.

    Raises:
        UsageError: the place is a link or a pipe that another user made, or a link that leads nowhere.
        OSError: it cannot be written; an older file is then as it was.
    """
    place = destination(path)
    status = place.stat() if place.exists() else None
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise _named(IsADirectoryError(EISDIR, os.strerror(EISDIR)), path)
    data = content.encode() if isinstance(content, str) else content
    if status is not None and stat.S_ISFIFO(status.st_mode):
        _require_own_pipe(place, status, path)
    if status is not None and (not stat.S_ISREG(status.st_mode) or place.is_symlink()):
        _append(place, data, path)
        return
    mode = stat.S_IMODE(status.st_mode) if status is not None else None
    if mode is not None and status is not None and status.st_uid != os.geteuid():
        # Whoever put it there could write into what takes its place.
        mode &= ~_WRITE_BY_OTHERS
    try:
        replace(place, data, mode=mode)
    except OSError as error:
        raise _named(error, path) from None


def _append(place: Path, data: bytes, path: Path) -> None:
    """Write to what is no file, or to a stream of this process.

    Raises:
        UsageError: another user put a pipe in its place meanwhile.
        OSError: it cannot be written, or a file or a link was put in its place meanwhile.
    """
    is_stream = place.is_relative_to("/proc")
    # Append: `/dev/stdout` may be a file into which a shell redirected earlier output too.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | (0 if is_stream else os.O_NOFOLLOW)
    with naming(path), os.fdopen(os.open(place, flags), "ab") as stream:
        # Of what is open, and not of the name, which may be another thing's by now.
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and not is_stream:
            raise OSError(ELOOP, "a file was put in its place", str(path))
        if stat.S_ISFIFO(status.st_mode):
            _require_own_pipe(place, status, path)
        stream.write(data)


def _require_own_pipe(place: Path, status: os.stat_result, path: Path) -> None:
    """Refuse a pipe that another user put in a place: whoever reads it gets what is written.

    A stream of this process may be another user's, as under `sudo`.

    Raises:
        UsageError: it is one.
    """
    if status.st_uid in (os.geteuid(), 0) or place.is_relative_to("/proc"):
        return
    message = f"it is a pipe that another user made (uid {status.st_uid})"
    hint = "remove it, or name another file"
    raise UsageError(Problem("foreign-pipe", message, Where(str(path)), hint))


def write_private(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file of mode 0600 into a folder of this program.

    Raises:
        OSError: it cannot be written; an older file is then as it was.
    """
    replace(path, data, mode=0o600, durable=durable)


def replace(
    place: Path, data: bytes, *, mode: int | None = None, durable: bool = True, scratch: Path | None = None
) -> None:
    """Put a new file in a place, whole, in one step; a link in its place is replaced, never followed.

    Args:
        place: the path of the file.
        data: the contents.
        mode: the mode; None for that of every new file.
        durable: whether to wait for the disk. It is slow for thousands of files that can be written again,
            and useless for files that mean nothing after a reboot.
        scratch: folder on the same disk for the file while it is not whole; None for the place's own.

    Raises:
        OSError: it cannot be written; it names the place.
    """
    fresh = prepare(place, data, mode=mode, durable=durable, scratch=scratch)
    try:
        fresh.replace(place)
    except BaseException as error:
        fresh.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _named(error, place) from None
        raise
    if durable:
        sync_folder(place.parent)


def prepare(
    place: Path, data: bytes, *, mode: int | None = None, durable: bool = True, scratch: Path | None = None
) -> Path:
    """Write a new file beside a place, ready to be moved there, and return its path.

    Raises:
        OSError: it cannot be written; then nothing is left.
    """
    beside = place if scratch is None else scratch / place.name
    # Group and others get their rights only once the file is whole; an owner without any could not write it.
    first_mode = _DEFAULT_MODE if mode is None else mode & 0o700 or 0o600
    descriptor, fresh = _new_beside(beside, first_mode)
    try:
        with naming(place), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def require_new_files(folder: Path, named: Path) -> None:
    """Try whether a folder takes new files, by one that is gone at once.

    Permissions do not tell: root may write everywhere but on a disk that is mounted for reading, in `/proc`
    or `/sys`, and below what cannot be changed (`chattr +i`).

    Args:
        folder: a folder that exists.
        named: what the user named, for the error.

    Raises:
        OSError: it takes none.
    """
    try:
        # `.` and `/` have no name.
        descriptor, fresh = _new_beside(folder / (named.name or "new"), 0o600)
        os.close(descriptor)
        fresh.unlink()
    except OSError as error:
        raise _named(error, named) from None


def open_new(path: Path, mode: int = 0o600) -> int:
    """Open a file that does not exist yet, to write what is too large for memory.

    Raises:
        FileExistsError: something has its name, even a link that leads nowhere.
        OSError: it cannot be created.
    """
    return os.open(path, _NEW, mode)


def create(path: Path, data: bytes, *, mode: int = 0o666, durable: bool = True) -> None:
    """Write a file that does not exist yet.

    Args:
        path: the file.
        data: the contents.
        mode: the mode, before the umask.
        durable: whether to wait for the disk.

    Raises:
        FileExistsError: something has its name, even a link that leads nowhere.
        OSError: it cannot be written; then nothing is left.
    """
    descriptor = open_new(path, mode)
    try:
        with naming(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def open_to_append(path: Path, mode: int = 0o600) -> int:
    """Open a file of this program to append to it, and create it if it does not exist.

    A link is not followed, and on the way there none of another user.

    Raises:
        UsageError: the way there leads over a link of another user.
        OSError: it cannot be opened, or it is a link or no regular file.
    """
    require_own_links(path.parent)
    # O_NONBLOCK: a pipe in its place must not keep the command waiting.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    return _require_file(os.open(path, flags, mode), path)


def append(path: Path, data: bytes) -> None:
    """Append to a file of this program, and create it with mode 0600 if it does not exist.

    Raises:
        UsageError: the way there leads over a link of another user.
        OSError: it cannot be written, or it is a link or no regular file.
    """
    with naming(path), os.fdopen(open_to_append(path), "ab") as file:
        file.write(data)


def open_lock(path: Path, *, create: bool = True) -> int:
    """Open a file of this program that is locked and that holds nothing, or a line about who holds it.

    Args:
        path: the file.
        create: whether it is created, with mode 0600, where there is none.

    Raises:
        FileNotFoundError: there is none, and none is created.
        OSError: it cannot be opened, or it is a link or no regular file.
    """
    # O_NONBLOCK: a pipe in its place must not keep the command waiting.
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags | os.O_CREAT if create else flags, 0o600)
    return _require_file(descriptor, path)


def _require_file(descriptor: int, path: Path) -> int:
    """Return a descriptor of a regular file; close any other.

    Raises:
        OSError: it is no regular file.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(ELOOP, "it is no regular file", str(path))
    return descriptor


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can do that.

    Without it, a file that was moved to its place may have its old name after a power failure.

    Raises:
        OSError: the disk cannot be written.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # a folder can be writable and not readable
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise _named(error, folder) from None
    finally:
        os.close(descriptor)


def _new_beside(place: Path, mode: int) -> tuple[int, Path]:
    """Open a new file in a place's folder, under a name that cannot be predicted."""
    stem = os.fsencode(place.name)[:_LONGEST_STEM].decode(errors="ignore")
    for _ in range(_TRIES):
        fresh = place.with_name(f".{stem}.{secrets.token_hex(6)}")
        with contextlib.suppress(FileExistsError):
            return os.open(fresh, _NEW, mode), fresh
    raise FileExistsError(EEXIST, os.strerror(EEXIST), str(place))


def destination(path: Path) -> Path:
    """Return the file at the end of a path's links, which is the one to write.

    Raises:
        UsageError: another user made one of the links, also of those to folders, or they lead nowhere.
    """
    require_own_links(path)
    place = path
    for _ in range(_TRIES):
        # A link in `/proc` is a stream of this process, and its target is no name that can be replaced.
        if not place.is_symlink() or place.is_relative_to("/proc"):
            return place
        if not place.exists():
            message = "it is a link that leads nowhere"
            hint = "remove it, or name another file"
            raise UsageError(Problem("dangling-link", message, Where(str(path)), hint))
        place = place.parent / place.readlink()
    message = "its links lead in a circle"
    raise UsageError(Problem("dangling-link", message, Where(str(path)), "name another file"))


def require_own_links(path: Path) -> None:
    """Refuse a place to write that leads over a link of another user, to a file or to a folder.

    Where others can write, such a link could lead to any folder of this user.

    Raises:
        UsageError: it does; the problem names the link.
    """
    links = _links_of(path)
    for link, owner in links:
        if owner not in (os.geteuid(), 0):
            subject = "it" if link == path.absolute() else str(link)
            message = f"{subject} is a link that another user made (uid {owner})"
            hint = "remove it, or name another file"
            raise UsageError(Problem("foreign-link", message, Where(str(path)), hint))


def _links_of(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield each link that the system follows on the way to a path, with its owner, up to the system's limit.

    Links in `/proc` are streams of this process: they and what follows are left out.
    """
    place = Path("/")
    parts = [*reversed(path.absolute().parts)]
    left = _MOST_LINKS
    while parts and left and not place.is_relative_to("/proc"):
        part = parts.pop()
        # Of an absolute target the first part is the root, which `/` puts in place of everything before it.
        place = place.parent if part == ".." else place / part
        try:
            status = place.lstat()
            target = place.readlink() if stat.S_ISLNK(status.st_mode) else None
        except (OSError, ValueError):
            return  # nothing is there yet, or whoever opens it will say why it cannot be
        if target is not None:
            yield place, status.st_uid
            parts += reversed(target.parts)
            place, left = place.parent, left - 1


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Give errors the path of an open file: of a descriptor, as of a full disk, the system says no name."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise _named(error, path) from None


def _named(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """Return an error with the path that the user named."""
    return type(error)(error.errno, error.strerror, str(path))

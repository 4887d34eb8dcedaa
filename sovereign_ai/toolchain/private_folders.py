"""Folders that only this account can use, on a machine that other accounts use as well.

A folder of mode 0700 is private only if no other account owns it, and if none can rename a folder above it
and put another in its place. So the folders above are checked as well: each must belong to this account or to
root, and may be written by others only if it is sticky, as /tmp is.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ACCESS_LIST = "system.posix_acl_access"
"""Extended attribute of a file that has more entries of access than its mode (acl(5))."""


def make_folders(folder: Path) -> Path:
    """Make a folder, and those above it that are missing, each of mode 0700 whatever the umask is; return it.

    `Path.mkdir` gives its mode to the last folder alone.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    return folder


def private_folder(folder: Path) -> Path:
    """Make a folder that is this account's alone, or close one that is open to others; return it.

    Raises:
        EnvironmentLacksError: another account owns it, or could put another folder in its place, or something
            there is no folder.
        OSError: it cannot be made for another reason, such as a full disk.
    """
    try:
        problems = [
            Problem("folder-not-private", text, Where(str(path)), hint)
            for path, text, hint in _openings(folder)
        ]
        if problems:
            raise EnvironmentLacksError(problems)
        make_folders(folder)
    # A circle of links is a RuntimeError of `Path.resolve`, and a null character a ValueError.
    except (NotADirectoryError, FileExistsError, RuntimeError, ValueError):
        raise EnvironmentLacksError(_no_folder(folder)) from None
    # A file would be taken until something is made in it, and its mode changed before.
    if not folder.is_dir():
        raise EnvironmentLacksError(_no_folder(folder))
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)
    # Another account may have made the folder after the first look, where one above it is sticky.
    if folder.lstat().st_uid != os.geteuid():
        raise EnvironmentLacksError(_foreign(folder))
    return folder


def _openings(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield each existing part of a path by which another account could come between, why, and what to do."""
    own = os.geteuid()
    for path in _parts(folder):
        status = path.lstat()
        is_last = path in {folder, folder.resolve()}
        if is_last and not stat.S_ISLNK(status.st_mode):
            if status.st_uid != own:
                problem = _foreign(path)
                yield path, problem.message, problem.hint
            continue  # `private_folder` sets the mode of the folder itself
        if status.st_uid not in {0, own}:
            owner = _account(status.st_uid)
            yield path, f"it belongs to {owner}, who could put another in its place", _ELSEWHERE
        elif not stat.S_ISLNK(status.st_mode) and _is_open(path, status):
            yield path, "other accounts can write it, and so replace what lies in it", f"chmod go-w {path}"


def writable_by_others(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each part of a path, links included, that lets another account replace the file, and why."""
    own = os.geteuid()
    for part in _parts(path):
        status = part.lstat()
        if status.st_uid not in {0, own}:
            yield part, f"it belongs to {_account(status.st_uid)}"
        elif stat.S_ISLNK(status.st_mode):
            continue
        elif _is_writable_file(part, status) or _is_open(part, status):
            yield part, "other accounts can write it"


def _is_writable_file(path: Path, status: os.stat_result) -> bool:
    """Return whether a file can be written by accounts outside of this account's own group."""
    is_writable = stat.S_ISREG(status.st_mode) and bool(status.st_mode & _OTHERS)
    return is_writable and not _is_private(path, status)


def _is_private(path: Path, status: os.stat_result) -> bool:
    """Return whether only this account's own group may write what it may write itself."""
    is_own = not status.st_mode & stat.S_IWOTH and _is_own_group(status.st_gid)
    return is_own and not _has_access_list(path)


def _has_access_list(path: Path) -> bool:
    """Return whether a list grants rights to accounts by name (acl(5)).

    With one, the mode's bits of the group are the most that any account of the list has.
    """
    try:
        return bool(os.getxattr(path, _ACCESS_LIST, follow_symlinks=False))
    except OSError:
        return False  # there is none, or the file system has no such lists


_ELSEWHERE = "name a folder of your own by XDG_STATE_HOME or XDG_CACHE_HOME"


def _no_folder(folder: Path) -> Problem:
    """Return the problem with a path at which there is something else than a folder."""
    message = "there is something in its place that is no folder, or a link that leads to none"
    return Problem("no-folder", message, Where(str(folder)), _ELSEWHERE)


def _foreign(path: Path) -> Problem:
    """Return the problem with a folder of another account's."""
    owner = _account(path.lstat().st_uid)
    return Problem("folder-not-private", f"it belongs to {owner}", Where(str(path)), _ELSEWHERE)


def _parts(folder: Path) -> Iterator[Path]:
    """Yield every existing part of a path as it is written, and as it is once its links are followed."""
    absolute = folder.absolute()
    written = [*reversed(absolute.parents), absolute]
    real = absolute.resolve()
    followed = [*reversed(real.parents), real]
    for path in dict.fromkeys((*written, *followed)):
        if os.path.lexists(path):
            yield path


def _is_open(path: Path, status: os.stat_result) -> bool:
    """Return whether other accounts can rename what lies in a folder."""
    if status.st_mode & stat.S_ISVTX or not status.st_mode & _OTHERS:
        return False
    return not _is_private(path, status)


def _is_own_group(number: int) -> bool:
    """Return whether a group is this account's private one: of its name, and without another member."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
        group = grp.getgrgid(number)
    except KeyError:
        return False
    return group.gr_name == name and set(group.gr_mem) <= {name}


def _account(number: int) -> str:
    """Name an account."""
    try:
        return f"account {pwd.getpwuid(number).pw_name!r}"
    except KeyError:
        return f"account {number}"

"""Follow Pulumi's own lock convention, so that a plain `pulumi up` and this tool exclude each other.

To Pulumi's file backend (pkg/backend/diy/lock.go) a lock is any file below
`.pulumi/locks/organization/<project>/<stack>/`, named by a random UUID, whose content is `{"pid": …,
"username": …, "hostname": …, "timestamp": …}`. A process that needs the stack looks for other files, writes
its own, and looks a second time. Pulumi never removes the file of an owner that was killed, and an empty
file, left by a full disk, makes every later run fail with `unexpected end of JSON input`.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.deploy.state.process_table import name_of, start_time, user_name
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import wait_until

_WRITING_SECONDS = 2.0
"""How long a file may stay unreadable while an engine writes it: as a temporary file that it renames."""
_CLOCK_SECONDS = 2.0
"""Tolerance between a process's start time and a lock's time: both are rounded, and clocks are adjusted."""
_ENGINE = "pulumi"


@frozen_dataclass
class PulumiLock:
    """One lock of Pulumi's.

    Attributes:
        path: its file.
        pid: its owner's process; 0 if the file cannot be read.
        user: its owner's account.
        host: the host on which its owner runs.
        since: when it was acquired; None if the file cannot be read.
    """

    path: Path
    pid: int = 0
    user: str = ""
    host: str = ""
    since: datetime | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the file names its owner."""
        return self.since is not None

    @property
    def is_here(self) -> bool:
        """Whether its owner is a process of this host."""
        return self.host == os.uname().nodename

    @property
    def is_left_behind(self) -> bool:
        """Whether its owner is dead: no process of this host has its number, or only one that started later.

        A process called `pulumi` counts as the owner whenever it started: after a step of the clock, the two
        times cannot be compared, and the lock of a running engine must not be removed.
        """
        if not self.is_here or self.since is None:
            return False
        started = start_time(self.pid)
        if started is None:
            return True
        return name_of(self.pid) != _ENGINE and started > self.since.timestamp() + _CLOCK_SECONDS

    def __str__(self) -> str:
        """Return the owner, for a person."""
        if self.since is None:
            return f"{self.path} cannot be read"
        return f"{self.user} on {self.host}, process {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def read_locks(folder: Path) -> list[PulumiLock]:
    """Return the locks on a stack, sorted by file name; a file that disappears meanwhile is skipped.

    Raises:
        EnvironmentLacksError: a file in it cannot be read.
        OSError: the folder cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    locks = []
    for path in paths:
        # The backend writes its own attributes of each file beside it.
        if path.is_dir() or path.suffix == ".attrs":
            continue
        lock = _read_lock(path)
        if lock is not None:
            locks.append(lock)
    return locks


def _read_lock(path: Path) -> PulumiLock | None:
    """Return the lock in a file; None if the file does not exist any more.

    Raises:
        EnvironmentLacksError: the file cannot be read, which does not mean that its owner is dead.
    """
    data = content_of(path)
    if data is None:
        return None
    try:
        content = orjson.loads(data)
        since = datetime.fromisoformat(content["timestamp"]).astimezone(UTC)
        user, host = str(content["username"]), str(content["hostname"])
        return PulumiLock(path, int(content["pid"]), user, host, since)
    except (ValueError, KeyError, TypeError, OverflowError):
        return PulumiLock(path)


def break_dead(
    folder: Path, progress: Callable[[str], object], ours: frozenset[str] = frozenset()
) -> list[PulumiLock]:
    """Remove the locks of dead owners, a line for each, and return those that stay.

    The caller holds this tool's own lock on the stack.

    Args:
        folder: the locks of one stack.
        progress: called with a line for each lock that is removed.
        ours: names of files that this tool's commands wrote. Since the caller holds the lock, none of them
            runs.

    Raises:
        OSError: a lock cannot be removed.
    """
    if any(not lock.is_readable for lock in read_locks(folder)):
        # Give an engine that starts right now the time to finish its file.
        wait_until(lambda: all(lock.is_readable for lock in read_locks(folder)), _WRITING_SECONDS)
    staying = []
    for lock in read_locks(folder):
        if lock.path.name in ours or lock.is_left_behind:
            progress(f"removing the lock of a run that is dead: {lock}")
        elif not lock.is_readable:
            progress(f"removing an empty or unreadable lock: {lock.path}")
        else:
            staying.append(lock)
            continue
        _remove(lock.path)
    return staying


def _remove(path: Path) -> None:
    """Remove a lock and the attributes that the backend wrote beside it."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)


class HeldPulumiLock:
    """A Pulumi lock that this process holds."""

    def __init__(self, folder: Path, scratch: Path, name: str) -> None:
        """Acquire the lock; the caller has checked that no other lock exists.

        Args:
            folder: the locks of one stack.
            scratch: a folder on the same disk; every file in `folder` counts as a lock, also an incomplete
                one.
            name: the file's name.

        Raises:
            OSError: the lock cannot be written.
        """
        self.path = make_folder(folder) / name
        now = datetime.fromtimestamp(time.time(), UTC).isoformat()
        owner = {
            "pid": os.getpid(),
            "username": user_name(),
            "hostname": os.uname().nodename,
            "timestamp": now,
        }
        write_durably(self.path, orjson.dumps(owner), scratch=scratch)
        self._identity = _identity(self.path)

    def others(self) -> Iterator[PulumiLock]:
        """Yield the locks that other processes acquired at the same time."""
        return (lock for lock in read_locks(self.path.parent) if lock.path != self.path)

    @property
    def is_held(self) -> bool:
        """Whether the file is still the one that this process wrote; `pulumi cancel` removes it."""
        return _identity(self.path) == self._identity

    def release(self) -> None:
        """Remove the lock, unless it belongs to another process by now."""
        if self.is_held:
            self.path.unlink(missing_ok=True)


def new_name() -> str:
    """Return a name for a lock's file, in Pulumi's form."""
    return f"{uuid.uuid4()}.json"


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return the identity of a file, which another file of its name does not have.

    None if there is no file.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    # File systems reuse the inode number of a removed file at once, so that the time is part of the identity.
    return status.st_dev, status.st_ino, status.st_ctime_ns

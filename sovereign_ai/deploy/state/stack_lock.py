"""The lock of a stack, which one command at a time holds, and the record of its owner.

The lock is the kernel's (flock) on a file that is never removed; it ends with the process that holds it.
Beside it, `owner.json` names the process, its run and a fence, a number that only grows. A process that was
stopped, lost the stack and is resumed has a smaller fence than the file, and writes nothing any more.
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.kept_files import content_if_whole, record_from
from sovereign_ai.deploy.state.process_table import ProcessId, this_process, user_name
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files.writing import open_lock
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import try_lock, wait_until

_TRY_SECONDS = 0.3
"""How long to try: a process that only checks whether a stack is locked holds the lock for a moment."""
_RECORD_SECONDS = 1.0
"""How long the record may still name the previous owner: it is written after the lock is acquired."""


@frozen_dataclass
class LockOwner:
    """The process that works on a stack, or did last.

    Attributes:
        pid: its process number.
        started: when it started, in clock ticks since boot.
        boot: the boot in which it started.
        user: its account.
        host: its host's name.
        verb: its command, such as `up`.
        since: when it acquired the stack.
        fence: number of its hold; each one is larger than all before.
        pulumi_lock: name of the lock file that keeps a plain `pulumi up` away.
        run: folder of its working copy; empty before there is one.
    """

    pid: int
    started: int
    boot: str
    user: str
    host: str
    verb: str
    since: str
    fence: int
    pulumi_lock: str = ""
    run: str = ""

    @property
    def process(self) -> ProcessId:
        """The identity of its process."""
        return ProcessId(self.pid, self.started, self.boot)

    @property
    def is_running(self) -> bool:
        """Whether it is a process of this host that still runs."""
        return self.host == os.uname().nodename and self.process.is_running

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped, and would resume where it was."""
        return self.host == os.uname().nodename and self.process.is_stopped

    def __str__(self) -> str:
        """Return its command, account, host and process, for a person."""
        state = ", stopped" if self.is_stopped else ""
        return f"`{self.verb}` by {self.user} on {self.host} since {self.since} (process {self.pid}{state})"

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {**asdict(self), "running": self.is_running, "stopped": self.is_stopped}


def owner_of(files: StackFiles) -> LockOwner | None:
    """Return the process that works on a stack or did last.

    None if none ever did, or the record is damaged.
    """
    try:
        return record_from(LockOwner, orjson.loads(content_if_whole(files.records / "owner.json") or b""))
    except (ValueError, TypeError, KeyError):
        return None


class StackLock:
    """The hold of this process on one stack."""

    def __init__(self, files: StackFiles, verb: str, least_fence: int = 0) -> None:
        """Acquire the lock.

        Args:
            files: the stack's files.
            verb: the command, such as `up`.
            least_fence: the new fence is larger than this number, and than the previous owner's.

        Raises:
            EnvironmentLacksError: another process holds it; the error names it.
            OSError: a file cannot be written.
        """
        self._files = files
        self._path = make_folder(files.records) / "lock"
        self._descriptor = self._take()
        try:
            self.before = owner_of(files)
            last_fence = self.before.fence if self.before else 0
            self.owner = self._record(verb, max(least_fence, last_fence) + 1)
        except BaseException:
            self.release()
            raise

    def _take(self) -> int:
        """Lock the current lock file, and return its descriptor."""
        while True:
            descriptor = open_lock(self._path)
            if not wait_until(partial(try_lock, descriptor), _TRY_SECONDS):
                os.close(descriptor)
                raise EnvironmentLacksError(busy(self._files))
            if self._is_current(descriptor):
                return descriptor
            # Somebody removed the file between the two calls: a lock on it would exclude nobody.
            os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        """Return whether a descriptor is that of the current lock file."""
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(descriptor), current)

    def _record(self, verb: str, fence: int) -> LockOwner:
        """Write this process's record, and return it."""
        me = this_process()
        since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        owner = LockOwner(me.pid, me.started, me.boot, user_name(), os.uname().nodename, verb, since, fence)
        self._write(owner)
        return owner

    def note(self, **changes: Any) -> None:
        """Change fields of the record: the run's folder, or the lock that keeps Pulumi away.

        Raises:
            OSError: it cannot be written.
        """
        self.owner = replace(self.owner, **changes)
        self._write(self.owner)

    def _write(self, owner: LockOwner) -> None:
        """Write the owner's record."""
        data = orjson.dumps(asdict(owner), option=orjson.OPT_APPEND_NEWLINE)
        write_durably(self._files.records / "owner.json", data)

    @property
    def is_held(self) -> bool:
        """Whether no other process took the stack over: lock file and fence are still this process's."""
        current = owner_of(self._files)
        return (
            self._is_current(self._descriptor) and current is not None and current.fence == self.owner.fence
        )

    def release(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def is_locked(files: StackFiles) -> bool:
    """Return whether a process holds a stack's lock now; nothing is created or changed."""
    try:
        descriptor = open_lock(files.records / "lock", create=False)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def busy(files: StackFiles) -> Problem:
    """Return the problem that another command works on the stack, with its owner and what can be done."""
    # A command that has just acquired the lock may not have written its record yet.
    wait_until(lambda: (owner := owner_of(files)) is not None and owner.is_running, _RECORD_SECONDS)
    owner = owner_of(files)
    named = f": {owner}" if owner is not None else ""
    message = f"another command works on the stack {files.stack!r}{named}; nothing was changed"
    unlock = f"`sovereign-ai state unlock {files.arguments} --end-owner`"
    if owner is not None and owner.is_stopped:
        hint = f"it is stopped: `kill -CONT {owner.pid}` lets it go on, {unlock} ends it and its engine"
    else:
        hint = f"wait for it to end and run the command again; {unlock} ends it and its engine"
    return Problem("stack-busy", message, Where(str(files.records / "lock")), hint)

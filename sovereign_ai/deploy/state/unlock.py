"""Unlock a stack: remove the locks of dead commands, and on request those of a running or stopped one."""

from __future__ import annotations

import os
from collections.abc import Callable

from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.process_table import descendants, kill_all
from sovereign_ai.deploy.state.pulumi_lock import PulumiLock, read_locks
from sovereign_ai.deploy.state.stack_hold import hold_stack
from sovereign_ai.deploy.state.stack_lock import LockOwner, busy, is_locked, owner_of
from sovereign_ai.deploy.state.working_copy import runs_of
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.toolchain import wait_until

_RELEASE_SECONDS = 10.0
"""How long the kernel may take to give back the lock of a process that was killed."""


@frozen_dataclass
class Unlocking:
    """What to unlock beside the locks of dead commands.

    Attributes:
        end_owner: end the command that works on the stack, with its engine; a stopped one does not resume.
        other_host: remove locks of other hosts, whose owners cannot be checked from here.
    """

    end_owner: bool = False
    other_host: bool = False


def unlock(files: StackFiles, options: Unlocking, progress: Callable[[str], object]) -> list[str]:
    """Unlock a stack, and return what was done, line by line; an empty list if it was free.

    Args:
        files: the stack's files.
        options: what may be ended and removed.
        progress: called with each line.

    Raises:
        EnvironmentLacksError: a command holds it, and the options do not allow to end it.
        OSError: a file cannot be read or removed.
    """
    done: list[str] = []

    def report(line: str) -> None:
        done.append(line)
        progress(line)

    if is_locked(files):
        if not options.end_owner:
            raise EnvironmentLacksError(busy(files))
        _end_owner(files, owner_of(files), report)
    for lock in _living_locks(files):
        _release_pulumi(lock, files, options, report)
    # To hold the stack ends the processes of dead commands and removes their locks.
    with hold_stack(files, "state unlock", report):
        pass
    return done


def _end_owner(files: StackFiles, owner: LockOwner | None, report: Callable[[str], object]) -> None:
    """End the command that holds the lock, and every process of its engine.

    Raises:
        EnvironmentLacksError: its process is not known, runs on another host, or does not end.
    """
    if owner is None or owner.host != os.uname().nodename or not owner.is_running:
        raise EnvironmentLacksError(busy(files))
    # The command first: while it runs, it would treat the end of its engine as a failure, and continue.
    kill_all(lambda: [owner.pid] if owner.is_running else [])
    killed: list[int] = []
    for copy in runs_of(files):
        if str(copy.folder) == owner.run:
            killed += kill_all(copy.processes)
    if not wait_until(lambda: not is_locked(files), _RELEASE_SECONDS):
        raise EnvironmentLacksError(busy(files))
    engine = f" and {counted(len(killed), 'process', 'processes')} of its engine" if killed else ""
    report(f"ended {owner}{engine}")


def _living_locks(files: StackFiles) -> list[PulumiLock]:
    """Return the locks of a plain Pulumi that is not dead."""
    return [lock for lock in read_locks(files.pulumi_locks) if lock.is_readable and not lock.is_left_behind]


def _release_pulumi(
    lock: PulumiLock, files: StackFiles, options: Unlocking, report: Callable[[str], object]
) -> None:
    """End a plain Pulumi of this host, or remove the lock of one on another host, as the options allow.

    A lock that stays makes the following `hold_stack` fail, with its owner in the error.

    Raises:
        OSError: the lock cannot be removed.
    """
    owner = owner_of(files)
    if owner is not None and lock.path.name == owner.pulumi_lock:
        return  # it belongs to the command that was ended before
    if lock.is_here and options.end_owner:
        killed = kill_all(lambda: descendants(lock.pid) if not lock.is_left_behind else [])
        processes_text = counted(len(killed), "process", "processes")
        report(f"ended the plain `pulumi` of {lock}, and what it had started: {processes_text}")
    elif not lock.is_here and options.other_host:
        lock.path.unlink(missing_ok=True)
        report(f"removed the lock of {lock}")

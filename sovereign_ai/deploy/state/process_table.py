"""Read the kernel's process table: which processes run, since when, and which belong to an engine's run.

A process is identified by its number, its start time in clock ticks since boot, and the boot's own identity:
the kernel reuses numbers, also after a reboot. Linux only (proc_pid_stat(5)).
"""

from __future__ import annotations

import os
import pwd
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sovereign_ai.cluster import started_at
from sovereign_ai.files import kernel_file, kernel_text
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import polling

_PROC = Path("/proc")
_STATE, _PARENT = 3 - 3, 4 - 3
"""Fields 3 and 4 of /proc/PID/stat, counted from behind the name, which is field 2 and may contain blanks."""
_END_SECONDS = 10.0
"""How long a killed process may stay in the table: an uninterruptible system call delays its end."""


@frozen_dataclass
class ProcessId:
    """The identity of a process, which no process before or after it has.

    Attributes:
        pid: its number.
        started: when it started, in clock ticks since boot.
        boot: identity of the boot in which it started.
    """

    pid: int
    started: int
    boot: str

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return self.boot == boot_id() and started_at(self.pid) == self.started

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped by a signal or a debugger, and would resume where it was."""
        return self.is_running and _state(self.pid) in {"T", "t"}


def this_process() -> ProcessId:
    """Return the identity of the process that runs this code."""
    pid = os.getpid()
    return ProcessId(pid, started_at(pid) or 0, boot_id())


def boot_id() -> str:
    """Return the identity of the machine's current boot."""
    return kernel_text(_PROC / "sys/kernel/random/boot_id").strip()


def start_time(pid: int) -> float | None:
    """Return when a process started in seconds since 1970 by the machine's clock; None if it does not run."""
    ticks = started_at(pid)
    if ticks is None:
        return None
    # BOOTTIME counts the time that the host was suspended, as the start time does.
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


def name_of(pid: int) -> str:
    """Return the first 15 bytes of a process's program name; empty if it does not run."""
    try:
        return kernel_text(_PROC / str(pid) / "comm").strip()
    except OSError:
        return ""


def user_name() -> str:
    """Return the name of this process's account; its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def marked(variable: bytes) -> list[int]:
    """Return all processes but this one that have an entry in their environment, such as `NAME=value`.

    Processes of other accounts are skipped: their environment cannot be read.
    """
    own = os.getpid()
    return [pid for pid in _running() if pid != own and variable in _environment(pid)]


def descendants(pid: int) -> list[int]:
    """Return a process and all processes that it started, directly or not, as the kernel lists them now."""
    children: dict[int, list[int]] = {}
    is_running = False
    for child in _running():
        fields = _stat(child)
        if not fields:
            continue
        children.setdefault(int(fields[_PARENT]), []).append(child)
        is_running = is_running or child == pid
    family = [pid] if is_running else []
    # The list grows while it is iterated, so that the children of children are visited too.
    for member in family:
        family += children.get(member, [])
    return family


def kill_all(find: Callable[[], Iterable[int]], seconds: float = _END_SECONDS) -> list[int]:
    """Kill processes until none is listed any more, and return all that were listed.

    SIGKILL ends a stopped process without resuming it.

    Args:
        find: lists the processes; called after each round, since they may start others.
        seconds: how long to continue.
    """
    # A dict as an ordered set, since a process is listed until it has ended.
    seen: dict[int, None] = {}
    for _ in polling(seconds, 0.02):
        pids = list(find())
        if not pids:
            break
        for pid in pids:
            seen[pid] = None
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
    return list(seen)


def _running() -> Iterator[int]:
    """Yield the number of every process that runs; zombies are skipped."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and started_at(int(entry.name)) is not None:
            yield int(entry.name)


def _stat(pid: int) -> list[str]:
    """Return the fields of a process behind its name; empty if it does not run."""
    try:
        text = kernel_text(_PROC / str(pid) / "stat")
    except OSError:
        return []
    # The name is in brackets and may contain any byte: only the last bracket ends it.
    return text.rpartition(")")[2].split()


def _state(pid: int) -> str:
    """Return the kernel's letter for the state of a process; empty if it does not run."""
    fields = _stat(pid)
    return fields[_STATE] if fields else ""


def _environment(pid: int) -> list[bytes]:
    """Return the environment that a process was started with; empty if it cannot be read."""
    try:
        return kernel_file(_PROC / str(pid) / "environ").split(b"\0")
    except OSError:
        return []

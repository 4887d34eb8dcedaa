"""Run the engine for a command, so that no process of the engine outlives the command.

The engine starts a language host, providers and the user's program. If it is killed alone, they keep running,
and if a command is killed alone, its engine keeps running. This supervisor runs between the two. It leads a
session in which all of them run, and holds the reading end of a pipe, the life line, whose other end only the
command has. When the pipe is closed, the command has ended for whatever reason: the engine gets SIGINT, and
after a while the whole session is killed. When the engine ends, the remaining processes of the session are
killed too.

A watched file represents the hold on the stack. Once it is removed or replaced, another command has taken the
stack over, and everything is killed at once: a process that resumes after a long stop must not write any
more.

It is run by its path with the standard library alone, so that it starts in about 20 ms:

    python -I -S supervisor.py LIFELINE OUTPUT SECONDS WATCHED -- PROGRAM ARGUMENT…

LIFELINE and OUTPUT are descriptors: the pipe to the command, and the reading end of the engine's output.
OUTPUT keeps that pipe open when the command is gone; without it, the engine would end at its next line of
output without saving its state. SECONDS are the time between SIGINT and SIGKILL. WATCHED is a file, or empty.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.2
"""Period of the checks of the watched file, a single system call each."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CHUNK = 1 << 16


def session_members(session: int) -> list[int]:
    """Return every process of a session that still runs, except this one."""
    members = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs 10 ms
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            path = f"/proc/{entry}/stat"
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in {"Z", "X"} and int(fields[3]) == session:
            members.append(int(entry))
    return members


class EngineSupervisor:
    """The engine as a child process, and the events that end it."""

    def __init__(self, lifeline: int, output: int, seconds: float, watched: str, command: list[str]) -> None:
        """Start the engine as a child of this process."""
        self._lifeline, self._output, self._seconds, self._watched = lifeline, output, seconds, watched
        for descriptor in (lifeline, output):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - the call's own shape
        self._seen = self._identity()
        # A signal wakes `select` through this pipe: a signal between a check and the wait must not be lost.
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: self._interrupt())
        self._engine = _start(command)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def run(self) -> int:
        """Wait for the engine's end, or end it; return its status in the form of `waitpid`."""
        listened = [self._lifeline, self._woken]
        deadline = None
        while True:
            ended, status = os.waitpid(self._engine, os.WNOHANG)
            if ended:
                _kill_session()
                return status
            if self._watched and self._identity() != self._seen:
                deadline = 0.0
            if deadline is not None and time.monotonic() >= deadline:
                os.kill(self._engine, signal.SIGKILL)
                _kill_session()
                return os.waitpid(self._engine, 0)[1]
            patience = _WATCH_SECONDS if self._watched or deadline is not None else None
            readable, _, _ = select.select(listened, [], [], patience)
            if self._woken in readable:
                os.read(self._woken, _CHUNK)
            if self._output in readable and not os.read(self._output, _CHUNK):
                listened.remove(self._output)
            if self._lifeline in readable and not os.read(self._lifeline, _CHUNK):
                # The command does not read the engine's output any more: it must be drained for a clean end.
                listened = [self._woken, self._output]
                deadline = time.monotonic() + self._seconds
                self._interrupt()

    def _interrupt(self) -> None:
        """Ask the engine to end: it starts no further step, and saves its state."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._engine, signal.SIGINT)

    def _identity(self) -> tuple[int, int, int] | None:
        """Return the identity of the watched file, which a replacement does not have.

        None if there is no file.
        """
        try:
            status = os.stat(self._watched)  # noqa: PTH116 - pathlib costs 10 ms
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_ctime_ns


def _start(command: list[str]) -> int:
    """Start a program that dies with this process, and return its number.

    It exits with 127 if it cannot start.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child:
        return child
    try:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died before the call above, which then has no effect.
        if os.getppid() != parent:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (*_SIGNALS, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        # Beyond a limit on file sizes a write then fails, as on a full disk; by default the signal would kill
        # the engine.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(command[0], command, os.environ)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"error: {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(127)


def _kill_session() -> None:
    """Kill the remaining processes of this session, in rounds, since a member may start others meanwhile."""
    deadline = time.monotonic() + 5.0
    while (members := session_members(os.getsid(0))) and time.monotonic() < deadline:
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)  # noqa: TID251 - it runs with the standard library alone


def main(arguments: list[str]) -> None:
    """Run the engine, and end as it did: with its exit code, or by its signal."""
    lifeline, output, seconds, watched, _, *command = arguments
    # It kills its session in the end, which must therefore be its own.
    if os.getsid(0) != os.getpid():
        os.setsid()
    status = EngineSupervisor(int(lifeline), int(output), float(seconds), watched, command).run()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1:])

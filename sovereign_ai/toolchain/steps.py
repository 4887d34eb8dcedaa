"""Run a program as a step of an installation: with a log, progress reports, and no orphaned processes.

A step that takes longer than two seconds is reported with the seconds that passed. The error of a step
that fails has the last lines of its log, since these contain the reason. If the installation is
interrupted or a step exceeds its limit, the whole process group of the program is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sovereign_ai.files import end_of
from sovereign_ai.files.writing import open_to_append
from sovereign_ai.toolchain.cache import Progress

_MOST_LOG = 1 << 20
"""Bytes of the end of a log that are looked at."""
_FIRST_REPORT = 2.0
_NEXT_REPORT = 15.0
"""Seconds after which a step is reported, the first time and from then on."""
_TAIL = 6
"""Lines of a log that an error shows."""


class WayClosedError(Exception):
    """A way to get a tool failed; the text is one line with the reason."""


def run(
    argv: Sequence[str],
    *,
    what: str,
    progress: Progress,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit: float = 3600.0,
) -> None:
    """Run a program to its end.

    Args:
        argv: the program and its arguments.
        what: the name of the step, for progress and errors.
        progress: receives lines such as `pulumi: building, 17 s`.
        log: the file to which the output is appended.
        cwd: the folder to run in.
        env: the whole environment; the caller's own if not given.
        limit: seconds after which the program is ended.

    Raises:
        WayClosedError: the program did not start, failed, or exceeded its limit.
    """
    descriptor = open_to_append(log)
    with os.fdopen(descriptor, "ab") as sink, _termination_as_interrupt():
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                # A group of its own, so that compilers that it starts can be ended with it.
                start_new_session=True,
                # A caller whose mask closes nothing must not leave files that others may write.
                umask=0o022,
            )
        except OSError as error:
            raise WayClosedError(f"{what}: {argv[0]} does not start: {error.strerror}") from None
        try:
            code = _wait(process, what, progress, limit)
        finally:
            _end(process)
    if code != 0:
        raise WayClosedError(f"{what}: exit {code}: {tail(log)}")


@contextlib.contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, so that no build is left running; only in the main thread."""
    # Python sets signal handlers in the main thread only. A caller's own, as that of the command line, stays.
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(process: subprocess.Popen[bytes], what: str, progress: Progress, limit: float) -> int:
    """Wait for the end of a program and report the step now and then; return its exit code.

    Raises:
        WayClosedError: the program exceeded its limit.
    """
    start = time.monotonic()
    due = _FIRST_REPORT
    while True:
        try:
            return process.wait(timeout=max(0.01, due - (time.monotonic() - start)))
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - start
            if passed >= limit:
                raise WayClosedError(f"{what}: not done after {limit:.0f} s") from None
            progress(f"{what}, {passed:.0f} s")
            due = min(passed + _NEXT_REPORT, limit)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program's process group if it still runs, and reap the program."""
    if process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
        break


def tail(log: Path) -> str:
    """Return the last lines of a log on one line, without Go's reports of downloads."""
    lines = []
    for line in end_of(log, _MOST_LOG).decode(errors="replace").splitlines():
        text = line.strip()
        # Go reports hundreds of downloads, after which the reason would be lost.
        if text and not line.startswith("go: downloading"):
            lines.append(text)
    return " | ".join(lines[-_TAIL:])[-800:] or "no output"

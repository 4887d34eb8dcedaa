"""Run one program as a step of an installation: output to a log, progress to the user, no orphan.

A step that takes longer than two seconds says so, with the seconds that passed. A step that fails
gives the last lines of its log, since these hold the reason. When the installation is interrupted
or a step outlives its limit, the whole process group of the program is ended.
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

from sovereign_ai.toolchain.place import Progress

_FIRST_WORD = 2.0
_NEXT_WORD = 15.0
_TAIL = 6


class WayClosedError(Exception):
    """One way to get a tool led nowhere; the text is one line that says why."""


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
        what: the step in words, for progress and errors.
        progress: takes lines such as `pulumi: building, 17 s`.
        log: the file that the output is added to.
        cwd: the folder to run in.
        env: the whole environment; the caller's own if not given.
        limit: seconds after which the program is ended.

    Raises:
        WayClosedError: it could not start, failed, or outlived its limit.
    """
    with log.open("ab") as sink, _termination_as_interrupt():
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
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
    """Let SIGTERM end the step as Ctrl-C does, so that no build is left behind; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
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
    """Wait for the end, with a word now and then."""
    start = time.monotonic()
    due = _FIRST_WORD
    while True:
        try:
            return process.wait(timeout=max(0.01, due - (time.monotonic() - start)))
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - start
            if passed >= limit:
                raise WayClosedError(f"{what}: not done after {limit:.0f} s") from None
            progress(f"{what}, {passed:.0f} s")
            due = min(passed + _NEXT_WORD, limit)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program's group if it still runs, and reap it."""
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
    """Give the last lines of a log on one line, without Go's chatter about downloads."""
    lines = [
        line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip() and not line.startswith("go: downloading")
    ]
    return " | ".join(lines[-_TAIL:])[-800:] or "no output"

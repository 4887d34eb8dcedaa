"""Start the engine so that it ends with the command that started it, and read its output.

The engine runs under `supervisor.py`, which documents how; this module is the command's side of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sovereign_ai.deploy.engine.signals import forwarding_signals
from sovereign_ai.deploy.engine.supervisor import session_members
from sovereign_ai.deploy.state.process_table import kill_all
from sovereign_ai.frozen_dataclass import frozen_dataclass

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 3.0
"""How long an engine whose command is gone may take to save its state before it is killed."""


@frozen_dataclass
class RunningEngine:
    """A running engine.

    Attributes:
        output_lines: its standard output and standard error as one stream of lines.
        process: its supervisor, which ends as the engine does.
    """

    output_lines: TextIO
    process: subprocess.Popen[str]

    @property
    def returncode(self) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        return self.process.wait()


@contextmanager
def supervised(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    on_termination: Callable[[], object],
    watched: Path | None = None,
    grace: float = GRACE_SECONDS,
) -> Iterator[RunningEngine]:
    """Run a program of the engine for as long as the block runs, in a session of its own.

    A termination signal (Ctrl-C, SIGTERM, SIGHUP) reaches it through this process alone, and once. If the
    block is left by an error, the program gets SIGINT, and is killed after a while.

    Args:
        command: the program and its arguments.
        folder: its working directory.
        environ: its environment.
        on_termination: called at the first termination signal.
        watched: a file; once it is removed or replaced, the whole session is killed.
        grace: seconds between SIGINT and SIGKILL.
    """
    lifeline, command_end = os.pipe()
    output, output_writer = os.pipe()
    # Isolated and without `site`, so that it starts in about 20 ms.
    python = [sys.executable, "-I", "-S", str(_SUPERVISOR)]
    supervisor = [*python, str(lifeline), str(output), str(grace), str(watched or "")]
    with contextlib.ExitStack() as opened:
        keep_alive = opened.enter_context(os.fdopen(command_end, "wb"))
        output_lines = opened.enter_context(os.fdopen(os.dup(output), encoding="utf-8", errors="replace"))
        started = opened.enter_context(forwarding_signals(on_termination))
        try:
            with _signals_blocked():
                process = subprocess.Popen(
                    [*supervisor, "--", *command],
                    cwd=folder,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=output_writer,
                    stderr=output_writer,
                    text=True,
                    start_new_session=True,
                    pass_fds=(lifeline, output),
                )
        finally:
            # The supervisor has its own copies: with one of `output_writer` here, the output would never end.
            for descriptor in (lifeline, output, output_writer):
                os.close(descriptor)
        started(process)
        try:
            yield RunningEngine(output_lines, process)
        finally:
            keep_alive.close()
            # Without reaping it: as long as it is a zombie, no other session can get its number.
            # `send_signal` may have reaped it already.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            # If the supervisor itself was killed, the members of its session still run.
            kill_all(lambda: session_members(process.pid))
            process.wait()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block termination signals in the block, so that a signal waits until the new child can get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

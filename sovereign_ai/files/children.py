"""Run a program to its end and return what it prints, bounded.

`subprocess.run` keeps all that a program prints, and a program that prints forever would use all memory.

    >>> captured(["printf", "a"]).stdout
    b'a'
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem

MOST_BYTES = 64 << 20
"""Of both outputs together; a discovery of the largest subnet prints about half of it."""
_PIECE = 1 << 16


def captured(
    command: Sequence[str],
    *,
    feed: bytes = b"",
    source: int | None = None,
    seconds: float | None = None,
    folder: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program, whatever its exit code is.

    Args:
        command: the program and its arguments.
        feed: what it reads from its standard input.
        source: a descriptor for its standard input, in place of `feed`.
        seconds: how long it may take; None for any time.
        folder: its working directory; None for the caller's.
        environment: its whole environment; None for the caller's.
        most_bytes: the most that it may print.

    Raises:
        OSError: it does not start.
        subprocess.TimeoutExpired: it took longer, and was killed.
        EnvironmentLacksError: it printed more, and was killed.
    """
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL if source is None else source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=None if environment is None else dict(environment),
    )
    with process:
        try:
            printed = _Exchange(process, feed, seconds, most_bytes).printed()
            # It has closed both outputs, and may still run.
            return subprocess.CompletedProcess(list(command), process.wait(seconds), *printed)
        except BaseException:
            process.kill()
            raise


class _Exchange:
    """What goes to a program and comes from it, over its three pipes at once."""

    def __init__(
        self, process: subprocess.Popen[bytes], feed: bytes, seconds: float | None, most_bytes: int
    ) -> None:
        self._process, self._feed, self._seconds, self._most = process, memoryview(feed), seconds, most_bytes
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._pieces: dict[int, list[bytes]] = {}

    def printed(self) -> tuple[bytes, bytes]:
        """Return both outputs, once both have ended.

        Raises:
            subprocess.TimeoutExpired: they did not end in time.
            EnvironmentLacksError: they are too long.
        """
        out, err = self._process.stdout, self._process.stderr
        assert out is not None  # noqa: S101 - PIPE was asked for
        assert err is not None  # noqa: S101 - PIPE was asked for
        self._pieces = {out.fileno(): [], err.fileno(): []}
        with selectors.DefaultSelector() as waiting:
            for stream in (out, err):
                waiting.register(stream, selectors.EVENT_READ)
            if self._process.stdin is not None:
                os.set_blocking(self._process.stdin.fileno(), False)
                waiting.register(self._process.stdin, selectors.EVENT_WRITE)
            while waiting.get_map():
                for key, _ in waiting.select(self._left()):
                    if not self._moved(key.fd):
                        waiting.unregister(key.fileobj)
                        if key.fileobj is self._process.stdin:
                            self._process.stdin.close()
        return b"".join(self._pieces[out.fileno()]), b"".join(self._pieces[err.fileno()])

    def _moved(self, descriptor: int) -> bool:
        """Move one piece over a pipe that is ready; return whether more may follow."""
        if descriptor not in self._pieces:
            try:
                self._feed = self._feed[os.write(descriptor, self._feed[:_PIECE]) :]
            except BrokenPipeError:
                return False
            return bool(self._feed)
        piece = os.read(descriptor, _PIECE)
        self._pieces[descriptor].append(piece)
        self._most -= len(piece)
        if self._most < 0:
            program = Path(str(self._process.args[0])).name  # type: ignore[index] # a list, as it was given
            message = f"`{program}` prints without end, and was killed"
            hint = "look at the program; `sovereign-ai doctor` checks the tools"
            raise EnvironmentLacksError(Problem("endless-output", message, hint=hint))
        return bool(piece)

    def _left(self) -> float | None:
        """Return the seconds that are left.

        Raises:
            subprocess.TimeoutExpired: none are.
        """
        if self._ends is None or self._seconds is None:
            return None
        left = self._ends - time.monotonic()
        if left <= 0:
            raise subprocess.TimeoutExpired(self._process.args, self._seconds)
        return left

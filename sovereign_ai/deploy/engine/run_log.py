"""The log of one run of the engine; a full disk does not end the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class RunLog:
    """A log that is open for writing.

    Args:
        path: its file, for messages.
        descriptor: the open file, which the log closes.
        progress: called once, if the log cannot be written any more.
    """

    def __init__(self, path: Path, descriptor: int, progress: Callable[[str], object]) -> None:
        self._path, self._descriptor, self._progress = path, descriptor, progress
        self._is_written = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, line: str) -> None:
        """Append a line; the first failure is reported, and nothing is written after it."""
        # It was reported that the log ends: nothing may follow.
        if not self._is_written:
            return
        try:
            os.write(self._descriptor, line.encode())
        except OSError as error:
            self._is_written = False
            self._progress(f"the log {self._path} ends here: {error.strerror}")

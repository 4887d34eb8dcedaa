"""Reading a description for a command, with a notice while the description's own program runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.spec import AIFactory, description_file, load
from sovereign_ai.text import clean

_NOTICE_SECONDS = 3.0
"""Pause before the first notice and between two notices."""


def read_description(path: Path) -> AIFactory:
    """Read a description.

    A description in Python is a program that may run long, or never end. A notice on standard error names it
    every few seconds until it ends.

    Args:
        path: a stack's folder, or the description's file.

    Raises:
        SpecError: every problem of the description.
    """
    is_program = description_file(path).suffix == ".py"
    activity = "the description's own program still runs" if is_program else "still read"
    with _repeated_notice(f"{path}: {activity}; Ctrl-C ends it"):
        return load(path)


@contextlib.contextmanager
def _repeated_notice(line: str) -> Iterator[None]:
    """Print a line on standard error every few seconds while the block runs."""
    is_over = threading.Event()

    def notify() -> None:
        while not is_over.wait(_NOTICE_SECONDS):
            # A closed standard error must not end the description's program.
            with contextlib.suppress(OSError):
                sys.stderr.write(f"{clean(line)}\n")
                sys.stderr.flush()

    thread = threading.Thread(target=notify, name="notice", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        # Join, so that no notice is printed in the middle of the command's own output.
        thread.join()

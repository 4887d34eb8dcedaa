"""Reads a description for a command, and tells where the description's own program keeps it waiting."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import load

_SILENCE_SECONDS = 3.0


def read_description(path: Path) -> AIFactory:
    """Read a description; one whose own program takes long is told on standard error, since it may never end.

    Raises:
        SpecError: every problem of the description.
    """
    with _telling(f"{path}: the description's own program still runs; Ctrl-C ends it"):
        return load(path)


@contextlib.contextmanager
def _telling(line: str) -> Iterator[None]:
    """Say a line every few seconds for as long as something takes."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_SILENCE_SECONDS):
            with contextlib.suppress(OSError):
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()

    teller = threading.Thread(target=tell, name="telling", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()

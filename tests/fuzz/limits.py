"""What one input may cost a reader."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

MOST_CPU_SECONDS = 3.0
MOST_MEMORY = 400 << 20


class CostlyError(Exception):
    """A reader took more processor time or memory for an input than any reader may."""


def within_limits(read: Callable[[bytes], None], raw: bytes) -> None:
    """Have a reader read an input.

    Raises:
        CostlyError: it took more than 3 s of processor time, or the process grew by more than 400 MiB.
        Exception: whatever the reader raised that is no error of the project's own.
    """
    memory, began = _peak_memory(), time.process_time()
    read(raw)
    seconds, grown = time.process_time() - began, _peak_memory() - memory
    if seconds > MOST_CPU_SECONDS:
        raise CostlyError(f"{seconds:.1f} s of processor time for {len(raw):,} bytes")
    if grown > MOST_MEMORY:
        raise CostlyError(f"{grown >> 20} MiB of memory for {len(raw):,} bytes")


def _peak_memory() -> int:
    """Return the most memory that the process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

"""Wait for events without a notification: a free lock, the end of a process, the answer of a daemon."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def wait_until(holds: Callable[[], object], seconds: float) -> bool:
    """Wait until a condition holds, and return whether it did in time; it is checked twenty times a second.

    >>> wait_until(lambda: True, 0)
    True
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def try_lock(descriptor: int) -> bool:
    """Try once to lock an open file or folder, and return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""Wait for something that says nothing when it happens: a lock, a process that ends, a daemon that answers."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def until(holds: Callable[[], object], seconds: float) -> bool:
    """Wait until something holds, asking twenty times a second; False if it never did.

    >>> until(lambda: True, 0)
    True
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def taken(descriptor: int) -> bool:
    """Try once to take the lock of an open file or folder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""Wait for events without a notification: a free lock, the end of a process, the answer of a daemon."""

from __future__ import annotations

import fcntl
import time
from collections.abc import AsyncIterator, Callable, Iterator

_POLL_SECONDS = 0.05


def polling(seconds: float, every: float = _POLL_SECONDS, *, share: float = 0.0) -> Iterator[bool]:
    """Yield before each of several checks, and sleep between them; the value is whether it is the last.

    The last check begins after the time is up, so that a check that takes long cannot miss what happened
    meanwhile::

        for is_last in polling(30):
            if server.answers():
                return
            if is_last:
                raise TooLateError

    Args:
        seconds: how long to go on; `math.inf` for as long as the loop does not end by itself.
        every: seconds between the end of a check and the next.
        share: seconds to sleep in addition for each second that the last check took, so that the checks are
            not what keeps a busy server busy.
    """
    deadline = time.monotonic() + seconds
    is_last = False
    while not is_last:
        began = time.monotonic()
        is_last = began > deadline
        yield is_last
        if not is_last:
            time.sleep(every + share * (time.monotonic() - began))  # noqa: TID251 - this is the place


async def polling_async(seconds: float, every: float = _POLL_SECONDS) -> AsyncIterator[bool]:
    """Yield as `polling` does, for a coroutine."""
    import asyncio  # noqa: PLC0415 - takes longer to import than most commands take to run

    deadline = time.monotonic() + seconds
    is_last = False
    while not is_last:
        is_last = time.monotonic() > deadline
        yield is_last
        if not is_last:
            await asyncio.sleep(every)  # noqa: TID251 - this is the place


def wait_until(holds: Callable[[], object], seconds: float, every: float = _POLL_SECONDS) -> bool:
    """Wait until a condition holds, and return whether it did in time.

    Args:
        holds: the condition; checked once at least.
        seconds: how long to wait.
        every: seconds between two checks.

    >>> wait_until(lambda: True, 0)
    True
    """
    return any(holds() for _ in polling(seconds, every))


def try_lock(descriptor: int) -> bool:
    """Try once to lock an open file or folder, and return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

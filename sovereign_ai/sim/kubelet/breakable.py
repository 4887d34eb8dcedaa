"""The broken GPUs of a played machine, and notification of every stream that watches them."""

from __future__ import annotations

from threading import Condition


class Breakable:
    """A server of a machine's GPUs, some of which may be broken.

    The number of changes distinguishes one state from the next.

    >>> offers = Breakable()
    >>> offers.break_gpus(frozenset({3}))
    >>> offers._after(0, seconds=0)
    (1, frozenset({3}))
    """

    def __init__(self) -> None:
        """Start without broken GPUs."""
        self._broken: frozenset[int] = frozenset()
        self._state = 0
        self._changed = Condition()

    def break_gpus(self, broken: frozenset[int]) -> None:
        """Set which GPUs are broken now, and wake every stream if that changed."""
        with self._changed:
            if broken != self._broken:
                self._broken = broken
                self._state += 1
                self._changed.notify_all()

    def _after(self, known: int, seconds: float) -> tuple[int, frozenset[int]]:
        """Wait until the number of changes is not the known one, or for a time.

        Args:
            known: the number that the caller knows; -1 for none.
            seconds: how long to wait at most.

        Returns:
            The number of changes, and the broken GPUs.
        """
        with self._changed:
            # One wait and no loop: a caller that is woken without a change looks whether its peer is alive.
            if self._state == known:
                self._changed.wait(seconds)
            return self._state, self._broken

"""Which GPUs of a played machine are broken: told once, heard at once by every stream that watches."""

from __future__ import annotations

from threading import Condition


class Breakable:
    """What offers a machine's GPUs, some of which may be broken; the number of changes tells one state from the next.

    >>> offers = Breakable()
    >>> offers.break_gpus(frozenset({3}))
    >>> offers._after(0, seconds=0)
    (1, frozenset({3}))
    """

    def __init__(self) -> None:
        """Begin with all of them well."""
        self._broken: frozenset[int] = frozenset()
        self._state = 0
        self._changed = Condition()

    def break_gpus(self, broken: frozenset[int]) -> None:
        """Say which GPUs are broken now; the kubelet is told at once if that changed."""
        with self._changed:
            if broken != self._broken:
                self._broken = broken
                self._state += 1
                self._changed.notify_all()

    def _after(self, told: int, seconds: float) -> tuple[int, frozenset[int]]:
        """Give the number of changes and what is broken, once that is another number than was told, or the time is over.

        Args:
            told: the number that the caller knows; -1 for none.
            seconds: how long to wait at most.
        """
        with self._changed:
            if self._state == told:
                self._changed.wait(seconds)
            return self._state, self._broken

"""Which of a worker's devices are held, by pods through the device plugin and by claims through DRA.

On a real machine one of the two drivers counts a GPU. Here both offer the same ones, as on the
embedded plane, so this ledger sees to it that a device is handed out once: who comes second is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

_GRACE_SECONDS = 15.0
"""For how long a device counts as given although the kubelet does not list its pod yet."""


PATIENCE_SECONDS = 8.0
"""For how long a driver waits for a device whose holder is ending."""
_POLL_SECONDS = 0.2


class HeldError(Exception):
    """A device is held by somebody else; the text says by whom."""


class Ledger:
    """Who holds which device, by the device's name in slices."""

    def __init__(self, claims: Mapping[str, Iterable[str]], clock: Callable[[], float] = time.monotonic) -> None:
        """Start with the claims that were prepared before.

        Args:
            claims: the claim's UID to its devices.
            clock: seconds, for the grace.
        """
        self._lock = Lock()
        self._clock = clock
        self._claims = {uid: frozenset(names) for uid, names in claims.items()}
        self._pods: dict[str, str] = {}
        self._given: dict[str, float] = {}

    def see(self, pods: Mapping[str, str]) -> None:
        """Take over what the kubelet says: device to `namespace/pod`, for devices of the device plugin."""
        with self._lock:
            self._pods = dict(pods)
            now = self._clock()
            self._given = {name: at for name, at in self._given.items() if name not in pods and now - at < _GRACE_SECONDS}

    def claimed(self) -> frozenset[str]:
        """Name the devices that claims hold."""
        with self._lock:
            return frozenset().union(*self._claims.values())

    def give(self, names: Iterable[str]) -> None:
        """Note that a container gets devices from the device plugin.

        Raises:
            HeldError: a claim holds one of them; nothing is noted.
        """
        with self._lock:
            wanted = list(names)
            for uid, held in self._claims.items():
                if taken := sorted(held & set(wanted)):
                    raise HeldError(f"{', '.join(taken)} held by claim {uid}")
            self._given |= dict.fromkeys(wanted, self._clock())

    def claim(self, uid: str, names: Iterable[str]) -> None:
        """Note that a claim holds devices; again for the same claim is no change.

        Raises:
            HeldError: a pod or another claim holds one of them; nothing is noted.
        """
        with self._lock:
            wanted = frozenset(names)
            for other, held in self._claims.items():
                if other != uid and (taken := sorted(held & wanted)):
                    raise HeldError(f"{', '.join(taken)} held by claim {other}")
            for name in sorted(wanted):
                if name in self._pods or name in self._given:
                    raise HeldError(f"{name} held by pod {self._pods.get(name, 'that starts')}")
            self._claims[uid] = wanted

    def release(self, uid: str) -> None:
        """Note that a claim holds nothing any more."""
        with self._lock:
            self._claims.pop(uid, None)


def patiently(take: Callable[[], None]) -> None:
    """Take devices, waiting a moment for one that is held.

    A pod may be gone from the API before its kubelet has put back what it held; and a kubelet that is refused asks
    again after a minute for a claim, and never for a pod.

    Args:
        take: notes what is taken.

    Raises:
        HeldError: somebody else still holds one of them.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return take()
        except HeldError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)

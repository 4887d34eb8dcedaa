"""The holders of a worker's devices: pods through the device plugin, and claims through DRA.

On a real node one of the two drivers counts a GPU. Here both offer the same GPUs, as on the embedded control
plane, so this ledger makes sure that a device is allocated once: the second request is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from sovereign_ai.toolchain import polling

_GRACE_SECONDS = 15.0
"""For how long a device counts as given although the kubelet does not list its pod yet."""
PATIENCE_SECONDS = 8.0
"""For how long a driver waits for a device whose holder is ending."""
_POLL_SECONDS = 0.2


class HeldError(Exception):
    """A device is held already; the text names its holder."""


class Ledger:
    """The holders of devices, by the device's name in slices."""

    def __init__(
        self, claims: Mapping[str, Iterable[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with the claims that an earlier process prepared.

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
        """Replace the pods that hold devices by those that the kubelet lists.

        Args:
            pods: device to `namespace/pod`, of the device plugin's devices.
        """
        with self._lock:
            self._pods = dict(pods)
            now = self._clock()
            pending = {}
            for name, given_at in self._given.items():
                # A pod that never started is never listed: its devices are free after a while.
                is_recent = now - given_at < _GRACE_SECONDS
                if is_recent and name not in pods:
                    pending[name] = given_at
            self._given = pending

    def claimed(self) -> frozenset[str]:
        """Return the devices that claims hold."""
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
                conflicts = sorted(held.intersection(wanted))
                if conflicts:
                    raise HeldError(f"{', '.join(conflicts)} held by claim {uid}")
            self._given |= dict.fromkeys(wanted, self._clock())

    def claim(self, uid: str, names: Iterable[str]) -> None:
        """Note that a claim holds devices; noting the same claim twice changes nothing.

        Raises:
            HeldError: a pod or another claim holds one of them; nothing is noted.
        """
        with self._lock:
            wanted = frozenset(names)
            for other, held in self._claims.items():
                conflicts = sorted(held & wanted)
                if other != uid and conflicts:
                    raise HeldError(f"{', '.join(conflicts)} held by claim {other}")
            for name in sorted(wanted):
                if name in self._pods or name in self._given:
                    raise HeldError(f"{name} held by pod {self._pods.get(name, 'that starts')}")
            self._claims[uid] = wanted

    def release(self, uid: str) -> None:
        """Note that a claim holds nothing any more."""
        with self._lock:
            self._claims.pop(uid, None)


def wait_for_devices(take: Callable[[], None]) -> None:
    """Take devices, waiting a moment for one that is held.

    A pod may be gone from the API before its kubelet has released its devices. A kubelet that is refused
    retries a claim after a minute, and a pod never.

    Args:
        take: notes the new holder.

    Raises:
        HeldError: somebody else still holds one of them.
    """
    for is_last in polling(PATIENCE_SECONDS, _POLL_SECONDS):
        try:
            take()
        except HeldError:
            if is_last:
                raise
        else:
            break

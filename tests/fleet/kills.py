"""Processes are killed while the fleet works, in an order drawn from a seed: each has to come back.

    make fleet NODES=100 KILLS=100            # the scenario, and its faults again until all kills were made
    make fleet NODES=100 KILLS=100 SEED=7     # other kills; a seed kills the same processes in the same order

A kill is SIGKILL. The next one comes only when the killed process is back and well.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sovereign_ai.cluster.api import ApiError, UnreachableError
from sovereign_ai.cluster.embedded.process_status import status
from tests.fleet.repairing import RepairProcess

REPAIR = "repair"
TARGETS = ("kueue", "kube-scheduler", "kube-controller-manager", "kube-apiserver", REPAIR)
SHORTEST, LONGEST = 0.2, 3.0
"""Seconds between the return of one process and the kill of the next."""
BACK = 180.0
"""Seconds within which a killed process has to be well again, on a busy host."""


@dataclass
class Killer:
    """Kills processes of a control plane, and the repair controller, from a thread of its own.

    Attributes:
        cluster: the control plane's name.
        most: how many kills.
        seed: what draws them.
        kills: how often each was killed.
        problems: what did not come back.
    """

    cluster: str
    most: int
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    repair: RepairProcess | None = None

    def __post_init__(self) -> None:
        """Prepare; nothing is killed yet."""
        self._drawn = random.Random(self.seed)  # noqa: S311 - draws kills, and no secret
        self._stop = threading.Event()
        # Held while a test plays a part of the world that no process of the framework plays.
        self.spared = threading.Lock()

    @property
    def is_done(self) -> bool:
        """Whether all kills were made, or one process did not come back."""
        return bool(self.problems) or self.kills.total() >= self.most

    @contextmanager
    def killing(self) -> Iterator[None]:
        """Kill until the end of the block."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(BACK)

    def _run(self) -> None:
        while not self.is_done and not self._stop.wait(self._drawn.uniform(SHORTEST, LONGEST)):
            target = self._drawn.choice(TARGETS)
            with self.spared:
                self._kill(target)

    def _kill(self, target: str) -> None:
        """Kill one process and wait until it is back; nothing where it does not run now."""
        if target == REPAIR:
            # Its own supervisor starts it again, and there is none outside the time of faults.
            repair = self.repair
            if repair is not None and repair.kill():
                self.kills[target] += 1
            return
        before = self._identity(target)
        if before is None:
            return
        try:
            os.kill(before, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[target] += 1
        deadline = time.monotonic() + BACK
        while time.monotonic() < deadline:
            now = self._identity(target)
            if now is not None and now != before:
                return
            self._stop.wait(0.1)
            if self._stop.is_set():
                return
        self.problems.append(f"{target} is not back {BACK:.0f} s after kill {self.kills.total()}")

    def _identity(self, target: str) -> int | None:
        """Return the PID of a process, if it is well."""
        for component in status(self.cluster).components:
            if component.name == target and component.healthy:
                return component.pid
        return None


T = TypeVar("T")
_SERVER_ERRORS, _FORBIDDEN = 500, 403


def insisting(call: Callable[[], T], seconds: float = BACK) -> T:
    """Call until the API server answers, as every client of a control plane has to.

    Raises:
        UnreachableError: it does not within the time.
        ApiError: it refused for another reason than that something behind it is away.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
        except ApiError as error:
            # Kueue's webhooks judge each job: while Kueue is away, the server fails with them. A server that
            # has just begun knows no roles yet, and forbids everything.
            is_transient = error.status >= _SERVER_ERRORS or error.status == _FORBIDDEN
            if not is_transient or time.monotonic() > deadline:
                raise
        time.sleep(0.2)

"""Processes are killed while the fleet works, at moments drawn from a seed: each has to come back.

    make fleet NODES=100 KILLS=1000           # the scenario, and its faults again until all kills were made
    make fleet NODES=100 KILLS=100 SEED=7     # other kills; a seed draws the same moments for each process

A kill is SIGKILL. Each process has moments of its own: some time after it is back and well it dies again,
whatever the others do then, so that several are away at once and one dies while another still starts.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sovereign_ai.cluster.api import ApiError, UnreachableError
from sovereign_ai.cluster.embedded.process_status import status
from tests.fleet.repairing import RepairProcess

REPAIR, SERVER = "repair", "kube-apiserver"
TARGETS = ("kueue", "kube-scheduler", "kube-controller-manager", SERVER, REPAIR)
LONGEST, LONGEST_OF_SERVER = 8.0, 16.0
"""Seconds between the return of a process and its next kill, at most; half of it on average.

The API server has longer: without it nobody does anything, and what dies then is killed at rest.
"""
BACK = 180.0
"""Seconds within which a killed process has to be well again, on a busy host."""
_LOOK = 0.05
"""Seconds between two looks at who runs: a small file is read."""


@dataclass
class Victim:
    """A process that is killed again and again.

    Attributes:
        name: its name.
        drawn: draws its moments.
        due: when it is killed, on the monotonic clock; None while it is away.
        killed: the PID that was killed last; 0 before the first kill.
        since: when that was.
        away: how long it was away after each kill, in seconds.
    """

    name: str
    drawn: random.Random
    due: float | None = None
    killed: int = 0
    since: float = 0.0
    away: list[float] = field(default_factory=list)

    def note(self, pid: int | None, now: float) -> None:
        """Note who runs: its next kill is drawn when it is back."""
        if self.due is not None or pid is None or pid == self.killed:
            return
        if self.killed:
            self.away.append(now - self.since)
        longest = LONGEST_OF_SERVER if self.name == SERVER else LONGEST
        self.due = now + self.drawn.uniform(0.0, longest)

    def is_lost(self, now: float) -> bool:
        """Whether it has been away for too long."""
        return self.killed != 0 and self.due is None and now - self.since > BACK


@dataclass
class Killer:
    """Kills processes of a control plane, and the repair controller, from a thread of its own.

    Attributes:
        cluster: the control plane's name.
        most: how many kills.
        seed: what draws them.
        kills: how often each was killed.
        problems: what did not come back.
        repair: the repair controller, while it is kept running.
    """

    cluster: str
    most: int
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    repair: RepairProcess | None = None

    def __post_init__(self) -> None:
        """Prepare; nothing is killed yet."""
        self._victims: list[Victim] = []
        for name in TARGETS:
            drawn = random.Random(f"{self.seed} {name}")  # noqa: S311 - draws kills, and no secret
            self._victims.append(Victim(name, drawn))
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

    def away(self) -> dict[str, dict[str, float]]:
        """Return for how many seconds each process was away after a kill."""
        table = {}
        for victim in self._victims:
            if victim.away:
                middle, most = statistics.median(victim.away), max(victim.away)
                table[victim.name] = {"median": round(middle, 2), "most": round(most, 2)}
        return table

    def _run(self) -> None:
        while not self.is_done and not self._stop.wait(_LOOK):
            with self.spared:
                self._look()
        # What was killed last has to come back as well.
        while not self.problems and not self._stop.wait(_LOOK):
            self._note_who_runs()

    def _look(self) -> None:
        """Kill what is due, until all kills were made."""
        running = self._note_who_runs()
        now = time.monotonic()
        for victim in self._victims:
            pid = running.get(victim.name)
            if victim.due is None or now < victim.due or pid is None or self.is_done:
                continue
            victim.due, victim.killed, victim.since = None, pid, now
            if self._kill(victim.name, pid):
                self.kills[victim.name] += 1

    def _note_who_runs(self) -> Mapping[str, int]:
        """Look who is well, and return the PID of each."""
        running: dict[str, int] = {}
        for component in status(self.cluster).components:
            if component.healthy and component.pid is not None:
                running[component.name] = component.pid
        # Its own supervisor starts it again, and there is none outside the time of faults.
        if self.repair is not None and self.repair.pid is not None:
            running[REPAIR] = self.repair.pid
        now = time.monotonic()
        for victim in self._victims:
            victim.note(running.get(victim.name), now)
            if victim.is_lost(now) and not (victim.name == REPAIR and self._is_repair_over()):
                total = self.kills.total()
                self.problems.append(f"{victim.name} is not back after {BACK:.0f} s; {total} kills were made")
        return running

    def _is_repair_over(self) -> bool:
        return self.repair is None or self.repair.is_over

    def _kill(self, name: str, pid: int) -> bool:
        """Kill a process; False where it has just ended by itself."""
        if name == REPAIR:
            return self.repair is not None and self.repair.kill()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def result(self) -> dict[str, Any]:
        """Return what was done, for the result's file."""
        return {"kills": dict(self.kills), "seconds_away": self.away()}


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

"""Jobs in virtual time that work with all of their machines or not at all, and save work in checkpoints.

A job works for an interval, stands still for a checkpoint, and works on. A fault of one of its machines, or
of a switch between them, stops all of it: the work since the last checkpoint is lost. It goes on when its
failure was detected, enough machines are there, and it has restarted and read its checkpoint, as the assessed
goodput has it (`assess/goodput/exact.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node


@frozen_dataclass
class GangTerms:
    """What the goodput of a job depends on; all times in seconds.

    Attributes:
        name: the job.
        pool: the pool on whose machines it works.
        machines: how many it needs at once.
        interval: work between two checkpoints; infinite where none are made.
        stall: how long it stands still for one.
        detection: from a failure until it is noticed.
        restart: from then, with machines, until it works: restart and reload.
    """

    name: str
    pool: str
    machines: int
    interval: float
    stall: float
    detection: float
    restart: float


@dataclass(slots=True)
class Shares:
    """Where the time of a job went, in seconds, and what happened to it.

    Attributes:
        useful: work that was kept.
        stalls: standing still for checkpoints.
        lost: work since the last checkpoint when a failure came.
        restarting: detection, restart and reload.
        waiting: for machines.
        interruptions: failures that stopped it.
        wide: of these, failures of what several machines share.
    """

    useful: float = 0.0
    stalls: float = 0.0
    lost: float = 0.0
    restarting: float = 0.0
    waiting: float = 0.0
    interruptions: int = 0
    wide: int = 0

    @property
    def total(self) -> float:
        """All of its time."""
        return math.fsum((self.useful, self.stalls, self.lost, self.restarting, self.waiting))

    def add(self, other: Shares) -> None:
        """Add another's time and failures."""
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))


class VirtualPool:
    """The machines of a pool, by whether a job has them."""

    def __init__(self, nodes: Sequence[Node], *, near: bool) -> None:
        """Begin with no job.

        Args:
            nodes: the pool's machines, in the plan's order, which is that of racks and scalable units.
            near: whether a job gets machines near to each other.
        """
        self._nodes = {node.name: node for node in nodes}
        self._places = {name: number for number, name in enumerate(self._nodes)}
        self._near = near
        self.free = set(self._nodes)

    def first(self, unusable: Collection[str], count: int, stride: int) -> list[str]:
        """Return machines for a job that starts: next to each other, or every so many over the whole pool."""
        ready = []
        for name in self._nodes:
            if name in self.free and name not in unusable:
                ready.append(name)
        return ready[:count] if self._near else ready[::stride][:count]

    def node(self, name: str) -> Node:
        """Return a machine of the pool."""
        return self._nodes[name]

    def others(self, unusable: Collection[str], units: Collection[str], racks: Collection[str]) -> list[str]:
        """Return machines that may replace one of a job, best first: of its scalable units and racks."""
        ready = sorted(self.free.difference(unusable), key=self._places.__getitem__)
        if self._near and ready:
            ready.sort(key=lambda name: self._distance(name, units, racks))
        return ready

    def _distance(self, name: str, units: Collection[str], racks: Collection[str]) -> tuple[bool, bool]:
        node = self._nodes[name]
        return node.scalable_unit not in units, node.rack not in racks


class Gang:
    """One job.

    Attributes:
        terms: what its goodput depends on.
        members: the machines that it has.
        shares: where its time went, up to the last event.
    """

    def __init__(self, terms: GangTerms, pool: VirtualPool) -> None:
        """Begin without machines, at time 0.

        Args:
            terms: what its goodput depends on.
            pool: its pool.
        """
        self.terms, self._pool = terms, pool
        self._units: Counter[str] = Counter()
        self._racks: Counter[str] = Counter()
        self.members: set[str] = set()
        self.shares = Shares()
        self.is_placed = False
        self._since = self._ready = self._noticed = 0.0

    def start(self, unusable: Collection[str], stride: int) -> bool:
        """Take machines at time 0 and work; False where there are too few."""
        for name in self._pool.first(unusable, self.terms.machines, stride):
            self._take(name)
        return self.place(0.0, unusable)

    def crosses(self) -> bool:
        """Return whether its traffic passes spines: whether it is spread over several scalable units."""
        return self.is_placed and len(self._units) > 1

    def interrupt(self, now: float, *, wide: bool) -> None:
        """Stop it: a failure came."""
        if not self.is_placed:
            return
        self.settle(now, is_over=False)
        self.shares.interruptions += 1
        self.shares.wide += wide
        self.is_placed = False
        self._since, self._noticed = now, now + self.terms.detection

    def place(self, now: float, unusable: Collection[str]) -> bool:
        """Let it start with what machines there are; False where they are too few."""
        for name in self.members.intersection(unusable):
            self._drop(name)
        lacking = self.terms.machines - len(self.members)
        if lacking > 0:
            for name in self._pool.others(unusable, self._units, self._racks)[:lacking]:
                self._take(name)
        if len(self.members) < self.terms.machines:
            return False
        # Nobody starts it before the failure is noticed; from then it waited for machines.
        begins = max(now, self._noticed)
        waited = max(0.0, now - self._noticed)
        self.shares.waiting += waited
        self.shares.restarting += begins - self._since - waited
        self._since = begins
        # At the beginning there is nothing to restart.
        self._ready = begins + (self.terms.restart if self.shares.interruptions else 0.0)
        self.is_placed = True
        return True

    def settle(self, now: float, *, is_over: bool) -> None:
        """Count the time since the last event.

        Args:
            now: the moment.
            is_over: whether the month ends here: the work since the last checkpoint is then not lost.
        """
        if not self.is_placed:
            waited = max(0.0, now - max(self._noticed, self._since))
            self.shares.waiting += waited
            self.shares.restarting += now - self._since - waited
            self._since = now
            return
        self.shares.restarting += min(now, self._ready) - self._since
        worked = max(0.0, now - self._ready)
        steps = 0
        if math.isfinite(self.terms.interval):
            steps = int(worked // (self.terms.interval + self.terms.stall))
        self.shares.useful += steps * self.terms.interval if steps else 0.0
        self.shares.stalls += steps * self.terms.stall
        rest = worked - (steps * (self.terms.interval + self.terms.stall) if steps else 0.0)
        if is_over:
            work = min(rest, self.terms.interval)
            self.shares.useful += work
            self.shares.stalls += rest - work
        else:
            self.shares.lost += rest
        self._since = now

    def _take(self, name: str) -> None:
        self.members.add(name)
        self._pool.free.discard(name)
        self._count(name, 1)

    def _drop(self, name: str) -> None:
        self.members.discard(name)
        self._pool.free.add(name)
        self._count(name, -1)

    def _count(self, name: str, change: int) -> None:
        """Count a machine in its scalable unit and rack; what has none of its machines is not listed."""
        node = self._pool.node(name)
        for counts, unit in ((self._units, node.scalable_unit), (self._racks, node.rack)):
            counts[unit] += change
            if not counts[unit]:
                del counts[unit]

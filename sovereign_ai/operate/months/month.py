"""One month in virtual time: faults from a seed, the repair core, a site that obeys it, and jobs.

What a site does takes the times of `assess/data`: a fault's own repair time, the acceptance of a machine, and
how long machines with faults wait for a person where no controller works. A round of the controller is a
second after what caused it, as `repair run` has it.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import count
from math import inf

from sovereign_ai.assess import FailureDomains, FaultDomain, FaultEvent, draw_in
from sovereign_ai.assess.sources import figure
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.months.fleet import VirtualFleet, report_delay, reported_fault
from sovereign_ai.operate.months.gangs import Gang, GangTerms, Shares, VirtualPool
from sovereign_ai.operate.repair.decide import Act, Decision, Policy
from sovereign_ai.operate.repair.faults import Fault
from sovereign_ai.operate.repair.record import Step
from sovereign_ai.operate.repair.view import Place, places
from sovereign_ai.plan import Node, Plan

DAY = 86_400.0
_ROUND = 1.0
"""Seconds between two rounds of the controller."""
_PORT_CHECKS = {"infiniband": "InfiniBandStateCheck", "roce": "EthernetStateCheck"}
_SHARED = frozenset(
    {
        FaultDomain.NVLINK,
        FaultDomain.LEAF,
        FaultDomain.RAIL,
        FaultDomain.SPINE,
        FaultDomain.PDU,
        FaultDomain.FEED,
        FaultDomain.RACK,
        FaultDomain.SCALABLE_UNIT,
        FaultDomain.SWITCH_DAEMON,
    }
)
"""Faults of what several machines share."""
_OF_SWITCHES = frozenset({FaultDomain.SPINE, FaultDomain.SWITCH_DAEMON})
"""Faults that a spine has."""


class Safeguard(StrEnum):
    """What keeps work going, and may be left out."""

    SPARES = "spares"
    CHECKPOINTS = "checkpoints"
    TOPOLOGY = "topology"
    REPAIR = "repair"


@frozen_dataclass
class VirtualSite:
    """A cluster of a plan, read once for many months.

    Attributes:
        nodes: its machines, in the plan's order.
        placed: where each stands.
        domains: the plan's failure domains.
        port_check: the check that watches ports of its compute fabric.
        terms: its jobs.
        policy: how its machines are repaired.
        recorded: the faults of each run, such as those of a file; None to draw them by its seed.
    """

    nodes: Sequence[Node]
    placed: Mapping[str, Place]
    domains: FailureDomains
    port_check: str
    terms: Sequence[GangTerms]
    policy: Policy
    recorded: Sequence[FaultEvent] | None = None


@frozen_dataclass
class MonthSample:
    """What was so at one moment of a run.

    Attributes:
        seconds: since the run began.
        out: machines that were broken then.
        faults: faults that had happened.
        decisions: decisions of the repair core, by kind.
        interruptions: job to the failures that had stopped it.
    """

    seconds: float
    out: int
    faults: int
    decisions: Mapping[str, int]
    interruptions: Mapping[str, int]


@frozen_dataclass
class Month:
    """What came of one run.

    Attributes:
        shares: job to where its time went.
        faults: how many faults happened to the fleet.
        decisions: how often each kind of decision was carried out.
        out: machines out of work, on average over the time.
        samples: what was so at regular moments; empty where none were asked for.
    """

    shares: Mapping[str, Shares]
    faults: int
    decisions: Mapping[str, int]
    out: float
    samples: Sequence[MonthSample] = ()


def read_site(plan: Plan, cluster: str, terms: Sequence[GangTerms], policy: Policy) -> VirtualSite:
    """Return a cluster of a plan, ready for months.

    Raises:
        KeyError: the plan has no such cluster.
    """
    kinds = [fabric.kind for fabric in plan.fabrics if fabric.role == "compute"]
    check = _PORT_CHECKS.get(kinds[0] if kinds else "", _PORT_CHECKS["roce"])
    placed, domains = places(plan, cluster), FailureDomains(plan, cluster)
    return VirtualSite(plan.nodes_of(cluster), placed, domains, check, terms, policy)


def run_month(
    site: VirtualSite, *, seed: int, days: float, without: Safeguard | None = None, every: float = inf
) -> Month:
    """Run one month.

    Args:
        site: the cluster.
        seed: the same one gives the same faults, whatever is left out; those of a site are the same for all.
        days: for how long.
        without: what is left out; None for nothing.
        every: seconds between two samples; infinite for none.
    """
    events = site.recorded
    if events is None:
        events = draw_in(site.domains, seed=seed, days=days)
    return _Run(site, days * DAY, without).run(events, every)


class _Run:
    """The state of one run: what happens next, in the order of its time."""

    def __init__(self, site: VirtualSite, end: float, without: Safeguard | None) -> None:
        """Begin at time 0 with sound machines and jobs at work."""
        self._site, self._end, self._without = site, end, without
        nodes = []
        for node in site.nodes:
            if without is not Safeguard.SPARES or not node.spare:
                nodes.append(node)
        self._fleet = VirtualFleet(nodes, site.placed, site.policy)
        self._decisions: Counter[str] = Counter()
        self._waiting: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._next_round = inf
        self._unreachable_until = 0.0
        self._out_seconds = 0.0
        self._faults = 0
        self._lasting: list[FaultEvent] = []
        self._samples: list[MonthSample] = []
        self._gangs = self._started(nodes)

    def run(self, events: Sequence[FaultEvent], every: float) -> Month:
        """Run until the end, with a sample every so many seconds."""
        if every < inf:
            for number in range(int(self._end // every) + 1):
                self._at(number * every, self._sample)
        for event in events:
            self._at(event.seconds, partial(self._inject, event))
        now = 0.0
        while self._waiting:
            moment, _, act = heapq.heappop(self._waiting)
            if moment >= self._end:
                break
            self._out_seconds += (moment - now) * len(self._fleet.broken)
            now = moment
            act(now)
        self._out_seconds += (self._end - now) * len(self._fleet.broken)
        shares = {}
        for gang in self._gangs:
            gang.settle(self._end, is_over=True)
            shares[gang.terms.name] = gang.shares
        return Month(shares, len(events), self._decisions, self._out_seconds / self._end, self._samples)

    def _started(self, nodes: Sequence[Node]) -> list[Gang]:
        """Return the jobs, each with its machines."""
        pools: dict[str, list[Node]] = {}
        for node in nodes:
            pools.setdefault(node.pool, []).append(node)
        near = self._without is not Safeguard.TOPOLOGY
        shelves = {name: VirtualPool(of_pool, near=near) for name, of_pool in pools.items()}
        left = Counter(terms.pool for terms in self._site.terms)
        gangs = []
        for terms in self._site.terms:
            saved = terms
            if self._without is Safeguard.CHECKPOINTS:
                saved = replace(terms, interval=inf, stall=0.0)
            gang = Gang(saved, shelves[terms.pool])
            gang.start(self._fleet.unusable, left[terms.pool])
            left[terms.pool] -= 1
            gangs.append(gang)
        return gangs

    def _sample(self, now: float) -> None:
        """Note what is so now."""
        interruptions = {gang.terms.name: gang.shares.interruptions for gang in self._gangs}
        out = len(self._fleet.broken)
        self._samples.append(MonthSample(now, out, self._faults, dict(self._decisions), interruptions))

    def _at(self, moment: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._waiting, (moment, next(self._numbers), act))

    def _inject(self, event: FaultEvent, now: float) -> None:
        """Let a fault happen: machines break, jobs on them stop, agents report, and parts are ordered."""
        self._faults += 1
        if event.domain is FaultDomain.API_SERVER:
            self._unreachable_until = max(self._unreachable_until, now + event.repair)
            self._at(self._unreachable_until, self._resume)
            return
        # Power that was lost before and is not back counts with it.
        ends = self._site.domains.struck(event, self._lasting)
        self._lasting = [each for each in (*self._lasting, event) if each.seconds + each.repair > now]
        names = [name for name in ends if name in self._fleet.machines]
        is_wide = event.domain in _SHARED
        is_spine = event.unit in self._site.domains.units[FaultDomain.SPINE] and event.domain in _OF_SWITCHES
        struck = set(names)
        for gang in self._gangs:
            is_struck = not struck.isdisjoint(gang.members)
            # A spine stops who sends through it until routes avoid it, as where it was counted.
            if is_struck or (is_spine and gang.crosses()):
                gang.interrupt(now, wide=is_wide)
        for name in names:
            place = self._site.placed[name]
            fault = reported_fault(event, place.codes, self._site.port_check)
            if fault is None:
                continue
            until = ends[name]
            self._fleet.break_hardware(name, until)
            self._at(now + report_delay(event), partial(self._report, name, fault))
            self._at(until, partial(self._exchange, name))
        self._place(now)

    def _resume(self, now: float) -> None:
        """Go on when the API server answers in time again: what came meanwhile is decided now."""
        if now >= self._unreachable_until:
            self._call_round(now)
            self._place(now)

    def _report(self, name: str, fault: Fault, now: float) -> None:
        self._fleet.report(name, fault)
        self._call_round(now)

    def _exchange(self, name: str, now: float) -> None:
        self._fleet.exchange(name, now)
        self._call_round(now)
        self._place(now)

    def _accept(self, name: str, since: datetime, now: float) -> None:
        self._fleet.accept(name, since)
        self._call_round(now)

    def _call_round(self, now: float) -> None:
        """Have a round come: a second later, or when a person looks next."""
        pause = _ROUND
        if self._without is Safeguard.REPAIR:
            pause = _seconds("faults", "person.response")
        self._round_at(now + pause)

    def _round_at(self, due: float) -> None:
        if due < self._next_round:
            self._next_round = due
            self._at(due, self._round)

    def _round(self, now: float) -> None:
        """Decide, carry out, and look again as long as something follows."""
        if now != self._next_round:
            return
        self._next_round = inf
        if now < self._unreachable_until:
            return
        decided = False
        for decision in self._fleet.decide(now, self._is_held):
            if decision.is_written:
                decided = True
                self._carry_out(decision, now)
        self._place(now)
        if decided:
            # A person, too, does one thing after the other once there.
            self._round_at(now + _ROUND)

    def _carry_out(self, decision: Decision, now: float) -> None:
        """Carry out a decision, and let the site do what it asks for."""
        self._decisions[decision.act] += 1
        if decision.act is Act.EVICT:
            for gang in self._gangs:
                if decision.machine in gang.members:
                    gang.interrupt(now, wide=False)
        self._fleet.carry_out(decision)
        record = decision.record
        if record is None:
            return
        policy = self._site.policy
        limits = {Step.RESET: policy.reset, Step.REBOOT: policy.reboot, Step.ACCEPT: policy.accept}
        if record.step in limits:
            self._at(now + limits[record.step].total_seconds(), self._call_round)
        if record.step is Step.ACCEPT:
            taken = _seconds("faults", "acceptance.time")
            self._at(now + taken, partial(self._accept, decision.machine, record.since))

    def _is_held(self, machine: str) -> bool:
        """Return whether pods of a job run on a machine."""
        return any(gang.is_placed and machine in gang.members for gang in self._gangs)

    def _place(self, now: float) -> None:
        """Let jobs that wait start, if there are machines for them and the API server hears of it."""
        if now < self._unreachable_until:
            return
        for gang in self._gangs:
            if not gang.is_placed:
                gang.place(now, self._fleet.unusable)


def _seconds(file: str, name: str) -> float:
    return float(str(figure(file, name).value))

"""What to do next about each machine: a function of what is observed, and of nothing else.

    decide(machines, policy, now)     # -> the decisions, at most one a machine

Every decision is one write to one Node, or evictions, which are repeated until the pods are gone. Killed at
any moment, or run twice, the controller decides from what it then observes. tests/operate/repair explores
every order of faults, repairs, kills and other people's cordons for three machines and two faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.repair.budgets import Budget
from sovereign_ai.operate.repair.faults import NOT_READY, Fault, Remedy
from sovereign_ai.operate.repair.record import Record, Step
from sovereign_ai.text import counted

_MOST_NAMED, _LONGEST_FAULT = 8, 100
"""Faults that are named, and letters of each: a broken driver fails every check of every GPU at once."""
_MOST_GPUS = 64
"""GPUs of a machine that a record names one by one."""


@frozen_dataclass
class Policy:
    """How machines are repaired.

    Attributes:
        unavailable: the greatest share of a pool's machines that may be drained of running work at a time;
            at least one machine may.
        per_domain: the same of each rack, rack-scale NVLink domain and power feed. Where a larger share of
            one is silent, the domain itself has failed: nobody there carries an eviction out, and requesting
            one from machine after machine would only add to it.
        reset: how long a reset may take until the machine is restarted.
        reboot: how long a restart may take until the machine is given up to a person.
        accept: how long the acceptance of a machine may take.
        attempts: resets and restarts of one repair, before it is given up.
        relapses: repairs of one machine within `relapse_window`, after which its next fault is given up at
            once: it passes its acceptance and breaks again at work. Both are estimates: that a few machines
            cause many failures is published (lemon nodes, arXiv 2410.21680), and no limit with it.
        relapse_window: the time that counts.
        by_gpu: whether pods that hold none of the GPUs to reset run on meanwhile; before a restart they go.
        grace: how long a pod that has to go may take to end, whatever its own grace period. An hour is what
            NVSentinel's node drainer gives pods by default that it deletes after a time
            (deleteAfterTimeoutMinutes: 60, read 2026-11-30) and the longest that Oracle's drains take
            (PT60M); Cluster Autoscaler gives 10 minutes (--max-graceful-termination-sec=600), which is short
            for a checkpoint, and `kubectl drain` and Karpenter (terminationGracePeriod) give what the pod's
            author wants, which may be a year.
    """

    unavailable: float = 0.1
    per_domain: float = 0.5
    reset: timedelta = timedelta(minutes=5)
    reboot: timedelta = timedelta(minutes=30)
    accept: timedelta = timedelta(hours=2)
    attempts: int = 2
    relapses: int = 3
    relapse_window: timedelta = timedelta(days=28)
    by_gpu: bool = False
    grace: timedelta = timedelta(hours=1)


class Cordon(StrEnum):
    """Who keeps new pods from a machine."""

    NONE = "nobody"
    OWN = "ours"
    FOREIGN = "others"


@frozen_dataclass
class Machine:
    """What is observed of one machine.

    Attributes:
        name: the Node's name.
        pool: its pool.
        domains: its rack, NVLink domain and power feeds, each as a name that is unique in the factory.
        faults: what is reported of it now.
        cordon: who cordoned it.
        pods: how many running pods an eviction must remove.
        record: how far its repair is; None if none has begun.
        accepted: the verdict of its acceptance; None as long as there is none.
        spare: whether it is kept ready, without work.
        replaces: the machine in whose place this spare works; empty for none.
        repairs: when its hardware was reset or restarted in earlier repairs, a moment for each repair.
        held: why somebody keeps the controller from it; empty for nobody.
        maintainer: who else maintains it, so that nothing of it is touched; empty for nobody.
        spared: how many of the pods hold none of the GPUs to reset and may run on, if its policy lets any.
    """

    name: str
    pool: str
    domains: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    cordon: Cordon = Cordon.NONE
    pods: int = 0
    record: Record | None = None
    accepted: bool | None = None
    spare: bool = False
    replaces: str = ""
    repairs: tuple[datetime, ...] = ()
    held: str = ""
    maintainer: str = ""
    spared: int = 0

    @property
    def blocking_pods(self) -> int:
        """How many pods have to go before its next step."""
        return self.pods - self.spared


class Act(StrEnum):
    """The kinds of decisions; the words are those of the events that report them."""

    CORDON = "Cordoned"
    EVICT = "Draining"
    WAIT = "DrainHeldBack"
    HOLD = "RepairHeld"
    RESET = "ResetRequested"
    REBOOT = "RebootRequested"
    ACCEPT = "AcceptanceRequested"
    RETURN = "Returned"
    GIVE_UP = "GivenUp"
    ACTIVATE = "SpareActivated"
    RETIRE = "SpareRetired"
    FREE = "StalePlacementEvicted"


@frozen_dataclass
class Decision:
    """One decision about one machine.

    Attributes:
        machine: the machine's name.
        act: what is done.
        reason: why, for a person.
        record: what its Node's record says afterwards; None where the repair is over.
        replaces: the machine in whose place a spare works afterwards; empty for none.
        repairs: the machine's repairs afterwards; None where they stay as they are.
    """

    machine: str
    act: Act
    reason: str
    record: Record | None
    replaces: str = ""
    repairs: tuple[datetime, ...] | None = None

    @property
    def is_written(self) -> bool:
        """Whether it changes anything; a machine that waits is only told of."""
        return self.act not in {Act.WAIT, Act.HOLD}


@dataclass
class _Breaker:
    """How many machines may still be drained of running work, by pool, failure domain and budget.

    Attributes:
        now: the moment.
        drainable: pool or failure domain to how many more machines may be drained.
        failed: failure domains that have failed as a whole.
        out: each budget with its machines that are out of work.
    """

    now: datetime
    drainable: dict[str, int]
    failed: frozenset[str]
    out: Mapping[Budget, list[str]]

    def refusal(self, machine: Machine, record: Record) -> str:
        """Return why a machine may not be drained now; empty if it may."""
        broken = sorted(machine.domains & self.failed)
        if broken:
            return f"{broken[0]} has failed as a whole: its machines are repaired without evictions"
        if record.drains:
            return ""
        # A silent machine is out of work already: its drain takes no other out.
        budgets = () if _is_silent(machine) else self._budgets(machine)
        for budget in budgets:
            reason = budget.closed(self.now) or budget.full(self.out[budget])
            if reason:
                return reason
        for name in (_pool_key(machine), *sorted(machine.domains)):
            if self.drainable[name] < 1:
                return f"as many machines of {name} are drained as may be at a time"
        return ""

    def take(self, machine: Machine) -> None:
        """Count a machine that is drained."""
        for name in (_pool_key(machine), *machine.domains):
            self.drainable[name] -= 1
        for budget in self._budgets(machine):
            if machine.name not in self.out[budget]:
                self.out[budget].append(machine.name)

    def _budgets(self, machine: Machine) -> list[Budget]:
        """Return the budgets that hold for a machine."""
        return [budget for budget in self.out if machine.name in budget.machines]


def decide(
    machines: Sequence[Machine],
    policy: Policy,
    now: datetime,
    sizes: Mapping[str, int] | None = None,
    budgets: Sequence[Budget] = (),
) -> tuple[Decision, ...]:
    """Return what to do next, at most one decision a machine.

    Args:
        machines: what is observed of every machine of one cluster.
        policy: how they are repaired.
        now: the moment of the observation.
        sizes: what `domain_sizes` returns of all machines; with it, those that `is_quiet` may be left out.
        budgets: the disruption budgets of the cluster.

    Returns:
        The decisions, cordons first: whatever else has to wait, no new pod goes to a machine with a fault.
    """
    breaker = _Breaker(now, {}, frozenset(), {})
    if any(map(_is_draining, machines)):
        sizes = domain_sizes(machines) if sizes is None else sizes
        breaker = _breaker(machines, policy, now, sizes, budgets)
    decisions: dict[str, Decision] = {}
    for machine in machines:
        decision = _of_others(machine) if machine.maintainer else _next(machine, policy, now, breaker)
        if decision is not None:
            decisions[machine.name] = decision
    for decision in _spares(machines):
        # A spare with a fault is repaired like every machine, and only then retired.
        decisions.setdefault(decision.machine, decision)
    return tuple(sorted(decisions.values(), key=lambda decision: decision.act is not Act.CORDON))


def _is_draining(machine: Machine) -> bool:
    """Return whether a machine is drained, or was just now: the breaker is asked of no other."""
    return machine.record is not None and machine.record.step is Step.DRAIN


def domain_sizes(machines: Iterable[Machine]) -> Mapping[str, int]:
    """Return how many machines each pool and failure domain has, as the breaker names them."""
    sizes: Counter[str] = Counter()
    for machine in machines:
        sizes.update((_pool_key(machine), *machine.domains))
    return sizes


def is_quiet(machine: Machine) -> bool:
    """Return whether there is nothing to decide about a machine, and no decision about another needs it."""
    is_idle = not machine.spare and not machine.replaces and not machine.maintainer
    return is_idle and not machine.faults and machine.record is None and machine.cordon is Cordon.NONE


def _spares(machines: Sequence[Machine]) -> list[Decision]:
    """Return which spares begin to work in place of a machine under repair, and which end that.

    A spare ends its work when the machine is back: no new pods go to it, and those that run may finish.
    """
    out = {machine.name: machine for machine in machines if machine.record is not None}
    decisions = []
    covered = set()
    free: dict[str, list[Machine]] = {}
    for machine in machines:
        if machine.replaces:
            if machine.replaces in out and machine.record is None:
                covered.add(machine.replaces)
            decisions += _of_stand_in(machine, out)
        elif machine.spare and _is_ready(machine):
            free.setdefault(machine.pool, []).append(machine)
    for machine in out.values():
        ready = free.get(machine.pool)
        # A spare without work leaves no gap, and one with work the gap of the machine before it.
        leaves_gap = not machine.spare and not machine.replaces and machine.name not in covered
        if ready and leaves_gap:
            decisions.append(_activated(ready.pop(0), machine.name))
    return decisions


def _of_stand_in(machine: Machine, out: Collection[str]) -> list[Decision]:
    """Return what to do about a spare that works in place of another machine."""
    instead = machine.replaces
    if machine.record is not None:
        return [Decision(machine.name, Act.RETIRE, "it is under repair itself", machine.record)]
    if instead not in out:
        return [Decision(machine.name, Act.RETIRE, f"{instead} is back", None)]
    # A deployment puts a spare's taint back as the plan says.
    return [_activated(machine, instead)] if machine.spare else []


def _activated(spare: Machine, instead: str) -> Decision:
    return Decision(spare.name, Act.ACTIVATE, f"works in place of {instead}", None, instead)


def _is_ready(machine: Machine) -> bool:
    """Return whether a spare may work: nothing is wrong with it, and nobody keeps it out of work."""
    is_well = machine.record is None and not machine.faults
    return is_well and machine.cordon is Cordon.NONE and not machine.maintainer


def _next(machine: Machine, policy: Policy, now: datetime, breaker: _Breaker) -> Decision | None:
    """Return what to do about one machine; None for nothing, or for waiting."""
    record = machine.record
    if record is None:
        return _begin(machine, now)
    if machine.cordon is Cordon.NONE:
        # Somebody lifted the cordon, or an older controller died between two writes that were not one.
        return _cordoned_again(machine, record, now)
    if machine.held:
        reason = f"{machine.held}; its repair goes on at {record.step} afterwards"
        return Decision(machine.name, Act.HOLD, reason, record) if record.step is not Step.TICKET else None
    if record.step is Step.DRAIN:
        return _drain(machine, record, policy, now, breaker)
    if record.step in {Step.RESET, Step.REBOOT}:
        return _await_remedy(machine, record, policy, now)
    return _await_acceptance(machine, record, policy, now) if record.step is Step.ACCEPT else None


def _of_others(machine: Machine) -> Decision | None:
    """Say of a machine that somebody else maintains that its repair waits; its cordon is theirs as well."""
    record = machine.record
    reason = f"it is maintained by {machine.maintainer}"
    if record is not None and record.step is not Step.TICKET:
        return Decision(
            machine.name, Act.HOLD, f"{reason}; its repair goes on at {record.step} afterwards", record
        )
    if record is None and machine.faults:
        return Decision(machine.name, Act.HOLD, f"{reason}; its repair begins afterwards", None)
    return None


def _begin(machine: Machine, now: datetime) -> Decision | None:
    """Begin the repair of a machine with a fault, or of one whose record was removed or damaged."""
    if not machine.faults and machine.cordon is not Cordon.OWN:
        return None
    cause = _fault_text(machine.faults) or "its record was removed"
    # Cordoned by somebody else, it is drained and repaired all the same, and stays cordoned at the end.
    record = Record(Step.DRAIN, now, cause)
    return Decision(machine.name, Act.CORDON, cause, record)


def _cordoned_again(machine: Machine, record: Record, now: datetime) -> Decision:
    """Cordon a machine whose repair has begun and that takes pods; it may have some again."""
    reason = "its repair is not over, and the machine was uncordoned"
    if record.step is not Step.TICKET:
        record = replace(_at(record, Step.DRAIN, now, record.attempts), partial=False)
    return Decision(machine.name, Act.CORDON, reason, record)


def _drain(machine: Machine, record: Record, policy: Policy, now: datetime, breaker: _Breaker) -> Decision:
    """Evict a machine's pods, and go on when it has none."""
    if not machine.blocking_pods:
        is_own = not machine.domains & breaker.failed
        return _remedy(machine, record, policy, now, is_own=is_own)
    refusal = breaker.refusal(machine, record)
    if refusal:
        return Decision(machine.name, Act.WAIT, refusal, record)
    if not record.drains:
        breaker.take(machine)
    pods_text = counted(machine.blocking_pods, "pod")
    if machine.spared:
        pods_text += f"; {machine.spared} without the GPUs with faults run on"
    return Decision(machine.name, Act.EVICT, pods_text, replace(record, drains=True))


def _remedy(machine: Machine, record: Record, policy: Policy, now: datetime, *, is_own: bool) -> Decision:
    """Request what the worst fault of an empty machine asks for.

    Args:
        machine: the machine.
        record: its repair.
        policy: how it is repaired.
        now: the moment.
        is_own: whether the fault is the machine's, and not that of a domain that has failed as a whole.
    """
    if not machine.faults:
        return _test(machine, record, now)
    worst = max(fault.remedy for fault in machine.faults)
    reason = _fault_text(machine.faults)
    recent = tuple(moment for moment in machine.repairs if now - moment < policy.relapse_window)
    if is_own and not record.attempts and len(recent) >= policy.relapses:
        days, times = policy.relapse_window / timedelta(days=1), counted(len(recent), "time")
        return _give_up(record, machine, now, f"{reason}; it was repaired {times} in {days:g} days")
    # A reset that did not help is not repeated.
    if worst is Remedy.REBOOT or record.attempts:
        decision = _escalate(machine, record, policy, now, reason)
    else:
        gpus = _named_gpus(machine.faults)
        reset = replace(_at(record, Step.RESET, now, 1), gpus=gpus, partial=machine.spared > 0)
        decision = Decision(machine.name, Act.RESET, reason, reset)
    is_first = is_own and not record.attempts
    return replace(decision, repairs=(*recent, now)) if is_first else decision


def _await_remedy(machine: Machine, record: Record, policy: Policy, now: datetime) -> Decision | None:
    """Go on when no fault is reported any more, and try more when one still is after the time allowed."""
    if not machine.faults:
        return _test(machine, record, now)
    limit = policy.reset if record.step is Step.RESET else policy.reboot
    if now - record.since < limit:
        return None
    reason = f"{_fault_text(machine.faults)}, {limit} after the request: {record.step}"
    return _escalate(machine, record, policy, now, reason)


def _test(machine: Machine, record: Record, now: datetime) -> Decision:
    """Request the acceptance of a machine that reports no fault."""
    reason = f"reports no fault any more; it had {record.cause}"
    return Decision(machine.name, Act.ACCEPT, reason, _at(record, Step.ACCEPT, now, record.attempts))


def _await_acceptance(machine: Machine, record: Record, policy: Policy, now: datetime) -> Decision | None:
    """Return an accepted machine to work; one that was not accepted, or has a fault again, goes back."""
    if machine.faults:
        return _escalate(machine, record, policy, now, f"{_fault_text(machine.faults)}, in its acceptance")
    if machine.accepted is False:
        return _escalate(machine, record, policy, now, "it was not accepted")
    if machine.accepted:
        return Decision(machine.name, Act.RETURN, f"accepted; it had {record.cause}", None)
    if now - record.since >= policy.accept:
        return _give_up(record, machine, now, f"no acceptance within {policy.accept}")
    return None


def _escalate(machine: Machine, record: Record, policy: Policy, now: datetime, reason: str) -> Decision:
    """Restart a machine that the last attempt did not help, or give it up."""
    if record.attempts >= policy.attempts:
        return _give_up(record, machine, now, reason)
    if record.partial:
        reason += "; before it restarts, the pods that ran on have to go"
        whole = replace(_at(record, Step.DRAIN, now, record.attempts), partial=False)
        return Decision(machine.name, Act.CORDON, reason, whole)
    attempts = record.attempts + 1
    return Decision(machine.name, Act.REBOOT, reason, _at(record, Step.REBOOT, now, attempts))


def _give_up(record: Record, machine: Machine, now: datetime, reason: str) -> Decision:
    # Whoever looks at it then begins its count anew.
    ticket = _at(record, Step.TICKET, now, record.attempts)
    return Decision(machine.name, Act.GIVE_UP, reason, ticket, repairs=())


def _at(record: Record, step: Step, now: datetime, attempts: int) -> Record:
    return replace(record, step=step, since=now, attempts=attempts, gpus=(), drains=False)


def _breaker(
    machines: Sequence[Machine],
    policy: Policy,
    now: datetime,
    sizes: Mapping[str, int],
    budgets: Sequence[Budget],
) -> _Breaker:
    """Return how many more machines may be drained of running work.

    What is drained already is counted first: the breaker stops new drains while others go on.
    """
    silent = domain_sizes(machine for machine in machines if _is_silent(machine))
    domains: set[str] = set()
    pools: set[str] = set()
    for machine in machines:
        domains |= machine.domains
        pools.add(_pool_key(machine))
    drainable = _drainable(pools, sizes, policy.unavailable) | _drainable(domains, sizes, policy.per_domain)
    failed = []
    for name in domains:
        if sizes[name] > 1 and silent.get(name, 0) > policy.per_domain * sizes[name]:
            failed.append(name)
    for machine in machines:
        if machine.record is not None and machine.record.drains and machine.pods:
            for name in (_pool_key(machine), *machine.domains):
                drainable[name] -= 1
    out: dict[Budget, list[str]] = {}
    for budget in budgets:
        out[budget] = out_of_work(machines, budget)
    return _Breaker(now, drainable, frozenset(failed), out)


def out_of_work(machines: Iterable[Machine], budget: Budget) -> list[str]:
    """Return the machines of a budget that are out of work, whoever took them out."""
    return [
        machine.name for machine in machines if machine.name in budget.machines and _is_out_of_work(machine)
    ]


def _is_out_of_work(machine: Machine) -> bool:
    """Return whether nothing can run on a machine: it is drained, repaired, silent or somebody's cordon.

    One that waits for its drain still has its work, and a spare that is kept ready never had any.
    """
    if machine.spare:
        return False
    record = machine.record
    if record is None:
        return _is_silent(machine) or machine.cordon is Cordon.FOREIGN or bool(machine.maintainer)
    waits = record.step is Step.DRAIN and not record.drains and machine.pods > 0
    return not waits or _is_silent(machine)


def _drainable(names: Collection[str], sizes: Mapping[str, int], share: float) -> dict[str, int]:
    """Return how many machines of each pool or domain may be drained at a time: at least one."""
    drainable = {}
    for name in names:
        # Rounded first: 0.29 of 100 is 28.999999999999996 in binary.
        drainable[name] = max(1, int(round(sizes[name] * share, 6)))
    return drainable


def _is_silent(machine: Machine) -> bool:
    """Return whether a machine's kubelet reports nothing; one that reports a fault can be drained."""
    return any(fault.kind == NOT_READY for fault in machine.faults)


def _pool_key(machine: Machine) -> str:
    """Return a pool's name as the breaker counts it: a rack may have the same."""
    return f"pool {machine.pool}"


def _named_gpus(faults: Iterable[Fault]) -> tuple[int, ...]:
    """Return the GPUs that faults name; empty, which means all, where one names none or they are many."""
    gpus: set[int] = set()
    for fault in faults:
        if fault.gpu is None:
            return ()
        gpus.add(fault.gpu)
    return tuple(sorted(gpus)) if len(gpus) <= _MOST_GPUS else ()


def gpus_to_reset(faults: Collection[Fault]) -> tuple[int, ...]:
    """Return the GPUs whose reset is all that is tried first; empty where that is not so."""
    is_reset = all(fault.remedy is Remedy.RESET for fault in faults)
    return _named_gpus(faults) if is_reset else ()


def _fault_text(faults: Sequence[Fault]) -> str:
    """Return faults in words that a record has room for: the first of them, and how many more there are."""
    named = [str(fault)[:_LONGEST_FAULT] for fault in faults[:_MOST_NAMED]]
    more = len(faults) - len(named)
    return ", ".join([*named, f"and {counted(more, 'more fault')}"] if more else named)

"""Machines in virtual time: what is broken in them, what they report of it, and what the repair core decides.

Decisions are those of `repair/decide.py`, on the same observation as on a cluster; `carried_out` is what
`repair/controller.py` writes to a Node. What a machine reports of a fault is what its agents would
(`sim/fault_reports.py`): tests hold both to the real writer and the real reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sovereign_ai.assess import FaultDomain, FaultEvent
from sovereign_ai.catalog.vendors import FaultCodes
from sovereign_ai.operate.repair.decide import (
    Act,
    Cordon,
    Decision,
    Machine,
    Policy,
    decide,
    domain_sizes,
    is_quiet,
)
from sovereign_ai.operate.repair.faults import Fault, Remedy, remedy_for
from sovereign_ai.operate.repair.record import Step
from sovereign_ai.operate.repair.view import GRACE, Place
from sovereign_ai.plan import Node

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The moment at which virtual time begins; nothing depends on which it is."""


def moment_of(seconds: float) -> datetime:
    """Return a moment of virtual time, as the repair core knows it."""
    return EPOCH + timedelta(seconds=seconds)


def reported_fault(event: FaultEvent, codes: FaultCodes | None, port_check: str) -> Fault | None:
    """Return what the repair controller reads of a fault on one of its machines; None where that is no fault.

    Args:
        event: the fault.
        codes: the fault codes of the GPUs' vendor.
        port_check: the check that watches ports of the compute fabric.
    """
    if event.domain.is_silent:
        return Fault("NotReady", None, 0, Remedy.REBOOT)
    if event.domain.has_code:
        remedy = remedy_for(event.code, codes) if codes else Remedy.NOTHING
        return Fault("Xid", event.gpu, event.code, remedy) if remedy else None
    if event.domain.passes:
        # What is lost at ports that are up is an event of the Node, which asks for nothing.
        return None
    if event.domain is FaultDomain.THERMAL:
        return Fault("GpuThermalWatch", 0, 0, Remedy.REBOOT)
    return Fault(port_check, None, 0, Remedy.REBOOT)


def report_delay(event: FaultEvent) -> float:
    """Return the seconds until a fault counts: a node that is late for less is not one that failed."""
    return GRACE.total_seconds() if event.domain.is_silent else 0.0


def carried_out(machine: Machine, decision: Decision) -> Machine:
    """Return what is observed of a machine when a decision about it was carried out."""
    if not decision.is_written:
        return machine
    if decision.act is Act.EVICT:
        return replace(machine, pods=0)
    repairs = machine.repairs if decision.repairs is None else decision.repairs
    changed = replace(machine, record=decision.record, accepted=None, repairs=repairs)
    if decision.act is Act.CORDON and machine.cordon is Cordon.NONE:
        return replace(changed, cordon=Cordon.OWN)
    if decision.act is Act.RETURN and machine.cordon is Cordon.OWN:
        return replace(changed, cordon=Cordon.NONE)
    if decision.act in {Act.ACTIVATE, Act.RETIRE}:
        return replace(changed, spare=decision.act is Act.RETIRE, replaces=decision.replaces)
    return changed


class VirtualFleet:
    """The machines of one cluster.

    Attributes:
        machines: what is observed of each, by name.
        broken: machine to the seconds until which its hardware is broken; a machine without is sound.
        unusable: the machines on which no job may start: broken, cordoned, or kept as spares.
    """

    def __init__(self, nodes: Iterable[Node], placed: Mapping[str, Place], policy: Policy) -> None:
        """Begin with sound machines.

        Args:
            nodes: the machines of the plan.
            placed: where each stands.
            policy: how they are repaired.
        """
        self._policy = policy
        self.machines: dict[str, Machine] = {}
        self.broken: dict[str, float] = {}
        self.unusable: set[str] = set()
        self._active: set[str] = set()
        for node in nodes:
            place = placed[node.name]
            self._put(Machine(node.name, place.pool, place.domains, spare=node.spare))
        self._order = {name: number for number, name in enumerate(self.machines)}
        self._sizes = domain_sizes(self.machines.values())

    def break_hardware(self, name: str, until: float) -> None:
        """Break a machine's hardware until a moment; a later one that stands already stays."""
        self.broken[name] = max(until, self.broken.get(name, 0.0))
        self.unusable.add(name)

    def report(self, name: str, fault: Fault) -> None:
        """Let a machine report a fault, if it is still broken."""
        machine = self.machines[name]
        if name in self.broken and fault not in machine.faults:
            self._put(replace(machine, faults=(*machine.faults, fault)))

    def exchange(self, name: str, now: float) -> None:
        """Have parts of a machine exchanged by a person, who also removes the record of a repair given up."""
        if now < self.broken.get(name, 0.0):
            return
        self.broken.pop(name, None)
        machine = replace(self.machines[name], faults=())
        if machine.record is not None and machine.record.step is Step.TICKET:
            machine = replace(machine, record=None)
        self._put(machine)

    def accept(self, name: str, since: datetime) -> None:
        """Report that a machine passed the acceptance that was requested at a moment."""
        machine = self.machines[name]
        record = machine.record
        if record is not None and record.step is Step.ACCEPT and record.since == since:
            self._put(replace(machine, accepted=True))

    def decide(self, now: float, is_held: Callable[[str], bool]) -> tuple[Decision, ...]:
        """Return what the repair core decides now.

        Args:
            now: seconds of virtual time.
            is_held: whether pods of a job run on a machine.
        """
        observed = []
        for name in sorted(self._active, key=self._order.__getitem__):
            machine = self.machines[name]
            # As on a cluster, pods are counted only where a decision depends on them.
            has_pods = machine.record is not None and is_held(name)
            observed.append(replace(machine, pods=1) if has_pods else machine)
        return decide(observed, self._policy, moment_of(now), self._sizes)

    def carry_out(self, decision: Decision) -> None:
        """Carry out one decision."""
        self._put(carried_out(self.machines[decision.machine], decision))

    def _put(self, machine: Machine) -> None:
        """Hold what is observed of a machine now."""
        name = machine.name
        self.machines[name] = machine
        is_unusable = name in self.broken or machine.spare or machine.cordon is not Cordon.NONE
        (self.unusable.add if is_unusable else self.unusable.discard)(name)
        (self._active.discard if is_quiet(machine) else self._active.add)(name)

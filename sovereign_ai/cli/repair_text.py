"""Machines under repair, for a person and a program: how far each is, and what holds it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sovereign_ai.cli.output import table, wrapped

if TYPE_CHECKING:
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.operate import HeldPod, Machine, Policies

_NONE: Mapping[str, Sequence[HeldPod]] = {}


def held_back(policies: Policies, machines: Sequence[Machine], now: datetime) -> dict[str, str]:
    """Return why the repair of machines does not go on now, by machine: what the controller would decide.

    Args:
        policies: how machines are repaired, within the disruption budgets.
        machines: all machines of the cluster, as they are now.
        now: the moment.
    """
    from sovereign_ai.operate import Act

    reasons = {}
    for machine in machines:
        group = policies.groups.get(machine.name)
        if group is not None and not group.repair:
            reasons[machine.name] = f"the group {group.name} leaves its machines alone"
    for decision in policies.decide(machines, now):
        if decision.act in {Act.WAIT, Act.HOLD}:
            reasons[decision.machine] = decision.reason
    return reasons


def drain_holds(
    api: Api, machines: Sequence[Machine], now: datetime, grace_of: Callable[[str], timedelta] | None = None
) -> dict[str, tuple[HeldPod, ...]]:
    """Return the pods that hold the drain of machines, by machine.

    Args:
        api: the cluster.
        machines: the machines.
        now: the moment.
        grace_of: returns how long a pod of a machine may take to end; left out, pods that end are not named.
    """
    from sovereign_ai.operate import Step, holds_of_drains

    draining = {}
    for machine in machines:
        record = machine.record
        if record is not None and record.step is Step.DRAIN and machine.pods:
            draining[machine.name] = record.since
    return holds_of_drains(api, draining, now, grace_of)


def machine_lines(
    machines: Sequence[Machine], held: Mapping[str, str], holds: Mapping[str, Sequence[HeldPod]] = _NONE
) -> Iterator[str]:
    """Yield a table of machines, and below it what holds some of them back.

    Args:
        machines: those with faults or under repair.
        held: what `held_back` returns.
        holds: what `drain_holds` returns.
    """
    from sovereign_ai.operate import held_text

    rows = []
    for machine in machines:
        faults = ", ".join(map(str, machine.faults)) or "-"
        step = str(machine.record.step) if machine.record else "-"
        cause = machine.record.cause if machine.record else "-"
        if machine.name in held:
            step = "held back" if machine.record is None else f"{step}, held back"
        elif machine.name in holds:
            step = f"{step}, held by pods"
        rows.append((machine.name, step, machine.cordon, faults, cause))
    if rows:
        yield from table(["machine", "repair", "cordoned by", "faults now", "began with"], rows)
    for machine in machines:
        if machine.name in held:
            yield from wrapped(f"{machine.name} is held back: {held[machine.name]}")
        elif machine.name in holds:
            since = f"{machine.record.since:%Y-%m-%dT%H:%MZ}" if machine.record else "now"
            text = held_text(holds[machine.name])
            yield from wrapped(f"the drain of {machine.name}, begun {since}, waits for {text}")


def machine_data(machine: Machine, held: str | None, holds: Sequence[HeldPod] = ()) -> Mapping[str, object]:
    """Return a machine as plain data; `held` says what holds its repair back, `holds` which pods do."""
    record = None
    if machine.record:
        record = asdict(machine.record) | {"since": machine.record.since.isoformat()}
    return {
        "machine": machine.name,
        "pool": machine.pool,
        "cordon": machine.cordon,
        "faults": [str(fault) for fault in machine.faults],
        "repair": record,
        "held_back": held,
        "maintainer": machine.maintainer or None,
        "held_pods": [asdict(each) for each in holds],
    }

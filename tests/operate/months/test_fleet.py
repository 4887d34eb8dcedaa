"""The virtual fleet reports as simulated machines do, and changes as the controller's writes say."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.assess import FailureDomains, FaultDomain, FaultEvent
from sovereign_ai.operate import observe_machines, places
from sovereign_ai.operate.months.fleet import EPOCH, VirtualFleet, carried_out, moment_of, reported_fault
from sovereign_ai.operate.months.month import read_site
from sovereign_ai.operate.repair.controller import RepairController
from sovereign_ai.operate.repair.decide import Act, Cordon, Machine, Policy, decide, domain_sizes, is_quiet
from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.record import Record, Step
from sovereign_ai.sim.factory import simulate
from sovereign_ai.sim.fault_replay import FaultReplay
from tests.operate.repair.test_controller import NOW, PLACED, Cluster, merge
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool
from tests.sim.test_fault_replay import Versioned

FACTORY = factory_of(pool("train"))
PLAN = plan_of(FACTORY)
MACHINE = "train-0001"
XID = Fault("Xid", 0, 48, Remedy.RESET)


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        (FaultDomain.GPU, 48),
        (FaultDomain.GPU, 79),
        (FaultDomain.APPLICATION, 31),
        (FaultDomain.THERMAL, 0),
        (FaultDomain.NIC, 0),
        (FaultDomain.NODE, 0),
    ],
)
def test_a_virtual_machine_reports_what_is_read_of_a_simulated_one(domain: FaultDomain, code: int) -> None:
    api = Versioned()
    simulate(api, FACTORY, PLAN, CLUSTER)
    event = FaultEvent(0.0, domain, MACHINE, 3, code, 0.0)
    FaultReplay(api, FACTORY, PLAN, CLUSTER).report(event, datetime(2020, 1, 1, tzinfo=UTC))
    placed = places(PLAN, CLUSTER)
    view = observe_machines(api, placed, datetime.now(UTC) + timedelta(minutes=1))
    (read,) = (machine.faults for machine in view.machines if machine.name == MACHINE)
    virtual = reported_fault(event, placed[MACHINE].codes, "EthernetStateCheck")
    assert read == ((virtual,) if virtual else ())


def test_a_machine_behind_a_switch_reports_the_same_in_virtual_time() -> None:
    factory, plan = stack("lab")
    placed, units = places(plan, "lab"), FailureDomains(plan, "lab").units
    for domain in (FaultDomain.SWITCH_DAEMON, FaultDomain.LEAF, FaultDomain.RAIL):
        api = Versioned()
        simulate(api, factory, plan, "lab")
        unit, behind = next(iter(units[domain].items()))
        event = FaultEvent(0.0, domain, unit, None, 0, 0.0)
        FaultReplay(api, factory, plan, "lab").report(event, datetime(2020, 1, 1, tzinfo=UTC))
        for machine in observe_machines(api, placed, datetime.now(UTC)).machines:
            check = read_site(plan, "lab", (), Policy()).port_check
            virtual = reported_fault(event, placed[machine.name].codes, check)
            assert machine.faults == ((virtual,) if virtual and machine.name in behind else ())


def random_machine(numbers: random.Random, name: str) -> Machine:
    step = numbers.choice([None, None, *Step])
    record = Record(step, NOW, "why", numbers.randrange(3)) if step else None
    return Machine(
        name,
        "train",
        frozenset({f"rack {numbers.randrange(3)}"}),
        (XID,) if numbers.random() < 0.4 else (),
        numbers.choice(list(Cordon)),
        numbers.randrange(2),
        record,
        numbers.choice([None, True, False]) if step is Step.ACCEPT else None,
        spare=numbers.random() < 0.3,
    )


def test_quiet_machines_may_be_left_out_of_a_decision() -> None:
    for seed in range(200):
        numbers = random.Random(seed)  # noqa: S311 - no secret
        machines = [random_machine(numbers, f"m{number}") for number in range(12)]
        for number in range(20):
            machines.append(Machine(f"quiet-{number}", "train", frozenset({f"rack {number % 3}"})))
        loud = [machine for machine in machines if not is_quiet(machine)]
        assert len(loud) < len(machines)
        whole = decide(machines, Policy(), NOW)
        assert decide(loud, Policy(), NOW, domain_sizes(machines)) == whole, seed


def test_a_decision_changes_a_virtual_machine_as_its_write_changes_a_node() -> None:
    acts = set()
    for seed in range(8):
        numbers = random.Random(seed)  # noqa: S311 - no secret
        cluster = Cluster()
        controller = RepairController(cluster, PLACED, Policy(), "first")
        for name in PLACED:
            shake(numbers, cluster, name)
        for rounds in range(12):
            now = NOW + timedelta(minutes=rounds * 7)
            before = observe_machines(cluster, PLACED, now).machines
            known = {machine.name: machine for machine in before}
            for done in controller.round(now):
                acts.add(done.decision.act)
                if not done.refused:
                    name = done.decision.machine
                    known[name] = carried_out(known[name], done.decision)
            after = observe_machines(cluster, PLACED, now).machines
            for machine in after:
                # Pods are counted where a machine is drained, and a verdict read where it is awaited.
                expected = replace(known[machine.name], pods=machine.pods, accepted=machine.accepted)
                assert second_exact(expected) == machine, (seed, rounds)
            for machine in after:
                if machine.record and machine.record.step is Step.ACCEPT and numbers.random() < 0.5:
                    verdict = {"sovereign-ai.internal/acceptance": f"passed at {now.isoformat()}"}
                    cluster.change(machine.name, verdict)
            cluster.rules = [rule for rule in cluster.rules if numbers.random() < 0.6]
    assert {Act.CORDON, Act.RESET, Act.REBOOT, Act.ACCEPT, Act.RETURN, Act.ACTIVATE, Act.RETIRE} <= acts


def shake(numbers: random.Random, cluster: Cluster, name: str) -> None:
    """Break, cordon or keep a machine as a spare, or leave it."""
    chance = numbers.random()
    if chance < 0.3:
        cluster.break_gpu(name, numbers.choice((48, 79)))
    elif chance < 0.4:
        cluster.change(name, {}, unschedulable=True)
    elif chance < 0.6:
        spare: dict[str, Any] = {
            "key": "sovereign-ai.internal/spare",
            "value": "true",
            "effect": "NoSchedule",
        }
        merge(cluster.nodes[name]["spec"], {"taints": [spare]})


def second_exact(machine: Machine) -> Machine:
    """Return a machine as its record is read back: moments in whole seconds."""
    if machine.record is None:
        return machine
    since = machine.record.since.replace(microsecond=0)
    return replace(machine, record=replace(machine.record, since=since))


def test_a_machine_is_out_until_its_parts_are_there_and_a_person_ended_its_ticket() -> None:
    fleet = VirtualFleet(PLAN.nodes, places(PLAN, CLUSTER), Policy())
    fleet.break_hardware(MACHINE, 500.0)
    fleet.report(MACHINE, XID)
    for decision in fleet.decide(0.0, lambda _name: False):
        fleet.carry_out(decision)
    assert MACHINE in fleet.unusable
    fleet.exchange(MACHINE, 499.0)
    assert fleet.machines[MACHINE].faults == (XID,)
    fleet.exchange(MACHINE, 500.0)
    assert (fleet.machines[MACHINE].faults, MACHINE in fleet.unusable) == ((), True)
    assert moment_of(500.0) - EPOCH == timedelta(seconds=500)

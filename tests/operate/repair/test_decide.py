"""Decisions about machines with faults, one at a time; `test_explored.py` has every order of them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from sovereign_ai.operate.months.fleet import carried_out
from sovereign_ai.operate.repair.decide import Act, Cordon, Decision, Machine, Policy, decide
from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.record import Record, Step

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
POLICY = Policy()
ECC = Fault("Xid", 3, 48, Remedy.RESET)
OFF_THE_BUS = Fault("Xid", 1, 79, Remedy.REBOOT)
NOT_READY = Fault("NotReady", None, 0, Remedy.REBOOT)
LINK = Fault("Xid", None, 74, Remedy.RESET)


def machine(name: str = "train-001", **facts: object) -> Machine:
    """Return a machine; of what is not said it has the default."""
    return replace(Machine(name, "train"), **facts)  # type: ignore[arg-type]


def at(step: Step, attempts: int = 0, minutes: float = 0) -> Record:
    """Return the record of a repair whose step began some minutes ago."""
    return Record(step, NOW - timedelta(minutes=minutes), "Xid 48 on GPU 3", attempts)


def of(*machines: Machine, policy: Policy = POLICY) -> list[Decision]:
    return list(decide(machines, policy, NOW))


def acts(*machines: Machine, policy: Policy = POLICY) -> dict[str, Act]:
    return {decision.machine: decision.act for decision in of(*machines, policy=policy)}


def test_a_machine_without_a_fault_is_left_alone_also_cordoned_by_somebody() -> None:
    assert of(machine(), machine("b", cordon=Cordon.FOREIGN)) == []


def test_a_fault_cordons_its_machine_and_says_which() -> None:
    (decision,) = of(machine(faults=(ECC, NOT_READY)))
    assert (decision.act, decision.reason) == (Act.CORDON, "Xid 48 on GPU 3, NotReady")
    assert decision.record == Record(Step.DRAIN, NOW, "Xid 48 on GPU 3, NotReady")


def test_pods_are_evicted_before_the_gpus_that_have_a_fault_are_reset() -> None:
    draining = machine(faults=(ECC,), record=at(Step.DRAIN), cordon=Cordon.OWN)
    assert acts(replace(draining, pods=3)) == {"train-001": Act.EVICT}
    (decision,) = of(draining)
    assert decision.act is Act.RESET
    assert decision.record == replace(at(Step.RESET, 1), gpus=(3,))


def test_a_gpu_off_the_bus_and_a_machine_that_does_not_answer_restart_without_a_reset() -> None:
    for fault in (OFF_THE_BUS, NOT_READY):
        draining = machine(faults=(ECC, fault), record=at(Step.DRAIN), cordon=Cordon.OWN)
        (decision,) = of(draining)
        assert (decision.act, decision.record) == (Act.REBOOT, at(Step.REBOOT, 1))


def test_a_reset_that_does_not_help_in_time_is_followed_by_a_restart_and_that_by_a_ticket() -> None:
    reset = machine(faults=(ECC,), record=at(Step.RESET, 1, minutes=4), cordon=Cordon.OWN)
    assert of(reset) == []
    (decision,) = of(replace(reset, record=at(Step.RESET, 1, minutes=5)))
    assert (decision.act, decision.record) == (Act.REBOOT, at(Step.REBOOT, 2))
    (decision,) = of(replace(reset, record=at(Step.REBOOT, 2, minutes=30)))
    assert (decision.act, decision.record) == (Act.GIVE_UP, at(Step.TICKET, 2))
    assert of(replace(reset, record=at(Step.TICKET, 2, minutes=600))) == []


def test_a_machine_returns_only_accepted_and_without_a_fault() -> None:
    well = machine(record=at(Step.RESET, 1), cordon=Cordon.OWN)
    (decision,) = of(well)
    assert (decision.act, decision.record) == (Act.ACCEPT, at(Step.ACCEPT, 1))
    accepting = replace(well, record=at(Step.ACCEPT, 1))
    assert of(accepting) == []
    assert [decision.record for decision in of(replace(accepting, accepted=True))] == [None]
    assert acts(replace(accepting, accepted=True)) == {"train-001": Act.RETURN}
    assert acts(replace(accepting, accepted=True, faults=(ECC,))) == {"train-001": Act.REBOOT}
    assert acts(replace(accepting, accepted=False)) == {"train-001": Act.REBOOT}
    assert acts(replace(accepting, accepted=False, record=at(Step.ACCEPT, 2))) == {"train-001": Act.GIVE_UP}
    assert acts(replace(accepting, record=at(Step.ACCEPT, 1, minutes=120))) == {"train-001": Act.GIVE_UP}


def test_a_cordon_that_somebody_lifts_is_put_back_until_the_repair_is_over() -> None:
    for step in Step:
        (decision,) = of(machine(record=at(step, 1), faults=(ECC,), pods=2))
        # It may have pods again, so that it is drained before anything is done to it.
        expected = Step.TICKET if step is Step.TICKET else Step.DRAIN
        assert (decision.act, decision.record) == (Act.CORDON, at(expected, 1))


def test_at_most_a_tenth_of_a_pool_is_drained_at_a_time_and_all_are_cordoned_at_once() -> None:
    fleet = [machine(f"train-{number:03d}", faults=(ECC,)) for number in range(20)]
    assert set(acts(*fleet).values()) == {Act.CORDON}
    busy = [replace(each, record=at(Step.DRAIN), cordon=Cordon.OWN, pods=1) for each in fleet]
    counted = list(acts(*busy).values())
    assert (counted.count(Act.EVICT), counted.count(Act.WAIT)) == (2, 18)
    # What has no work goes on, whatever the breaker says.
    idle = [replace(each, pods=0) for each in busy]
    assert set(acts(*idle).values()) == {Act.RESET}


def test_where_most_of_a_rack_is_silent_no_work_is_evicted_while_repairs_go_on() -> None:
    rack = frozenset({"rack hall-r001"})
    policy = Policy(unavailable=1.0)
    busy = [
        machine(
            f"n{number}", domains=rack, faults=(NOT_READY,), record=at(Step.DRAIN), cordon=Cordon.OWN, pods=1
        )
        for number in range(3)
    ]
    well = [machine("n3", domains=rack), machine("n4", domains=rack)]
    decisions = of(*busy, *well, policy=policy)
    assert {decision.act for decision in decisions} == {Act.WAIT}
    assert "rack hall-r001 has failed as a whole" in decisions[0].reason
    under_repair = replace(busy[0], pods=0, record=at(Step.RESET, 1, minutes=6))
    assert acts(under_repair, *busy[1:], *well, policy=policy)["n0"] is Act.REBOOT
    # Two of five are within the domain's share.
    assert acts(*busy[:2], *well, machine("n5", domains=rack), policy=policy) == {
        "n0": Act.EVICT,
        "n1": Act.EVICT,
    }


def test_machines_that_report_a_fault_of_their_domain_are_emptied_a_few_at_a_time() -> None:
    domain = frozenset({"NVLink domain serve-nvl001"})
    busy = []
    for number in range(6):
        tray = machine(f"n{number}", domains=domain, faults=(LINK,), record=at(Step.DRAIN))
        busy.append(replace(tray, cordon=Cordon.OWN, pods=1))
    counted = list(acts(*busy, policy=Policy(unavailable=1.0)).values())
    # Their kubelets answer, and nothing else would ever empty them.
    assert (counted.count(Act.EVICT), counted.count(Act.WAIT)) == (3, 3)


def test_cordons_come_before_everything_else() -> None:
    draining = machine("a", faults=(ECC,), record=at(Step.DRAIN), cordon=Cordon.OWN)
    assert [decision.act for decision in of(draining, machine("b", faults=(ECC,)))] == [Act.CORDON, Act.RESET]


def spare(name: str = "s1", **facts: object) -> Machine:
    return machine(name, spare=True, **facts)


def test_a_spare_of_the_pool_works_in_place_of_a_machine_until_that_is_back() -> None:
    broken = machine(faults=(ECC,), record=at(Step.RESET, 1), cordon=Cordon.OWN)
    elsewhere = replace(spare("other"), pool="serve")
    (decision,) = of(broken, elsewhere, spare(), spare("s2"))
    assert (decision.machine, decision.act, decision.replaces) == ("s1", Act.ACTIVATE, "train-001")
    works = machine("s1", replaces="train-001")
    assert of(broken, works, spare("s2")) == []
    (decision,) = of(machine(), works, spare("s2"))
    assert (decision.machine, decision.act, decision.replaces) == ("s1", Act.RETIRE, "")


def test_a_spare_that_is_broken_cordoned_or_under_repair_is_not_taken() -> None:
    broken = machine(faults=(ECC,), record=at(Step.TICKET, 2), cordon=Cordon.OWN)
    for unfit in (
        spare(cordon=Cordon.FOREIGN),
        spare(record=at(Step.TICKET), cordon=Cordon.OWN),
        spare(faults=(ECC,), record=at(Step.RESET, 1), cordon=Cordon.OWN),
    ):
        assert of(broken, unfit) == []


def test_a_spare_that_breaks_at_work_hands_over_to_the_next() -> None:
    broken = machine(faults=(ECC,), record=at(Step.TICKET, 2), cordon=Cordon.OWN)
    works = machine("s1", replaces="train-001", faults=(ECC,), record=at(Step.RESET, 1), cordon=Cordon.OWN)
    assert acts(broken, works, spare("s2")) == {"s1": Act.RETIRE, "s2": Act.ACTIVATE}


def test_a_taint_that_a_deployment_put_back_is_lifted_again() -> None:
    broken = machine(faults=(ECC,), record=at(Step.TICKET, 2), cordon=Cordon.OWN)
    (decision,) = of(broken, spare(replaces="train-001"))
    assert (decision.act, decision.replaces) == (Act.ACTIVATE, "train-001")


def flapping(days: tuple[float, ...], **facts: object) -> Machine:
    """Return an empty machine with a fault, which was repaired some days ago."""
    repairs = tuple(NOW - timedelta(days=day) for day in days)
    drained = machine(repairs=repairs, faults=(ECC,), record=at(Step.DRAIN), cordon=Cordon.OWN)
    return replace(drained, **facts)  # type: ignore[arg-type]


def test_a_machine_that_breaks_again_and_again_is_given_up_and_its_count_begins_anew() -> None:
    (decision,) = of(flapping((20, 10)))
    assert (decision.act, decision.repairs) == (Act.RESET, (*flapping((20, 10)).repairs, NOW))
    (decision,) = of(flapping((20, 10, 1)))
    assert (decision.act, decision.repairs) == (Act.GIVE_UP, ())
    assert "it was repaired 3 times in 28 days" in decision.reason
    # What is longer ago counts no more.
    assert acts(flapping((40, 30, 1))) == {"train-001": Act.RESET}


def test_a_further_attempt_of_one_repair_is_no_repair_of_its_own() -> None:
    again = flapping((1,), record=at(Step.DRAIN, 1))
    (decision,) = of(again)
    assert (decision.act, decision.repairs) == (Act.REBOOT, None)


def test_a_domain_that_fails_again_and_again_makes_no_ticket_of_its_machines() -> None:
    rack = []
    for number in range(4):
        facts: dict[str, object] = {"faults": (NOT_READY,), "domains": frozenset({"rack r"})}
        rack.append(replace(flapping((20, 10, 1), **facts), name=f"m{number}"))
    decisions = of(*rack)
    assert {decision.act for decision in decisions} == {Act.REBOOT}
    assert {decision.repairs for decision in decisions} == {None}


def test_a_machine_that_is_held_is_cordoned_and_then_left_alone() -> None:
    held = machine(faults=(ECC,), held="a person holds it: board on the bench")
    assert acts(held) == {"train-001": Act.CORDON}
    for step in Step:
        record = at(step, 1, minutes=600)
        for accepted in (None, True, False):
            for pods in (0, 3):
                waits = replace(held, record=record, cordon=Cordon.OWN, accepted=accepted, pods=pods)
                for decision in of(waits):
                    assert (decision.act, decision.record) == (Act.HOLD, record)
                    assert not decision.is_written


def test_months_of_drawn_faults_never_repair_a_machine_oftener_than_the_policy_says() -> None:
    """By a seeded virtual clock; a failed assertion names the seed, which replays it."""
    for seed in range(30):
        drawn = random.Random(seed)  # noqa: S311 - a seed for cases, and no secret
        fleet = {name: machine(name, domains=frozenset({"rack r"})) for name in ("a", "b", "c", "d")}
        repaired: dict[str, list[datetime]] = {name: [] for name in fleet}
        now = NOW
        for _ in range(400):
            now += timedelta(minutes=drawn.choice((1, 10, 60, 600)))
            happens(fleet, drawn)
            for decision in decide(list(fleet.values()), POLICY, now):
                if decision.act is Act.GIVE_UP:
                    repaired[decision.machine] = []
                elif decision.repairs:
                    repaired[decision.machine].append(now)
                fleet[decision.machine] = carried_out(fleet[decision.machine], decision)
            for name, moments in repaired.items():
                recent = [moment for moment in moments if now - moment < POLICY.relapse_window]
                assert len(recent) <= POLICY.relapses, (seed, name)
                assert fleet[name].record is None or fleet[name].cordon is not Cordon.NONE, seed


def happens(fleet: dict[str, Machine], drawn: random.Random) -> None:
    """Let something happen to a machine, or to the rack of all of them."""
    name = drawn.choice(sorted(fleet))
    its = fleet[name]
    match drawn.randrange(8):
        case 0:
            fleet[name] = replace(its, faults=(drawn.choice((ECC, OFF_THE_BUS, NOT_READY)),))
        case 1 | 2:
            fleet[name] = replace(its, faults=())
        case 3 | 4:
            fleet[name] = replace(its, accepted=drawn.random() < 0.8)
        case 5:
            fleet[name] = replace(its, held="" if its.held else "a person holds it")
        case 6:
            fleet[name] = replace(its, pods=drawn.randrange(2))
        case _ if drawn.random() < 0.2:
            for each, machine_ in list(fleet.items()):
                fleet[each] = replace(machine_, faults=(NOT_READY,))


@pytest.mark.parametrize("cordon", list(Cordon))
@pytest.mark.parametrize("step", [None, *Step])
def test_a_machine_that_somebody_else_maintains_is_not_touched_and_says_whose_it_is(
    step: Step | None, cordon: Cordon
) -> None:
    record = Record(step, NOW, "Xid 48", drains=True) if step else None
    broken = machine(faults=(ECC,), cordon=cordon, pods=2, record=record)
    decisions = of(replace(broken, maintainer="the network operator"))
    assert [decision.is_written for decision in decisions] == ([] if step is Step.TICKET else [False])
    for decision in decisions:
        assert decision.act is Act.HOLD
        assert "the network operator" in decision.reason
        assert decision.record == record


def test_a_spare_that_somebody_else_maintains_does_not_step_in() -> None:
    out = machine("m1", faults=(ECC,), cordon=Cordon.OWN, record=at(Step.REBOOT))
    spare = machine("s1", spare=True)
    assert Act.ACTIVATE in acts(out, spare).values()
    assert Act.ACTIVATE not in acts(out, replace(spare, maintainer="somebody")).values()


class Sharing(NamedTuple):
    """A machine in whose repair one pod may run on; where its pods are is what the environment knows.

    Attributes:
        here: the machine, as its Node and its agents tell of it.
        on_gpu: whether a pod runs on the GPU with the fault.
        beside: whether one runs on another GPU.
    """

    here: Machine
    on_gpu: bool
    beside: bool

    def observed(self) -> Machine:
        """Return the machine with its pods: counted in its drain, and spared before its first reset."""
        record = self.here.record
        if record is None or record.step is not Step.DRAIN:
            return replace(self.here, pods=0, spared=0)
        spares = self.here.faults == (ECC,) and not record.attempts
        return replace(self.here, pods=self.on_gpu + self.beside, spared=int(self.beside and spares))

    def decisions(self) -> list[Decision]:
        """Return what may be decided, before and after every limit of time."""
        made: list[Decision] = []
        for minutes in (0, 600):
            made += decide([self.observed()], POLICY, NOW + timedelta(minutes=minutes))
        return made

    def after(self, decision: Decision) -> Sharing:
        """Return what a decision leads to."""
        if decision.act is Act.EVICT:
            record = decision.record
            beside = self.beside and self.observed().spared > 0
            return Sharing(replace(self.here, record=record), on_gpu=False, beside=beside)
        here = carried_out(self.here, decision)
        record = replace(here.record, since=NOW) if here.record else None
        return self._replace(here=replace(here, record=record, repairs=()))

    def meanwhile(self) -> list[Sharing]:
        """Return what may happen without the controller."""
        worlds = [
            self._replace(here=replace(self.here, faults=faults)) for faults in ((), (ECC,), (NOT_READY,))
        ]
        if self.here.record and self.here.record.step is Step.ACCEPT:
            worlds += [self._replace(here=replace(self.here, accepted=verdict)) for verdict in (True, False)]
        return worlds


def test_in_no_order_of_events_is_a_gpu_reset_or_a_machine_restarted_under_a_pod_that_needs_it() -> None:
    waiting = [Sharing(machine(faults=(ECC,)), on_gpu=True, beside=True)]
    seen: set[Sharing] = set()
    acts = set()
    while waiting:
        world = waiting.pop()
        if world in seen:
            continue
        seen.add(world)
        for decision in world.decisions():
            acts.add(decision.act)
            assert decision.act not in {Act.RESET, Act.REBOOT} or not world.on_gpu
            assert decision.act is not Act.REBOOT or not world.beside
            assert decision.act is not Act.RETURN or (world.here.accepted and not world.here.faults)
            waiting.append(world.after(decision))
        waiting += world.meanwhile()
    assert {Act.RESET, Act.REBOOT, Act.RETURN, Act.GIVE_UP, Act.EVICT, Act.ACCEPT} <= acts
    assert len(seen) > 50

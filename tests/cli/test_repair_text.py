"""`repair status`: how far each machine is, and what holds it back until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sovereign_ai.cli.repair_text import held_back, machine_data, machine_lines
from sovereign_ai.operate import Budget, Cordon, Machine, Policies, Policy, Record, Step, one_policy
from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.policies import NodeGroup
from sovereign_ai.spec import MaintenanceWindow

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
"""A Friday."""
FAULT = Fault("Xid", 3, 48, Remedy.RESET)
WINDOW = MaintenanceWindow.model_validate({"days": ["sat"], "start": "22:00", "duration": "6 h"})


def broken(name: str, **fields: object) -> Machine:
    record = Record(Step.DRAIN, NOW, "Xid 48")
    machine = Machine(name, "train", faults=(FAULT,), cordon=Cordon.OWN, pods=2, record=record)
    return replace(machine, **fields)  # type: ignore[arg-type]


def within(budget: Budget) -> Policies:
    return replace(one_policy(Policy()), budgets=(budget,))


def test_a_drain_that_awaits_a_window_says_so_and_until_when() -> None:
    machine = broken("m1")
    held = held_back(within(Budget("pretraining", frozenset({"m1"}), None, (WINDOW,))), [machine], NOW)
    text = " ".join(" ".join(machine_lines([machine], held)).split())
    assert "Drain, held back" in text
    assert "budget pretraining opens at 2026-11-28T22:00Z" in text
    assert machine_data(machine, held["m1"])["held_back"] == held["m1"]


def test_a_drain_that_a_full_budget_holds_back_names_who_is_out_of_work() -> None:
    machines = [broken("m1"), Machine("m2", "train", cordon=Cordon.FOREIGN)]
    held = held_back(within(Budget("a", frozenset({"m1", "m2"}), 1)), machines, NOW)
    assert held.keys() == {"m1"}
    assert "m2" in held["m1"]


def test_a_drain_that_goes_on_and_one_without_work_are_not_held_back() -> None:
    budget = within(Budget("a", frozenset({"m1"}), None, (WINDOW,)))
    going_on = broken("m1", record=Record(Step.DRAIN, NOW, "Xid 48", drains=True))
    for machine in (going_on, broken("m1", pods=0)):
        held = held_back(budget, [machine], NOW)
        assert not held
        assert "held back" not in " ".join(machine_lines([machine], held))
        assert machine_data(machine, None)["held_back"] is None


def test_who_keeps_the_controller_from_a_machine_is_named() -> None:
    held = held_back(one_policy(Policy()), [broken("m1", held="board on the bench")], NOW)
    assert held["m1"].startswith("board on the bench")


def test_a_group_that_is_left_alone_is_named() -> None:
    machine = Machine("m1", "train", faults=(FAULT,))
    group = NodeGroup.model_validate({"name": "lent", "repair": False})
    held = held_back(Policies(Policy(), {"m1": group}), [machine], NOW)
    assert "lent" in held["m1"]
    assert any("held back" in line for line in machine_lines([machine], held))

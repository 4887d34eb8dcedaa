"""Disruption budgets: whose machines, how many, and when a window opens, also where clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sovereign_ai.operate.repair.budgets import Budget, budgets_of, is_open, next_opening
from sovereign_ai.operate.repair.decide import Act, Cordon, Machine, Policy, decide
from sovereign_ai.operate.repair.faults import NOT_READY, Fault, Remedy
from sovereign_ai.operate.repair.policies import NodeGroup, Policies
from sovereign_ai.operate.repair.record import Record, Step
from sovereign_ai.spec import DisruptionBudget, MaintenanceWindow
from sovereign_ai.units import Percent
from tests.render.lab import stack

FACTORY, PLAN = stack("lab")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""A Saturday."""
XID = Fault("Xid", 0, 48, Remedy.RESET)
SILENT = Fault(NOT_READY, None, 0, Remedy.REBOOT)
WIDE = Policy(unavailable=1.0, per_domain=1.0)


def window(**fields: Any) -> MaintenanceWindow:
    return MaintenanceWindow.model_validate({"start": "22:00", "duration": "6 h", **fields})


def waiting(name: str, **fields: Any) -> Machine:
    """Return a machine with a fault and work, which waits for its drain."""
    record = Record(Step.DRAIN, NOON, "why")
    return replace(Machine(name, "train", faults=(XID,), cordon=Cordon.OWN, pods=1, record=record), **fields)


def drained(machines: list[Machine], *budgets: Budget, now: datetime = NOON) -> list[str]:
    decisions = decide(machines, WIDE, now, budgets=budgets)
    return [decision.machine for decision in decisions if decision.act is Act.EVICT]


@pytest.mark.parametrize(
    ("fields", "machines", "most"),
    [
        ({"pools": ["train"], "max_unavailable": 2}, 12, 2),
        ({"pools": ["train"], "max_unavailable": "29 %"}, 12, 3),
        ({"pools": ["serve"], "max_unavailable": "10 %"}, 4, 1),
        ({"tenants": ["startups"], "max_unavailable": 1}, 4, 1),
        ({"windows": [{"start": "22:00", "duration": "6 h"}]}, 16, None),
    ],
)
def test_a_budget_holds_for_machines_of_its_pools_and_tenants(
    fields: dict[str, Any], machines: int, most: int | None
) -> None:
    described = DisruptionBudget.model_validate({"name": "a", **fields})
    (budget,) = budgets_of(FACTORY.model_copy(update={"disruption_budgets": (described,)}), PLAN, "lab")
    assert (len(budget.machines), budget.most) == (machines, most)


def test_a_share_of_a_budget_is_exact() -> None:
    assert Percent.parse("29 %").of(100) == 29


def test_of_many_machines_with_faults_no_more_are_drained_than_a_budget_allows() -> None:
    machines = [waiting(f"m{number}") for number in range(6)]
    budget = Budget("a", frozenset(machine.name for machine in machines), 2)
    assert drained(machines, budget) == ["m0", "m1"]
    assert drained(machines, budget, replace(budget, name="b", most=1)) == ["m0"]


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (waiting("o"), False),
        (waiting("o", record=Record(Step.DRAIN, NOON, "why", drains=True)), True),
        (waiting("o", record=Record(Step.REBOOT, NOON, "why"), pods=0), True),
        (waiting("o", record=Record(Step.ACCEPT, NOON, "why"), faults=(), pods=0), True),
        (waiting("o", record=Record(Step.TICKET, NOON, "why"), pods=0), True),
        (Machine("o", "train", faults=(SILENT,)), True),
        (Machine("o", "train", cordon=Cordon.FOREIGN), True),
        (Machine("o", "train"), False),
        (Machine("o", "train", spare=True, cordon=Cordon.FOREIGN), False),
    ],
)
def test_a_machine_that_is_out_of_work_counts_whoever_took_it_out(other: Machine, counts: bool) -> None:
    budget = Budget("a", frozenset({"o", "m"}), 1)
    assert ("m" in drained([waiting("m"), other], budget)) is not counts


def test_a_drain_that_has_begun_goes_on_when_its_window_closes_or_its_budget_is_full() -> None:
    begun = waiting("z", record=Record(Step.DRAIN, NOON, "why", drains=True))
    closed = Budget("a", frozenset({"z", "m"}), 1, (window(),))
    assert drained([waiting("m"), begun], closed) == ["z"]


def test_a_machine_with_an_earlier_name_does_not_take_the_place_of_one_that_is_being_drained() -> None:
    machines = [waiting("a"), waiting("b", record=Record(Step.DRAIN, NOON, "why", drains=True))]
    decisions = decide(machines, Policy(unavailable=0.5), NOON)
    assert [(each.machine, each.act) for each in decisions] == [("a", Act.WAIT), ("b", Act.EVICT)]


def test_a_silent_machine_is_not_held_back_since_it_is_out_of_work_already() -> None:
    silent = waiting("m", faults=(SILENT,))
    assert drained([silent], Budget("a", frozenset({"m"}), 1, (window(),))) == ["m"]


def test_a_closed_window_holds_drains_back_and_says_when_it_opens() -> None:
    budget = Budget("nights", frozenset({"m"}), None, (window(days=["sat"]),))
    (decision,) = decide([waiting("m")], WIDE, NOON, budgets=[budget])
    assert decision.act is Act.WAIT
    assert decision.reason == "the maintenance window of budget nights opens at 2026-11-28T22:00Z"
    assert drained([waiting("m")], budget, now=NOON + timedelta(hours=10)) == ["m"]


def test_a_machine_without_work_is_repaired_outside_of_every_window() -> None:
    budget = Budget("nights", frozenset({"m"}), 1, (window(),))
    (decision,) = decide([waiting("m", pods=0)], WIDE, NOON, budgets=[budget])
    assert decision.act is Act.RESET


def test_groups_of_nodes_keep_a_budget_together() -> None:
    machines = [waiting(f"m{number}") for number in range(4)]
    group = NodeGroup.model_validate({"name": "a", "unavailable": 1.0, "attempts": 3})
    budget = Budget("a", frozenset(machine.name for machine in machines), 1)
    policies = Policies(WIDE, {"m2": group, "m3": group}, (budget,))
    acts = [decision.act for decision in policies.decide(machines, NOON)]
    assert acts.count(Act.EVICT) == 1


@pytest.mark.parametrize(
    ("fields", "opens", "closes"),
    [
        # Clocks of Berlin go from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
        ({"start": "22:00", "days": ["sat"]}, "2026-03-28T21:00", "2026-03-29T03:00"),
        ({"start": "22:00", "days": ["sat"]}, "2026-10-24T20:00", "2026-10-25T02:00"),
        ({"start": "02:30", "days": ["sun"], "duration": "1 h"}, "2026-03-29T01:30", "2026-03-29T02:30"),
        ({"start": "02:30", "days": ["sun"], "duration": "1 h"}, "2026-10-25T00:30", "2026-10-25T01:30"),
    ],
)
def test_a_window_on_the_day_of_a_clock_change_opens_once_and_lasts_its_duration(
    fields: dict[str, Any], opens: str, closes: str
) -> None:
    windows = [window(time_zone="Europe/Berlin", **fields)]
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (opens, closes))
    minute = timedelta(minutes=1)
    assert next_opening(windows, first - minute) == first
    minutes = [first + minute * number for number in range(-120, 600)]
    assert [moment for moment in minutes if is_open(windows, moment)] == [
        moment for moment in minutes if first <= moment < last
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"])
def test_a_window_is_open_in_each_hour_in_which_a_walk_of_the_clock_finds_it_open(zone: str) -> None:
    """The judge walks local days from the epoch of the year on, and knows nothing of looking back."""
    windows = [
        window(start="23:30", duration="26 h", days=["fri"], time_zone=zone),
        window(start="01:00", duration="2 h", days=["sat", "tue"], time_zone=zone),
    ]
    spans = []
    for days in range(-10, 380):
        day = datetime(2026, 1, 1) + timedelta(days=days)  # noqa: DTZ001 - local, placed below
        for weekdays, hour, minute, hours in (({4}, 23, 30, 26), ({5, 1}, 1, 0, 2)):
            if day.weekday() in weekdays:
                start = day.replace(hour=hour, minute=minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
                spans.append((start, start + timedelta(hours=hours)))
    for hours in range(0, 8760, 7):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        assert is_open(windows, moment) == any(start <= moment < end for start, end in spans)


def test_a_window_of_a_whole_week_is_always_open() -> None:
    windows = [window(days=["mon"], duration="7 d")]
    assert all(is_open(windows, NOON + timedelta(hours=hours)) for hours in range(0, 400, 5))

"""The screen of `top`: every machine once, within 80 columns, and what is wrong is never cut off first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.cli.jobs_usage import HourPrice
from sovereign_ai.cli.top_text import (
    COLUMNS,
    MARKS,
    MachineState,
    Overview,
    TopMachine,
    TopQueue,
    TopWorkload,
    screen,
)
from sovereign_ai.cluster import ActiveAlert
from sovereign_ai.sim import Working
from sovereign_ai.verify import TenantUsage

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def overview(
    *states: MachineState, racks: int = 1, queues: int = 0, workloads: tuple[TopWorkload, ...] = ()
) -> Overview:
    machines = [
        TopMachine(f"train-{number:03}", "train", f"h1-r{number % racks:03}", state, 8, 4, 2_500, "Xid 79")
        for number, state in enumerate(states)
    ]
    listed = [TopQueue(f"queue-{number}", 1, 2) for number in range(queues)]
    return Overview("lab", NOON, machines, {"research": 12}, listed, workloads, 40_800, len(machines))


def test_every_state_has_a_mark_of_its_own() -> None:
    assert set(MARKS) == set(MachineState)
    assert len(set(MARKS.values())) == len(MARKS)


def test_a_screen_says_what_works_what_does_not_and_what_it_draws() -> None:
    lines = screen(overview(MachineState.HELD, MachineState.FREE, MachineState.FAULTY, MachineState.ABSENT))
    assert lines[:3] == [
        "lab  12:00:00",
        "2 of 4 machines in work",
        "out of work: 1 absent, 1 faulty",
    ]
    assert lines[3] == "10.0 kW by allocation, 25% of full load; 4 idle powers are estimates"
    assert "h1-r000  #.x?  10.0 kW" in lines
    assert lines[-2:] == ["train-002  faulty  Xid 79", "train-003  absent  Xid 79"]


def test_waiting_workloads_come_before_running_ones() -> None:
    workloads = (TopWorkload("a/b", "q", "running", 4), TopWorkload("z/z", "q", "waiting", 512))
    lines = screen(overview(MachineState.HELD, queues=1, workloads=workloads))
    assert lines.index("z/z       q      waiting   512") < lines.index("a/b       q      running     4")


def test_of_many_racks_those_with_machines_out_of_work_are_shown() -> None:
    states = [MachineState.HELD] * 400
    states[377] = MachineState.CORDONED
    lines = screen(overview(*states, racks=100), rows=24)
    assert len(lines) <= 24
    assert sum("h1-r077" in line for line in lines) == 1
    assert any(line.startswith("? absent  x faulty") for line in lines)
    assert any(line.startswith("? absent  x faulty") for line in lines)
    assert any(line.startswith("and 9") and line.endswith(" more racks") for line in lines)


def test_a_cluster_without_machines_has_a_screen() -> None:
    assert screen(overview())[:2] == ["lab  12:00:00", "0 of 0 machines in work"]


@pytest.mark.parametrize("rows", [None, 5, 24, 60])
@given(states=st.lists(st.sampled_from(MachineState), max_size=300), racks=st.integers(1, 60))
def test_no_line_is_wider_than_a_terminal(rows: int | None, states: list[MachineState], racks: int) -> None:
    for line in screen(overview(*states, racks=racks, queues=20), rows):
        assert len(line) <= COLUMNS


@given(
    states=st.lists(st.sampled_from(MachineState), min_size=1, max_size=300),
    shape=st.tuples(st.integers(1, 60), st.integers(0, 30), st.integers(0, 40), st.integers(0, 30)),
    rows=st.integers(10, 60),
    columns=st.integers(20, 200),
    stale=st.sampled_from(["", "as it was then; at 12:00:02: no answer"]),
)
def test_a_screen_neither_scrolls_nor_wraps_and_says_what_is_wrong(
    states: list[MachineState], shape: tuple[int, int, int, int], rows: int, columns: int, stale: str
) -> None:
    """A line that scrolls out of sight is the one that says when this was so."""
    racks, queues, works, tenants = shape
    workloads = tuple(TopWorkload(f"a/{number}", "q", "waiting", 4) for number in range(works))
    full = overview(*states, racks=racks, queues=queues, workloads=workloads)
    full = replace(full, tenants={f"tenant-{number}": 8 for number in range(tenants)}, working=HELD)
    full = replace(full, price=HourPrice(2.5, is_lower_bound=True), alerts=(FIRING,) * tenants)
    lines = screen(full, rows, columns, stale)
    assert len(lines) <= rows
    assert all(len(line) <= columns for line in lines)
    assert lines[0].startswith("lab")
    assert not stale or stale[:columns] in lines
    out = [state for state in states if state in {MachineState.FAULTY, MachineState.ABSENT}]
    assert not out or any(line.startswith("out of work") for line in lines)
    if out and rows >= 16:
        assert any(line.startswith("machine ") for line in lines)


@given(states=st.lists(st.sampled_from(MachineState), max_size=60), racks=st.integers(1, 9))
def test_each_machine_has_one_mark_in_its_rack(states: list[MachineState], racks: int) -> None:
    shown = [line.split()[1] for line in screen(overview(*states, racks=racks)) if line.startswith("h1-r")]
    assert sorted("".join(shown)) == sorted(MARKS[state] for state in states)


HELD = Working(gpus=128, working=88, stalled=8, by_namespace={"research": 96})
USED = TenantUsage("research", 2, 1_000.0, 1_300.0)
FIRING = ActiveAlert("GpuFault", "firing", "critical", "GPU 3 of node a", "2026-11-27T11:58:30.5Z", {})


def accounted(**more: Any) -> Overview:
    own = {"working": HELD, "usage": (USED,), "price": HourPrice(2.5, is_lower_bound=True)}
    return replace(overview(MachineState.HELD), **(own | more))


def test_goodput_and_cost_are_shown_with_what_stands_still_and_what_is_not_known() -> None:
    lines = screen(accounted())
    assert "88 of 128 GPUs at work, 69%; 8 held by work that stands still" in lines
    assert "240.00 EUR/h of GPUs that are held, a lower bound" in lines
    assert [line.split() for line in lines if line.startswith("research")] == [
        ["research", "12", "240.00", "1,000.0", "2,500.00"]
    ]
    whole = accounted(price=HourPrice(2.5, is_lower_bound=False), working=replace(HELD, stalled=0.0))
    assert "88 of 128 GPUs at work, 69%" in screen(whole)
    assert "240.00 EUR/h of GPUs that are held" in screen(whole)


def test_without_a_price_or_without_kueue_nothing_is_made_up() -> None:
    lines = screen(accounted(price=None, usage=()))
    assert not any("EUR/h of" in line for line in lines)
    assert [line.split() for line in lines if line.startswith("research")] == [
        ["research", "12", "-", "-", "-"]
    ]
    assert accounted(price=None).to_data()["euro_an_hour"] is None


def test_a_tenant_that_holds_nothing_now_still_has_used_something() -> None:
    lines = screen(accounted(tenants={}, working=replace(HELD, by_namespace={})))
    assert [line.split()[1:4] for line in lines if line.startswith("research")] == [["0", "-", "1,000.0"]]


def test_alerts_that_fire_are_shown_and_pending_ones_are_not() -> None:
    pending = replace(FIRING, name="NodeLost", state="pending")
    lines = screen(accounted(alerts=(FIRING, pending)))
    assert "GpuFault  11:58:30  GPU 3 of node a" in lines
    assert not any("NodeLost" in line for line in lines)
    silent = accounted(alerts=None)
    assert any("Prometheus gives no answer" in line for line in screen(silent))
    assert silent.to_data()["alerts"] is None


def test_what_is_accounted_is_in_the_data_for_programs() -> None:
    data = accounted(alerts=(FIRING,)).to_data()
    assert data["working"]["scheduling_goodput"] == 0.6875
    assert data["euro_an_hour"] == 240.0
    assert data["usage"][0]["gpu_hours"] == 1_000.0
    assert data["alerts"][0]["name"] == "GpuFault"

"""What `top` shows: the machines of a cluster by rack, who holds their GPUs, queues, faults and power.

One letter stands for a machine, in the plan's order within its rack:

    #  every GPU is held      +  some are      .  none is
    x  it has a fault         -  it is cordoned, without a fault
    !  it is not ready        ?  the cluster does not have it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sovereign_ai.cli.output import table
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.cli.jobs_usage import HourPrice
    from sovereign_ai.cluster import ActiveAlert
    from sovereign_ai.sim import Working
    from sovereign_ai.verify import TenantUsage

COLUMNS = 80
"""The width that the screen is laid out for."""
_ROWS = (12, 6, 3, 1)
"""Rows of each table, as there is room; what is left out is counted."""


class MachineState(StrEnum):
    """The state of a machine, the first that is true."""

    ABSENT = "absent"
    FAULTY = "faulty"
    NOT_READY = "not-ready"
    CORDONED = "cordoned"
    HELD = "held"
    PARTLY_HELD = "partly-held"
    FREE = "free"


MARKS = {
    MachineState.ABSENT: "?",
    MachineState.FAULTY: "x",
    MachineState.NOT_READY: "!",
    MachineState.CORDONED: "-",
    MachineState.HELD: "#",
    MachineState.PARTLY_HELD: "+",
    MachineState.FREE: ".",
}
_OUT_OF_WORK = frozenset(
    {MachineState.ABSENT, MachineState.FAULTY, MachineState.NOT_READY, MachineState.CORDONED}
)


@frozen_dataclass
class TopMachine:
    """One machine of the plan, as it is now.

    Attributes:
        name: the Node's name.
        pool: its pool.
        rack: its rack.
        state: its state.
        devices: its schedulable devices: GPUs, or MIG instances.
        held: devices that a running pod or a claim holds.
        watts: its power under this allocation.
        fault: what is reported of it, or how far its repair is; empty for nothing.
    """

    name: str
    pool: str
    rack: str
    state: MachineState
    devices: int
    held: int
    watts: int
    fault: str = ""


@frozen_dataclass
class TopQueue:
    """One ClusterQueue.

    Attributes:
        name: its name.
        running: workloads that it has admitted and that have not finished.
        waiting: workloads that wait in it.
    """

    name: str
    running: int
    waiting: int


@frozen_dataclass
class TopWorkload:
    """One workload of a queue that has not finished.

    Attributes:
        name: namespace and name.
        queue: its LocalQueue.
        state: `running` or `waiting`.
        pods: pods that it asks for.
    """

    name: str
    queue: str
    state: str
    pods: int


@frozen_dataclass
class Overview:
    """A cluster at one moment.

    Attributes:
        cluster: its name in the plan.
        observed_at: the moment.
        machines: those of the plan, in its order.
        tenants: namespace to the devices that its pods and claims hold.
        queues: every ClusterQueue; empty where the cluster serves none.
        workloads: those that run or wait.
        full_watts: the power of all machines at full load.
        estimated: machines whose idle power is an estimate.
        working: the GPUs that work, and those that are held and stand still; None where that is not asked.
        usage: what each tenant has used, of all that Kueue still holds.
        price: what a GPU-hour costs; None where nothing of it is known.
        alerts: alerts of the rendered rules, where Prometheus watches; None where it gives no answer.
    """

    cluster: str
    observed_at: datetime
    machines: Sequence[TopMachine]
    tenants: Mapping[str, int]
    queues: Sequence[TopQueue]
    workloads: Sequence[TopWorkload]
    full_watts: int
    estimated: int
    working: Working | None = None
    usage: Sequence[TenantUsage] = ()
    price: HourPrice | None = None
    alerts: Sequence[ActiveAlert] | None = ()

    @property
    def watts(self) -> int:
        """The power of all machines under this allocation."""
        return sum(machine.watts for machine in self.machines)

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "cluster": self.cluster,
            "observed_at": self.observed_at.isoformat(),
            "machines": [asdict(machine) for machine in self.machines],
            "tenants": dict(sorted(self.tenants.items())),
            "queues": [asdict(queue) for queue in self.queues],
            "workloads": [asdict(workload) for workload in self.workloads],
            "power": {"watts": self.watts, "full_watts": self.full_watts, "estimated": self.estimated},
            "working": self.working.to_data() if self.working else None,
            "usage": [asdict(usage) for usage in self.usage],
            "price": asdict(self.price) if self.price else None,
            "euro_an_hour": self.euro_an_hour,
            "alerts": None if self.alerts is None else [alert.to_data() for alert in self.alerts],
        }

    @property
    def euro_an_hour(self) -> float | None:
        """What the GPUs that are held cost in an hour; None where that is not known."""
        if self.price is None or self.working is None:
            return None
        return round(self.price.euro * sum(self.working.by_namespace.values()), 2)


def screen(overview: Overview, rows: int | None = None, columns: int = COLUMNS, stale: str = "") -> list[str]:
    """Return an overview as lines that no terminal of such a size wraps or scrolls.

    Where there is not room for everything, tables get shorter and racks fewer, and what can be asked for
    elsewhere goes first: who holds devices, then workloads, then queues. What is wrong stays.

    Args:
        overview: the cluster.
        rows: lines that there is room for. None for all of them.
        columns: the terminal's width; of a wide one, 80 are used.
        stale: why this is not what is so now; empty if it is.
    """
    lines: list[str] = []
    for left_out in range(len(_LESS_IMPORTANT) + 1):
        for most in _ROWS:
            lines = _laid_out(overview, rows, most, _LESS_IMPORTANT[:left_out], stale)
            if rows is None or len(lines) <= rows:
                return [line[: min(columns, COLUMNS)] for line in lines]
    return [line[: min(columns, COLUMNS)] for line in lines[:rows]]


_LESS_IMPORTANT = ("tenant", "workload", "queue", "pool")
"""Tables by the name of their first column, the first to be left out first."""


def _laid_out(
    overview: Overview, rows: int | None, most: int, left_out: Sequence[str], stale: str
) -> list[str]:
    """Return an overview with tables of at most so many rows, without some of the tables."""
    at = overview.observed_at.strftime("%H:%M:%S")
    head = [
        f"{overview.cluster}  {at}",
        *([stale] if stale else []),
        *_counted(overview),
        *_power(overview),
        *_goodput(overview),
    ]
    pool_head = ("pool", "machines", "out", "devices", "held", "share", "kW")
    tables: list[tuple[Sequence[str], Sequence[Sequence[object]]]] = [
        (_TENANT_HEAD, _tenant_rows(overview)),
        (("queue", "running", "waiting"), _queue_rows(overview.queues)),
        (("workload", "queue", "state", "pods"), _workload_rows(overview.workloads)),
        (("alert", "since", "what"), _alert_rows(overview.alerts)),
        (("machine", "state", "fault or repair"), _fault_rows(overview.machines)),
    ]
    pools = [] if "pool" in left_out else _section(pool_head, _pool_rows(overview.machines), most)
    below: list[str] = []
    for names, listed in tables:
        if names[0] not in left_out:
            below += _section(names, listed, most)
    room = None if rows is None else max(3, rows - len(head) - len(pools) - len(below) - 3)
    return [*head, *pools, "", *_racks(overview.machines, room), *below]


def _counted(overview: Overview) -> list[str]:
    """Return how many machines work, and how many do not for which reason."""
    states = Counter(machine.state for machine in overview.machines)
    out = sum(states[state] for state in _OUT_OF_WORK)
    lines = [f"{len(overview.machines) - out:,} of {counted(len(overview.machines), 'machine')} in work"]
    counts = [
        f"{states[state]:,} {state}" for state in MachineState if state in _OUT_OF_WORK and states[state]
    ]
    if counts:
        lines.append(f"out of work: {', '.join(counts)}")
    return lines


def _power(overview: Overview) -> list[str]:
    """Return the power of all machines beside that at full load, and how much of it is estimated."""
    share = overview.watts / overview.full_watts if overview.full_watts else 0.0
    lines = [f"{_kilowatts(overview.watts)} kW by allocation, {share:.0%} of full load"]
    if overview.estimated:
        estimated = counted(overview.estimated, "idle power is an estimate", "idle powers are estimates")
        lines[0] += f"; {estimated}"
    return lines


def _goodput(overview: Overview) -> list[str]:
    """Return the share of the GPUs that work, and what those that are held cost."""
    working = overview.working
    if working is None or not working.gpus:
        return []
    line = f"{working.working:,.4g} of {working.gpus:,.4g} GPUs at work, {working.goodput:.0%}"
    if working.stalled:
        line += f"; {working.stalled:,.4g} held by work that stands still"
    lines = [line]
    if overview.euro_an_hour is not None and overview.price is not None:
        bound = ", a lower bound" if overview.price.is_lower_bound else ""
        lines.append(f"{overview.euro_an_hour:,.2f} EUR/h of GPUs that are held{bound}")
    return lines


def _tenant_rows(overview: Overview) -> list[tuple[object, ...]]:
    """Return a row for each tenant that holds devices or has used some; `-` for what is not known."""
    used = {usage.tenant: usage for usage in overview.usage}
    held = overview.working.by_namespace if overview.working else {}
    rows: list[tuple[object, ...]] = []
    for name in sorted({*overview.tenants, *used}):
        usage = used.get(name)
        an_hour = _euro(overview.price, held.get(name))
        hours = f"{usage.gpu_hours:,.1f}" if usage else "-"
        cost = _euro(overview.price, usage.gpu_hours if usage else None)
        rows.append((name, overview.tenants.get(name, 0), an_hour, hours, cost))
    return rows


_TENANT_HEAD = ("tenant", "devices held", "EUR/h", "GPU-h", "EUR")


def _euro(price: HourPrice | None, gpu_hours: float | None) -> str:
    return "-" if price is None or gpu_hours is None else f"{price.euro * gpu_hours:,.2f}"


def _alert_rows(alerts: Iterable[ActiveAlert] | None) -> list[tuple[object, ...]]:
    """Return a row for each alert that fires."""
    if alerts is None:
        return [("-", "-", "not known: Prometheus gives no answer")]
    return [(alert.name, alert.since[11:19], alert.summary) for alert in alerts if alert.state == "firing"]


def _kilowatts(watts: int) -> str:
    return f"{watts / 1000:,.1f}"


def _pool_rows(machines: Iterable[TopMachine]) -> list[tuple[object, ...]]:
    """Return a row for each pool, in the plan's order."""
    pools: dict[str, list[TopMachine]] = {}
    for machine in machines:
        pools.setdefault(machine.pool, []).append(machine)
    rows: list[tuple[object, ...]] = []
    for pool, listed in pools.items():
        devices = sum(machine.devices for machine in listed)
        held = sum(machine.held for machine in listed)
        out = sum(machine.state in _OUT_OF_WORK for machine in listed)
        share = f"{held / devices:.0%}" if devices else "-"
        watts = sum(machine.watts for machine in listed)
        rows.append((pool, len(listed), out, devices, held, share, _kilowatts(watts)))
    return rows


def _racks(machines: Iterable[TopMachine], room: int | None) -> list[str]:
    """Return a line for each rack; those with machines out of work first where not all have room."""
    racks: dict[str, list[TopMachine]] = {}
    for machine in machines:
        racks.setdefault(machine.rack, []).append(machine)
    names = list(racks)
    if room is not None and len(names) > room:
        names.sort(key=lambda name: -sum(machine.state in _OUT_OF_WORK for machine in racks[name]))
        names = names[: room - 1]
    widest = max((len(name) for name in names), default=0)
    lines = []
    for name in names:
        marks = "".join(MARKS[machine.state] for machine in racks[name])
        watts = sum(machine.watts for machine in racks[name])
        lines.append(f"{name.ljust(widest)}  {marks}  {_kilowatts(watts)} kW")
    if len(names) < len(racks):
        lines.append(f"and {counted(len(racks) - len(names), 'more rack')}")
    if lines:
        lines.append("  ".join(f"{mark} {state}" for state, mark in MARKS.items()))
    return lines


def _queue_rows(queues: Iterable[TopQueue]) -> list[tuple[object, ...]]:
    return [(queue.name, queue.running, queue.waiting) for queue in queues]


def _workload_rows(workloads: Iterable[TopWorkload]) -> list[tuple[object, ...]]:
    """Return a row for each workload, those that wait first."""
    ordered = sorted(workloads, key=lambda workload: (workload.state != "waiting", workload.name))
    return [(workload.name, workload.queue, workload.state, workload.pods) for workload in ordered]


def _fault_rows(machines: Iterable[TopMachine]) -> list[tuple[object, ...]]:
    """Return a row for each machine that is out of work."""
    listed = [machine for machine in machines if machine.state in _OUT_OF_WORK]
    return [(machine.name, machine.state, machine.fault or "-") for machine in listed]


def _section(head: Sequence[str], rows: Sequence[Sequence[object]], most: int) -> list[str]:
    """Return a table below an empty line, cut to so many rows; nothing without rows."""
    if not rows:
        return []
    lines = table(head, rows[:most])
    if len(rows) > most:
        lines.append(f"and {len(rows) - most} more")
    return ["", *lines]

"""`repair inject --seed` and `--from`: series of faults, from a seed or a file, to a file or a cluster."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.cli.output import table, wrapped
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.assess import FaultEvent
    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cli.target import Target


@frozen_dataclass
class FaultSeries:
    """The faults of a cluster.

    Attributes:
        stack: the stack.
        cluster: the cluster's name.
        events: the faults, in the order of their times.
    """

    stack: Stack
    cluster: str
    events: Sequence[FaultEvent]


def series_of(
    path: Path, name: str | None, seed: int | None, days: float, source: Path | None
) -> FaultSeries:
    """Return the faults that a seed draws, or that a file holds.

    Raises:
        SpecError: the file cannot be read, or names what the plan does not have.
    """
    from sovereign_ai.assess import draw, parse_series
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.files import FAULTS, decode, read

    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    if source is None:
        return FaultSeries(stack, cluster, draw(stack.plan, cluster, seed=seed or 0, days=days))
    text = decode(read(source, FAULTS), str(source), FAULTS)
    return FaultSeries(stack, cluster, parse_series(text, str(source), stack.plan, cluster))


def write_faults(output: Output, series: FaultSeries, path: Path) -> None:
    """Write a series to a file, and print how many faults of each domain it has."""
    from sovereign_ai.assess import to_text
    from sovereign_ai.files.writing import write

    write(path, to_text(series.events))
    lines = [
        *_counted(series),
        *wrapped(f"{path}: {counted(len(series.events), 'fault')}; `--from {path}` replays them"),
    ]
    output.finish({"cluster": series.cluster, "file": str(path), **_data(series)}, lines)


def replay_faults(output: Output, series: FaultSeries, target: Target, speed: float) -> None:
    """Report each fault on the simulated machines at its moment, until the last one or Ctrl-C.

    Args:
        output: receives each fault, and how many there were.
        series: the faults.
        target: an embedded control plane, whose API server is made slow where the series says so.
        speed: seconds of the series in a second.
    """
    from sovereign_ai.assess import FaultDomain
    from sovereign_ai.cli.interrupt import stopping_at_interrupt
    from sovereign_ai.cluster.embedded import SlowServer
    from sovereign_ai.sim import FaultReplay

    slow = partial(SlowServer, target.control_plane.cluster_dir)
    replay = FaultReplay(target.api, series.stack.factory, series.stack.plan, series.cluster, slow)
    reported: list[int] = []

    def report(event: FaultEvent, machines: int) -> None:
        reported.append(machines)
        where = "no machine reports it" if not machines else f"reported by {machines}"
        if event.domain is FaultDomain.API_SERVER:
            where = f"its API server is slow for {event.repair / speed:.1f} s"
        xid = f" Xid {event.code}" if event.code else ""
        output.progress(f"{event.seconds / 3600:9.1f} h  {event.domain} {event.unit}{xid}: {where}")

    stop = threading.Event()
    with stopping_at_interrupt(stop):
        replay.run(series.events, speed, stop, report)
    lines = [*_counted(series)]
    faults_text = counted(len(series.events), "fault")
    lines += wrapped(f"{series.cluster}: {len(reported)} of {faults_text}, {speed:g} times the clock")
    output.finish({"cluster": series.cluster, "reported": len(reported), **_data(series)}, lines)


def _counted(series: FaultSeries) -> list[str]:
    counts = Counter(event.domain for event in series.events)
    rows = [(domain, str(number)) for domain, number in sorted(counts.items())]
    return table(["domain", "faults"], rows) if rows else []


def _data(series: FaultSeries) -> dict[str, object]:
    counts = Counter(str(event.domain) for event in series.events)
    return {"faults": len(series.events), "domains": dict(sorted(counts.items()))}

"""Verdicts on planned ports: right, swapped, missing, unknown, half seen, or not reported at all.

A cable has two ends, and the device at each end may report or be silent. The report of one end counts for
both. Where both report and one of them does not see the other, the cable is half seen: light in one
direction, a port that is down on one side, or an old report.

>>> plan = {("a", "1"): ("b", "1"), ("b", "1"): ("a", "1")}
>>> [str(port.state) for port in judge(plan, {("a", "1"): ("b", "1")}, {"a"})]
['right', 'right']
>>> [str(port.state) for port in judge(plan, {("a", "1"): ("b", "1")}, {"a", "b"})]
['half seen', 'half seen']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass

End = tuple[str, str]
"""A device and one of its ports, by the plan's interface names."""


class PortState(StrEnum):
    """The state of a planned port."""

    RIGHT = "right"
    """It meets its planned port."""
    SWAPPED = "swapped"
    """It meets another port of the plan."""
    MISSING = "missing"
    """It meets nothing, though its device or the one at the other end reported."""
    UNKNOWN = "unknown"
    """It meets a port that the plan does not have."""
    HALF_SEEN = "half seen"
    """One end sees the other, whose device reported and does not see it."""
    UNREPORTED = "not reported"
    """Neither end's device reported."""


@frozen_dataclass
class ObservedPort:
    """One planned port.

    Attributes:
        device: its device.
        port: its interface.
        state: its state.
        planned: the port that it should meet.
        met: the port that it meets; None if it meets none or no device reports it.
    """

    device: str
    port: str
    state: PortState
    planned: End
    met: End | None

    def __str__(self) -> str:
        """Return the port, its state and its plan on one line, for the person at the rack."""
        met = f", meets {' '.join(self.met)}" if self.met and self.met != self.planned else ""
        return f"{self.device} {self.port}: {self.state}{met}; planned: {' '.join(self.planned)}"

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        met = None if self.met is None else {"device": self.met[0], "port": self.met[1]}
        planned = {"device": self.planned[0], "port": self.planned[1]}
        return {
            "device": self.device,
            "port": self.port,
            "state": str(self.state),
            "planned": planned,
            "met": met,
        }


def judge(
    planned: Mapping[End, End],
    seen: Mapping[End, End],
    reporting: Collection[str],
    blind: Collection[End] = (),
) -> tuple[ObservedPort, ...]:
    """Return the state of every planned port.

    Args:
        planned: the other end of every end of every cable, both ways.
        seen: the neighbour of each end that reported one.
        reporting: devices that reported, neighbours or none.
        blind: ends that their device cannot report, such as the port of a management controller.
    """
    reported = set()
    for end in planned:
        if end[0] in reporting and end not in blind:
            reported.add(end)
    reported_by: dict[End, list[End]] = {}
    for near, far in seen.items():
        reported_by.setdefault(far, []).append(near)
    ports: list[ObservedPort] = []
    for end, wanted in planned.items():
        ports.append(_judge(end, wanted, planned, seen, reported_by.get(end, ()), reported))
    return tuple(ports)


def _judge(
    end: End,
    wanted: End,
    planned: Mapping[End, End],
    seen: Mapping[End, End],
    others: Sequence[End],
    reported: Collection[End],
) -> ObservedPort:
    """Return the state of one port: by its own report, or else by the devices that report to meet it."""
    own = seen.get(end)
    # The report of the planned neighbour counts before that of any other device.
    other = others[0] if others else None
    if wanted in others:
        other = wanted
    met = own or other
    if met is None:
        silent = end not in reported and wanted not in reported
        state = PortState.UNREPORTED if silent else PortState.MISSING
        return ObservedPort(*end, state, wanted, None)
    if met != wanted:
        state = PortState.SWAPPED if met in planned else PortState.UNKNOWN
        return ObservedPort(*end, state, wanted, met)
    # One end reported and does not see the other, which sees it.
    quiet = (own is None and end in reported) or (other != wanted and wanted in reported)
    return ObservedPort(*end, PortState.HALF_SEEN if quiet else PortState.RIGHT, wanted, met)


def unplanned(
    planned: Mapping[End, End], seen: Mapping[End, End], devices: Collection[str]
) -> Iterator[tuple[End, End]]:
    """Yield links at ports that the plan leaves free, of devices that it has."""
    for near, far in sorted(seen.items()):
        if near not in planned and near[0] in devices:
            yield near, far


def count(ports: Collection[ObservedPort]) -> dict[str, int]:
    """Return how many ports are in each state, in the order of the states.

    States without any are left out.
    """
    counts = Counter(port.state for port in ports)
    in_order = {}
    for state in PortState:
        if counts[state]:
            in_order[str(state)] = counts[state]
    return in_order

"""What observed cables say of the status of NetBox's cables, in NetBox's own choices.

| cable | status |
|---|---|
| both of its ports are right | connected |
| one of its ports meets another port, an unknown one or nothing | planned: it is not there as planned |
| half seen, its devices did not report, or two reports contradict each other | stays as it is |
| the plan has it no more, its ports are free, and it is seen | decommissioning; deleted once it is not seen |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sovereign_ai.assess.observed import End, PortState
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.netbox.planned import Key, Planned, PlannedObject
from sovereign_ai.operate.observation import Observation

CONNECTED, PLANNED = "connected", "planned"
_NOT_AS_PLANNED = frozenset({PortState.SWAPPED, PortState.MISSING, PortState.UNKNOWN})
Ends = frozenset[End]
"""Both ends of a cable, by device and interface."""


@frozen_dataclass
class CableStatuses:
    """What an observation says of the status of cables.

    Attributes:
        planned: both ends of a planned cable to its status; without those that stay as they are.
        left: number of planned cables that stay as they are.
        unplanned: cables at free ports that were seen.
    """

    planned: Mapping[Ends, str]
    left: int
    unplanned: frozenset[Ends]

    @property
    def text(self) -> str:
        """How many cables get which status."""
        data = self.to_data()
        return (
            f"cables as observed: {data[CONNECTED]:,} {CONNECTED}, {data[PLANNED]:,} {PLANNED},"
            f" {self.left:,} not judged, whose status stays"
        )

    def to_data(self) -> dict[str, Any]:
        """Return the members of the JSON document."""
        counts = Counter(self.planned.values())
        return {
            CONNECTED: counts[CONNECTED],
            PLANNED: counts[PLANNED],
            "left": self.left,
            "unplanned": len(self.unplanned),
        }


def cable_statuses(observation: Observation) -> CableStatuses:
    """Return the status of every cable that an observation judges."""
    states: dict[Ends, set[PortState]] = {}
    for port in observation.ports:
        ends = frozenset({(port.device, port.port), port.planned})
        states.setdefault(ends, set()).add(port.state)
    statuses: dict[Ends, str] = {}
    for ends, seen in states.items():
        status = "" if observation.conflicts.keys() & ends else _status(seen)
        if status:
            statuses[ends] = status
    return CableStatuses(statuses, len(states) - len(statuses), _unplanned(observation))


def _unplanned(observation: Observation) -> frozenset[Ends]:
    """Return the links that were seen at ports without a planned cable at both ends.

    One with an end at a planned port cannot stay in NetBox, where a port has one cable.
    """
    planned = {(port.device, port.port) for port in observation.ports}
    links = []
    for link in observation.extra:
        if planned.isdisjoint(link):
            links.append(frozenset(link))
    return frozenset(links)


def with_statuses(planned: Planned, statuses: CableStatuses) -> Planned:
    """Return the plan's objects with the status of each judged cable as a field that is put back."""
    cables: dict[Key, PlannedObject] = {}
    for key, cable in planned["cables"].items():
        status = statuses.planned.get(ends_of(end.key for end in cable.ends))
        cables[key] = replace(cable, kept={**cable.kept, "status": status}) if status else cable
    return {**planned, "cables": cables}


def ends_of(keys: Iterable[Key]) -> Ends:
    """Return ends as observers name them: NetBox's interfaces without their sites."""
    ends = []
    for key in keys:
        ends.append((key[-2], key[-1]))
    return frozenset(ends)


def _status(seen: Collection[PortState]) -> str:
    """Return the status of a cable by the states of its ports; empty where nobody knows."""
    if _NOT_AS_PLANNED & set(seen):
        return PLANNED
    return CONNECTED if set(seen) == {PortState.RIGHT} else ""

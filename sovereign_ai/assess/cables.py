"""How long the cables of a plane are by the places of their racks, against the reach of their optics.

Racks stand in rows of `hall.row`, in the order of their numbers. A cable between racks rises, goes along the row and
across rows, and falls:

    length = base + places apart x rack width + rows apart x row pitch

The usual values are those of the cable lists; the ranges are our judgement. A cable between halls is open, since no
description says how far halls are apart. A plan gives places, not trays: what is laid must be measured.

    >>> from sovereign_ai.plan.factory import plan
    >>> from sovereign_ai.spec.load import load
    >>> factory = load("stacks/lab")
    >>> print(lengths(factory, plan(factory))[0].said)
    up to 9.4 m [7.4 to 12.2], reach 50 m: holds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.assess.measure import plain
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

WITHIN = (1.0, 2.0, 3.0)
"""Metres of a cable within a rack: least, usual, most."""
BASE = (5.0, 7.0, 9.0)
"""Metres of rise, fall and slack of a cable between racks."""
WIDTH = (0.6, 0.6, 0.8)
"""Metres from one rack to the next; 600 and 800 mm are the usual cabinets."""
PITCH = (2.4, 2.4, 3.6)
"""Metres from one row to the next: a rack of 1.2 m and an aisle of 1.2 to 2.4 m."""
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Cabling:
    """The longest cable of one plane.

    Attributes:
        plane: the plane.
        low: metres at the least of all ranges.
        value: metres.
        high: metres at the most of all ranges.
        between_halls: cables whose ends stand in different halls; their length is open.
        reach: metres that the optics allow.
        holds: whether every cable within a hall reaches; None where the range, or a cable between halls, leaves it open.
    """

    plane: str
    low: float
    value: float
    high: float
    between_halls: int
    reach: float
    holds: bool | None

    def to_data(self) -> dict[str, Any]:
        """Give plain data, metres to the centimetre."""
        return asdict(self) | {name: round(getattr(self, name), 2) for name in ("low", "value", "high")}

    @property
    def said(self) -> str:
        """What was found, without the plane's name: the longest cable within a hall, and how many go between halls."""
        word = {True: "holds", False: "too short", None: "open"}[self.holds]
        more = f"; {self.between_halls:,} between halls" if self.between_halls else ""
        return f"up to {plain(self.value)} m [{plain(self.low)} to {plain(self.high)}], reach {self.reach:g} m{more}: {word}"


def lengths(factory: AIFactory, plan: Plan) -> tuple[Cabling, ...]:
    """Give the longest cable of every plane."""
    rows = {hall.name: hall.row for site in factory.sites for hall in site.halls}
    places: dict[str, Place] = {}
    for rack in plan.racks:
        number = int(rack.name.removeprefix(f"{rack.hall}-r")) - 1
        places |= dict.fromkeys((*rack.devices, *rack.pdu_names), (rack.hall, number // rows[rack.hall], number % rows[rack.hall]))
    reach = {fabric.name: fabric.reach.count / 100 for fabric in factory.fabrics}
    return tuple(_plane(plane, places, reach[plane.fabric]) for plane in plan.fabrics if plane.cables)


def _plane(plane: FabricPlan, places: Mapping[str, Place], reach: float) -> Cabling:
    """Judge one plane; managers stand where nobody says, and are left out."""
    apart = {(places[one], places[other]) for one, _, other, _ in plane.cables if one in places and other in places}
    within = {(abs(one[1] - other[1]), abs(one[2] - other[2])) for one, other in apart if one[0] == other[0]}
    between = sum(places[one][0] != places[other][0] for one, _, other, _ in plane.cables if one in places and other in places)
    ends = [
        max((base + rows * pitch + racks * width if rows or racks else inside for rows, racks in within), default=0.0)
        for inside, base, width, pitch in zip(WITHIN, BASE, WIDTH, PITCH, strict=True)
    ]
    holds = False if ends[0] > reach else None if between or ends[2] > reach else True
    return Cabling(plane.name, ends[0], ends[1], ends[2], between, reach, holds)

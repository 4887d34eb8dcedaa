"""Where devices stand, and how long a cable between two of them is.

Lengths are this project's estimates, since halls have no floor plan yet: within a rack 2 m; else 7 m of rise,
fall and slack, 0.6 m a rack between along a row, and 2.4 m a row across rows. The ranges around them are its
judgement; `assess.cables` counts with both ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sovereign_ai.plan.racks import Rack

IN_RACK = (100, 200, 300)
"""Centimetres of a cable within a rack: least, usual, most."""
BETWEEN_RACKS = (500, 700, 900)
"""Centimetres of rise, fall and slack of a cable between racks."""
RACK_WIDTH = (60, 60, 80)
"""Centimetres from one rack to the next; 600 and 800 mm are the usual cabinets."""
ROW_PITCH = (240, 240, 360)
"""Centimetres from one row to the next: a rack of 1.2 m and an aisle of 1.2 to 2.4 m."""
_USUAL = 1


class RackPlace(NamedTuple):
    """Where a device stands.

    Attributes:
        hall: its hall.
        row: number of its row in the hall.
        position: number of its rack in the row, from 0.
    """

    hall: str
    row: int
    position: int


def racks_of(racks: Sequence[Rack]) -> dict[str, Rack]:
    """Return device to rack, rack PDUs included."""
    rack_of: dict[str, Rack] = {}
    for rack in racks:
        for device in (*rack.devices, *rack.pdu_names):
            rack_of[device] = rack
    return rack_of


def rack_positions(racks: Sequence[Rack]) -> dict[str, tuple[int, int]]:
    """Return rack name to (row, position in the row)."""
    positions: dict[str, tuple[int, int]] = {}
    racks_in_row: Counter[tuple[str, int]] = Counter()
    for rack in racks:
        row = (rack.hall, rack.row)
        positions[rack.name] = (rack.row, racks_in_row[row])
        racks_in_row[row] += 1
    return positions


def places_of(racks: Sequence[Rack]) -> dict[str, RackPlace]:
    """Return device to place, rack PDUs included."""
    positions = rack_positions(racks)
    places: dict[str, RackPlace] = {}
    for device, rack in racks_of(racks).items():
        places[device] = RackPlace(rack.hall, *positions[rack.name])
    return places


def cable_length(first: tuple[int, int], second: tuple[int, int], *, same: bool) -> int:
    """Estimate a cable's length in centimetres, from (row, position) of both racks.

    >>> cable_length((0, 0), (0, 0), same=True), cable_length((0, 0), (1, 5), same=False)
    (200, 1240)
    """
    if same:
        return IN_RACK[_USUAL]
    row, position = first
    other_row, other_position = second
    along_row = abs(position - other_position) * RACK_WIDTH[_USUAL]
    across_rows = abs(row - other_row) * ROW_PITCH[_USUAL]
    return BETWEEN_RACKS[_USUAL] + along_row + across_rows


def route_length(first: RackPlace | None, second: RackPlace | None, between_halls: int | None) -> int | None:
    """Estimate a cable's length in centimetres between two places.

    Args:
        first: one end; None where no rack holds it.
        second: the other end.
        between_halls: length from hall to hall, where it is known.

    Returns:
        None where it is open: an end has no rack, or the way between halls is not described.
    """
    if first is None or second is None:
        return None
    if first.hall != second.hall:
        return between_halls
    return cable_length(first[1:], second[1:], same=first == second)

"""What would reach where twisted pairs do not: switches in the rows of the devices, with fibre upwards.

A twisted pair ends at 100 m, and the network racks of a large hall are farther from most of its rows. Leaves
that stand in the row of their devices reach all of them, and only their own links upwards take optics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.catalog.switch import switch
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cabling.routes import RackPlace, cable_length, places_of
from sovereign_ai.plan.racks import Rack
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric


@frozen_dataclass
class RowSwitches:
    """Switches in rows with which the twisted pairs of a fabric would reach.

    Attributes:
        site: the site.
        fabric: the fabric.
        links: links that reach from nowhere else.
        rows: rows that they come from.
        switches: leaves in these rows that have ports for them.
        longest: centimetres of the longest link from a device to the middle of its row.
    """

    site: str
    fabric: str
    links: int
    rows: int
    switches: int
    longest: int


def row_switches(
    site: str, fabric: Fabric, devices: Iterable[str], racks: Sequence[Rack]
) -> RowSwitches | None:
    """Return the switches in rows that would reach some devices; None where one of them has no rack.

    Args:
        site: the site.
        fabric: the fabric.
        devices: the lower end of each link that nothing reaches.
        racks: every rack of the last phase.
    """
    places = places_of(racks)
    ports = switch(fabric.switch).ports if fabric.switch else fabric.radix or 1
    in_row: Counter[tuple[str, int]] = Counter()
    for device in devices:
        place = places.get(device)
        if place is None:
            return None
        in_row[place.hall, place.row] += 1
    lengths = _row_lengths(places, in_row)
    needed = sum(ceil_div(links, ports) for links in in_row.values())
    longest = max(lengths.values(), default=0)
    return RowSwitches(site, fabric.name, in_row.total(), len(in_row), needed, longest)


def _row_lengths(
    places: Mapping[str, RackPlace], rows: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], int]:
    """Return centimetres from the end of each of some rows to its middle."""
    last: Counter[tuple[str, int]] = Counter()
    for place in places.values():
        row = (place.hall, place.row)
        if row in rows:
            last[row] = max(last[row], place.position)
    lengths: dict[tuple[str, int], int] = {}
    for row, position in last.items():
        lengths[row] = cable_length((0, position), (0, position // 2), same=False)
    return lengths

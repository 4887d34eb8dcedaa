"""The length of each plane's cables from the places of their racks, compared with the reach of their optics.

Racks are placed in rows of `hall.row`, in the order of their numbers. A cable between racks rises, goes along
the row and across rows, and falls:

    length = base + places apart x rack width + rows apart x row pitch

The usual values and the ranges are those of the cable lists (`plan.cabling.routes`). The length of a cable
between halls of one building is open, since no description states how far halls are apart. Between buildings
it is that of the shortest route which the campus describes. A plan gives places, not trays: measure the
route before you order.

    >>> from sovereign_ai.plan import plan
    >>> from sovereign_ai.spec import load
    >>> factory = load("stacks/lab")
    >>> print(lengths(factory, plan(factory))[0].text)
    up to 9.4 m [7.4 to 12.2], reach 50 m: holds
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from itertools import product
from typing import Any

from sovereign_ai.assess.measure import plain
from sovereign_ai.catalog import link_medium
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import BETWEEN_RACKS, IN_RACK, RACK_WIDTH, ROW_PITCH
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.spec import AIFactory, Site
from sovereign_ai.text import counted

Place = tuple[str, int, int]
"""A device's hall, row, and place in the row."""
Distance = tuple[int, int]
"""Rows apart, and places in a row apart."""
_GIGABIT = 10**9
_TWISTED = 10
"""Gbps up to which ports are of twisted pairs, and the lane of their row in the catalogue."""
_VERDICTS = {True: "holds", False: "too short", None: "open"}


@frozen_dataclass
class CableTotals:
    """The longest cable of one plane.

    Attributes:
        plane: the fabric plane.
        low: metres at the least of all ranges.
        value: metres.
        high: metres at the most of all ranges.
        between_halls: number of cables whose ends are in different halls; their length is open.
        reach: metres that the optics allow.
        holds: whether every cable within a hall reaches. None where the range or a cable between halls leaves
            it open.
        beyond_twisted: links of hosts at rates of twisted pairs that are longer than these carry, also at the
            least of the ranges; such links take optics.
    """

    plane: str
    low: float
    value: float
    high: float
    between_halls: int
    reach: float
    holds: bool | None
    beyond_twisted: int = 0

    def to_data(self) -> dict[str, Any]:
        """Return plain data, metres to the centimetre."""
        data = asdict(self)
        for name in ("low", "value", "high"):
            data[name] = round(getattr(self, name), 2)
        return data

    @property
    def text(self) -> str:
        """The longest cable within a hall and the number of cables between halls."""
        spread = f"{plain(self.low)} to {plain(self.high)}"
        more = f"; {self.between_halls:,} between halls" if self.between_halls else ""
        text = (
            f"up to {plain(self.value)} m [{spread}], reach {self.reach:g} m{more}: {_VERDICTS[self.holds]}"
        )
        if self.beyond_twisted:
            links_text = counted(self.beyond_twisted, "link is", "links are")
            text += f"; {links_text} too long for twisted pairs and take optics"
        return text


def lengths(factory: AIFactory, plan: Plan) -> tuple[CableTotals, ...]:
    """Return the longest cable of every plane that has cables."""
    rows: dict[str, int] = {}
    for site in factory.sites:
        for hall in site.halls:
            rows[hall.name] = hall.row
    places: dict[str, Place] = {}
    for rack in plan.racks:
        # Rack names count from 1 within their hall, row after row.
        number = int(rack.name.removeprefix(f"{rack.hall}-r")) - 1
        row, place_in_row = divmod(number, rows[rack.hall])
        for device in (*rack.devices, *rack.pdu_names):
            places[device] = (rack.hall, row, place_in_row)
    # Descriptions give the reach in centimetres.
    reach = {}
    for fabric in factory.fabrics:
        reach[fabric.name] = fabric.reach.count / 100
    cabling = []
    for plane in plan.fabrics:
        if plane.cables:
            routes = route_lengths(factory.site(plane.site))
            cabling.append(_cabling(plane, places, reach[plane.fabric], routes))
    return tuple(cabling)


def route_lengths(site: Site) -> dict[frozenset[str], float]:
    """Return the metres of the shortest route between each two halls of different buildings."""
    metres: dict[frozenset[str], float] = {}
    if site.campus is None:
        return metres
    halls_of = {building.name: building.halls for building in site.campus.buildings}
    for route in site.campus.routes:
        first, second = route.between
        for ends in product(halls_of[first], halls_of[second]):
            # Descriptions give lengths in centimetres.
            length = route.length.count / 100
            metres[frozenset(ends)] = min(length, metres.get(frozenset(ends), length))
    return metres


def _cabling(
    plane: FabricPlan, places: Mapping[str, Place], reach: float, routes: Mapping[frozenset[str], float]
) -> CableTotals:
    """Return the longest cable of one plane."""
    within: Counter[Distance] = Counter()
    by_route = 0.0
    between = 0
    for number, (lower, upper) in enumerate(plane.cables.pairs()):
        # No rack holds a fabric manager, so its cables have no length.
        if lower not in places or upper not in places:
            continue
        hall, row, place_in_row = places[lower]
        other_hall, other_row, other_place = places[upper]
        route = routes.get(frozenset((hall, other_hall)))
        if route is not None:
            by_route = max(by_route, route)
        elif hall != other_hall:
            between += 1
        else:
            distance = (abs(row - other_row), abs(place_in_row - other_place))
            # Only links of hosts may be of twisted pairs; a link between switches counts for the longest.
            within[distance] += number < plane.node_leaf
    parts = zip(IN_RACK, BETWEEN_RACKS, RACK_WIDTH, ROW_PITCH, strict=True)
    # The ranges are in centimetres.
    low, value, high = (_longest(within, *centimetres) / 100 for centimetres in parts)
    low, value, high = max(low, by_route), max(value, by_route), max(high, by_route)
    holds: bool | None = True
    if low > reach:
        holds = False
    elif between or high > reach:
        holds = None
    beyond = _beyond_twisted(plane, within)
    return CableTotals(plane.name, low, value, high, between, reach, holds, beyond)


def _beyond_twisted(plane: FabricPlan, within: Mapping[Distance, int]) -> int:
    """Return the links of hosts that are of twisted pairs by their rate, and too long for them.

    Args:
        plane: the fabric plane.
        within: links of hosts by how far apart their ends are.
    """
    twisted = link_medium("twisted-pair", _TWISTED)
    if twisted is None or plane.link > _TWISTED * _GIGABIT:
        return 0
    least = (IN_RACK[0], BETWEEN_RACKS[0], RACK_WIDTH[0], ROW_PITCH[0])
    beyond = 0
    for distance, links in within.items():
        if _longest([distance], *least) > twisted.reach_of(split=False):
            beyond += links
    return beyond


def _longest(distances: Collection[Distance], inside: int, base: int, width: int, pitch: int) -> int:
    """Return the centimetres of the longest cable; 0 without any distance.

    Args:
        distances: rows and places apart of both ends of each cable.
        inside: centimetres of a cable within a rack.
        base: centimetres of rise, fall and slack between racks.
        width: centimetres from one rack to the next.
        pitch: centimetres from one row to the next.
    """
    longest = 0
    for rows, racks in distances:
        same_rack = not rows and not racks
        length = inside if same_rack else base + rows * pitch + racks * width
        longest = max(longest, length)
    return longest

"""Links with their cages, lengths and phases, and the groups of links that must be plugged alike.

Links that share a cage share its plug, so what one of them is made of decides the others. A group holds every
link that can be reached from another over shared cages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sovereign_ai.plan.cabling.cages import (
    GIGABIT,
    OUTSIDE,
    CageKind,
    CagePort,
    HostPorts,
    ModelCages,
    far_end,
)
from sovereign_ai.plan.cabling.routes import RackPlace, cable_length, route_length
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.fabric.switch_ports import outside_of, ports_of
from sovereign_ai.spec import Cabling, Fabric


class Route(NamedTuple):
    """The way of a link.

    Attributes:
        length: estimated centimetres; None where it is open.
        is_guess: an end has no rack, so the longest route of the fabric stands in for it.
        legs: centimetres to the panel at the lower end, between panels, and from the panel at the upper end;
            empty where the link is one cable.
        rows: hall and row of both ends, in order, where it goes over panels.
    """

    length: int | None
    is_guess: bool = False
    legs: tuple[int, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()


class Link(NamedTuple):
    """One link of a fabric.

    Attributes:
        near: number of the cage at its lower end.
        near_position: its place among the links of that cage.
        far: number of the cage at its upper end.
        far_position: its place there.
        gbps: its rate.
        route: its way.
        phase: number of the phase from which on it stands.
    """

    near: int
    near_position: int
    far: int
    far_position: int
    gbps: int
    route: Route
    phase: int


@dataclass
class FabricLinks:
    """Every link of one fabric at one site, all planes together.

    Attributes:
        site: the site.
        fabric: the fabric's name.
        links: its links, plane by plane in the order of the plan; of each plane those to the outside last.
        kinds: the kind of each cage.
        names: device and number of each cage.
        outside_optic: the catalogue's optic for links to the outside; empty where none is described.
    """

    site: str
    fabric: str
    links: list[Link] = field(default_factory=list)
    kinds: list[CageKind] = field(default_factory=list)
    names: list[tuple[str, int, str]] = field(default_factory=list)
    outside_optic: str = ""

    def is_outside(self, number: int) -> bool:
        """Return whether a link leads to the outside."""
        return self.kinds[self.links[number].near].form == OUTSIDE


class Routes:
    """Finds the way of links between devices."""

    def __init__(
        self, places: Mapping[str, RackPlace], cabling: Cabling, hall_routes: Mapping[frozenset[str], int]
    ) -> None:
        """Take the places of devices, how they are cabled, and the routes between halls of two buildings."""
        self._hall_routes = hall_routes
        self._places = places
        self._between_halls = None if cabling.between_halls is None else cabling.between_halls.count
        self._over_panels = cabling.trunks is not None
        self._known: dict[tuple[RackPlace, RackPlace], Route] = {}

    def route(self, lower: str, upper: str) -> Route | None:
        """Return the way between two devices; None where one of them has no rack."""
        first, second = self._places.get(lower), self._places.get(upper)
        if first is None or second is None:
            return None
        known = self._known.get((first, second))
        if known is None:
            known = self._known[first, second] = self._route(first, second)
        return known

    def _route(self, first: RackPlace, second: RackPlace) -> Route:
        """Return the way between two places."""
        ends = frozenset((first.hall, second.hall))
        between = self._hall_routes.get(ends, self._between_halls)
        length = route_length(first, second, between)
        if length is None or not self._over_panels or first[:2] == second[:2]:
            return Route(length)
        # A row's panel is in the row's first rack.
        near_panel, far_panel = first._replace(position=0), second._replace(position=0)
        middle = route_length(near_panel, far_panel, between) or 0
        near = cable_length(first[1:], near_panel[1:], same=first == near_panel)
        far = cable_length(second[1:], far_panel[1:], same=second == far_panel)
        legs = (near, middle, far)
        return Route(sum(legs), legs=legs, rows=(first[:2], second[:2]))


def fabric_links(
    fabric: Fabric,
    planes: Sequence[FabricPlan],
    systems: Mapping[str, str],
    routes: Routes,
    first: Mapping[str, int],
) -> FabricLinks:
    """Return the links of one fabric at one site.

    Args:
        fabric: its description.
        planes: its planes at the site.
        systems: server to system.
        routes: the ways between devices.
        first: device to the phase from which on it stands; what is not in it stands from the start.
    """
    optic = "" if fabric.border is None else fabric.border.optic or ""
    made = FabricLinks(planes[0].site, fabric.name, outside_optic=optic)
    numbers: dict[tuple[str, int, str], int] = {}

    def cage(device: str, port: CagePort) -> int:
        key = (device, port.number, port.kind.form)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(made.kinds)
            made.kinds.append(port.kind)
            made.names.append(key)
        return number

    hosts = HostPorts(fabric, planes[0].role, systems)
    open_links: list[int] = []
    longest: int | None = None
    for plane in planes:
        tiers = {row.name: row.tier for row in plane.switches}
        ports = {tier: ModelCages(fabric, tier, plane) for tier in ("leaf", "spine", "core", "border")}
        uplink_rate = (plane.uplink or plane.link) // GIGABIT
        inner = plane.cables.rows[: len(plane.cables) - plane.outside]
        for index, (lower, lower_port, upper, upper_port) in enumerate(inner):
            is_host = index < plane.node_leaf
            gbps = plane.host_rate(lower) // GIGABIT if is_host else uplink_rate
            far = ports[tiers[upper]].port(upper_port, gbps)
            if is_host:
                near = hosts.port(lower, lower_port, gbps, far.kind.lane, plane.kind)
            else:
                near = ports[tiers[lower]].port(lower_port, gbps)
            route = routes.route(lower, upper)
            if route is None:
                open_links.append(len(made.links))
                route = Route(None)
            elif route.length is not None:
                longest = route.length if longest is None else max(longest, route.length)
            phase = max(first.get(lower, 0), first.get(upper, 0))
            near_cage, far_cage = cage(lower, near), cage(upper, far)
            link = Link(near_cage, near.position, far_cage, far.position, gbps, route, phase)
            made.links.append(link)
        parts = _outside_parts(fabric)
        gbps = plane.outside_link // GIGABIT
        for lower, lower_port, upper, upper_port in plane.outside_links.rows:
            far = ports[tiers[upper]].port(upper_port, gbps, parts)
            # Each far end is a port of its own, since nobody knows which of them share a plug there.
            near_cage = cage(lower, CagePort(int(lower_port), 0, far_end(gbps)))
            cord = None if fabric.border is None or fabric.border.cord is None else fabric.border.cord.count
            phase = first.get(upper, 0)
            far_cage = cage(upper, far)
            made.links.append(Link(near_cage, 0, far_cage, far.position, gbps, Route(cord), phase))
    for index in open_links:
        made.links[index] = made.links[index]._replace(route=Route(longest, is_guess=True))
    return made


def _outside_parts(fabric: Fabric) -> int | None:
    """Return into how many links to the outside a port is split; None of a fabric without any."""
    outside = outside_of(fabric, ports_of(fabric))
    return None if outside is None else outside.parts


def plug_groups(links: FabricLinks) -> Iterator[list[int]]:
    """Yield the numbers of the links of each group, in the order of their first link."""
    parents = list(range(len(links.kinds)))

    def root(cage: int) -> int:
        while parents[cage] != cage:
            parents[cage] = parents[parents[cage]]
            cage = parents[cage]
        return cage

    for link in links.links:
        near, far = root(link.near), root(link.far)
        if near != far:
            parents[far] = near
    groups: dict[int, list[int]] = {}
    for number, link in enumerate(links.links):
        groups.setdefault(root(link.near), []).append(number)
    yield from groups.values()

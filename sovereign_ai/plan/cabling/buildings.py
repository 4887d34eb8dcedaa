"""The pieces of links between buildings: optics, cords to the panels, panels, and cables on the routes.

The campus plan has the links, the optic and the fibres of each route (see `plan.campus`). Each optic has a
cord to a panel in its switch room; the panels of both ends are joined by the route's single-mode cables. A
route with described `fibres` has its cables laid already, so none is ordered for it; else the fewest of the
usual sizes that hold what the links of the route take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product

from sovereign_ai.catalog import LinkMedium, link_medium
from sovereign_ai.catalog.parts import CatalogPart, part
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cabling.assemblies import NO_LENGTH, stock_length
from sovereign_ai.plan.cabling.parts import (
    PANEL_PORTS,
    PARALLEL,
    Part,
    engines_of,
    fibre,
    optic_part,
    panel,
)
from sovereign_ai.plan.cabling.routes import BETWEEN_RACKS
from sovereign_ai.plan.campus import CampusLink, RouteUse
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

BETWEEN_BUILDINGS = "between buildings"
"""What a line is for that no fabric has alone."""
CABLE_FIBRES = (12, 24, 48, 96, 144, 288, 432, 864, 1728)
"""Fibres of the single-mode cables that are laid between buildings: an estimate of the usual sizes."""
_ENDS = 2
_PAIR = 2
"""Fibres of a link of one pair."""
_LANE = 100
"""Gbps of a lane of the medium whose cords are used; cords of single mode are alike at every rate."""
_USUAL = 1


@frozen_dataclass
class BuildingPiece:
    """Pieces of one kind for links between buildings.

    Attributes:
        site: the site.
        part: what they are.
        length: centimetres; 0 where they have none.
        phase: number of the phase that orders them.
        pieces: how many.
    """

    site: str
    part: Part
    length: int
    phase: int
    pieces: int


@frozen_dataclass
class RouteCables:
    """What runs on one route between two buildings.

    Attributes:
        site: the site.
        route: the route.
        links: links on it, of all fabrics.
        fibres: fibres that they take.
        laid: fibres that the description says are laid; 0 where their cables are ordered.
        length: centimetres from switch room to switch room.
    """

    site: str
    route: str
    links: int
    fibres: int
    laid: int
    length: int


def building_pieces(
    factory: AIFactory, campus: Sequence[CampusLink], nodes: Sequence[Node], first: Mapping[str, int]
) -> Iterator[BuildingPiece]:
    """Yield the pieces of all links between buildings.

    Args:
        factory: the description.
        campus: its links between buildings.
        nodes: every server of the last phase.
        first: device to the phase from which on it stands; what is not in it stands from the start.
    """
    kinds = {fabric.name: fabric.kind for fabric in factory.fabrics}
    on_route: dict[tuple[str, str], list[tuple[RouteUse, int]]] = {}
    for link in campus:
        phase = _phase(factory, link, nodes, first)
        kind = kinds[link.fabrics[0]]
        for use in link.routes:
            yield from _ends(link.site, use, kind, phase)
            on_route.setdefault((link.site, use.route), []).append((use, phase))
    laid = _laid(factory)
    for (site, route), uses in on_route.items():
        if not laid[site, route]:
            yield from _cables(site, uses)


def route_cables(factory: AIFactory, campus: Sequence[CampusLink]) -> tuple[RouteCables, ...]:
    """Return what runs on each route that links between buildings use.

    Args:
        factory: the description.
        campus: its links between buildings.
    """
    links: Counter[tuple[str, str]] = Counter()
    fibres: Counter[tuple[str, str]] = Counter()
    lengths: dict[tuple[str, str], int] = {}
    for link in campus:
        for use in link.routes:
            key = (link.site, use.route)
            links[key] += use.links
            fibres[key] += use.fibres
            lengths[key] = use.length_cm
    laid = _laid(factory)
    made: list[RouteCables] = []
    for key, length in lengths.items():
        site, route = key
        made.append(RouteCables(site, route, links[key], fibres[key], laid[key], length))
    return tuple(made)


def hall_routes(factory: AIFactory) -> dict[frozenset[str], int]:
    """Return centimetres of the shortest route between halls of two buildings, by the names of both halls."""
    lengths: dict[frozenset[str], int] = {}
    for site in factory.sites:
        if site.campus is None:
            continue
        halls = {building.name: building.halls for building in site.campus.buildings}
        for route in site.campus.routes:
            near, far = (halls[name] for name in route.between)
            for pair in product(near, far):
                ends = frozenset(pair)
                lengths[ends] = min(route.length.count, lengths.get(ends, route.length.count))
    return lengths


def _laid(factory: AIFactory) -> dict[tuple[str, str], int]:
    """Return the fibres that are laid on each route; 0 where the description says none."""
    laid: dict[tuple[str, str], int] = {}
    for site in factory.sites:
        for route in site.campus.routes if site.campus else ():
            laid[site.name, route.name] = route.fibres or 0
    return laid


def _phase(factory: AIFactory, link: CampusLink, nodes: Sequence[Node], first: Mapping[str, int]) -> int:
    """Return the first phase in which both fabrics of a link have machines."""
    if not first:
        return 0
    phases: list[int] = []
    for fabric in factory.fabrics:
        if fabric.name in link.fabrics:
            pools = {pool.name for pool in factory.pools_at(link.site) if pool.is_on(fabric)}
            joined = [first.get(node.name, 0) for node in nodes if node.pool in pools]
            phases.append(min(joined, default=0))
    return max(phases, default=0)


def _ends(site: str, use: RouteUse, kind: str, phase: int) -> Iterator[BuildingPiece]:
    """Yield optics, cords and panels of both ends of the links on a route."""
    optic = part(use.optic)
    yield BuildingPiece(site, optic_part(optic, kind), NO_LENGTH, phase, use.optics)
    medium, width, connectors = _connectors(use, optic)
    length = stock_length(medium, BETWEEN_RACKS[_USUAL], split=False)
    yield BuildingPiece(site, fibre(medium, width, 1), length, phase, _ENDS * connectors)
    panels = _ENDS * ceil_div(connectors, PANEL_PORTS)
    front = panel(medium) if width > 1 else _pair_panel()
    yield BuildingPiece(site, front, NO_LENGTH, phase, panels)


def _connectors(use: RouteUse, optic: CatalogPart) -> tuple[LinkMedium, int, int]:
    """Return the medium whose cords the links take, lanes of a cord, and connectors at one end."""
    engines = engines_of(optic)
    is_pair = (optic.fibres or 0) <= _PAIR * engines
    medium = link_medium("fr" if is_pair else "dr", _LANE)
    if medium is None:
        message = f"the catalogue has no single-mode medium of {_LANE} Gbps a lane"
        raise RuntimeError(message)
    return medium, 1 if is_pair else PARALLEL, use.optics // _ENDS * engines


@cache
def _pair_panel() -> Part:
    """Return a patch panel for pairs of fibres."""
    title = f"patch panel, 1 U, {PANEL_PORTS} LC duplex adapters, single mode"
    return Part(f"panel-{PANEL_PORTS}-lc-single-mode", "panel", title, "LC duplex")


def _cables(site: str, uses: Sequence[tuple[RouteUse, int]]) -> Iterator[BuildingPiece]:
    """Yield the cables of a route: what all its links take, laid once, in the first phase that uses it."""
    needed = sum(use.fibres for use, _ in uses)
    phase = min(number for _, number in uses)
    size = next((fibres for fibres in CABLE_FIBRES if fibres >= needed), CABLE_FIBRES[-1])
    title = f"cable of {counted(size, 'fibre')}, OS2 single mode, between buildings"
    # Cord, cable and cord reverse parallel fibres three times where the splices cross them as a trunk does.
    is_parallel = any(_connectors(use, part(use.optic))[1] > 1 for use, _ in uses)
    polarity = "Type B" if is_parallel else "A-B"
    laid = Part(f"cable-{size}-os2", "trunk", title, "spliced", polarity)
    yield BuildingPiece(site, laid, uses[0][0].length_cm, phase, ceil_div(needed, size))

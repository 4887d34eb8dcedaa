"""The links between the buildings of a site: how many, over which routes and optics, and what a loss leaves.

    links a plane = what the machines of the smaller fabric send in it / ratio / rate of a link, rounded up

The links end at free ports of the uppermost switches of both fabrics and are spread evenly over the routes
between the two buildings. The optic of each route is the one of least reach that suffices. Light takes length
x group index / c; switches on the way are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sovereign_ai.catalog.parts import CatalogPart, part, parts
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.addresses import joins
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.racks import SupportBatch
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, BuildingLink, BuildingRoute, Campus, Fabric, Site
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond, Metres, Watts

_GROUP_INDEX = Fraction(1468, 1000)
"""Group index of standard single-mode fibre at 1,550 nm (ITU-T G.652; 1.4675 to 1.4682 in data sheets)."""
_LIGHT = 299_792_458
"""Speed of light in vacuum, metres a second."""


@frozen_dataclass
class RouteUse:
    """What a link between two fabrics takes on one route.

    Attributes:
        route: the route's name.
        length_cm: length of a fibre, in centimetres.
        optic: the catalogue's name of the optic.
        reach_cm: its reach, in centimetres.
        links: links on it, all planes together.
        optics: optics at both ends.
        fibres: fibres that they take.
        latency_ns: nanoseconds of light from one end to the other, rounded up.
        watts: power of the optics at both ends at the upper end of their figures. The switches'
            power is counted with optics in all ports, so it contains them.
    """

    route: str
    length_cm: int
    optic: str
    reach_cm: int
    links: int
    optics: int
    fibres: int
    latency_ns: int
    watts: int


@frozen_dataclass
class CampusLink:
    """What joins the fabrics of two buildings.

    Attributes:
        site: the site.
        fabrics: the two fabrics.
        buildings: their buildings.
        rate: bits a second of one link.
        links: links, all planes and routes together.
        sent: bits a second that the machines of the smaller fabric send at most.
        oversubscription: `sent` to what the links carry, in lowest terms.
        after_loss: the same after the loss of the route with most links; `cut` where none is left.
        routes: what it takes on each route.
        why: field to the formula and its inputs in words.
    """

    site: str
    fabrics: tuple[str, ...]
    buildings: tuple[str, ...]
    rate: int
    links: int
    sent: int
    oversubscription: str
    after_loss: str
    routes: tuple[RouteUse, ...]
    why: Mapping[str, str]


def building_of(campus: Campus, hall: str) -> str:
    """Return the building of a hall, which was checked to be in one."""
    return next(building.name for building in campus.buildings if hall in building.halls)


def routes_between(campus: Campus, ends: tuple[str, ...]) -> list[BuildingRoute]:
    """Return the routes between two buildings, in the order of the description."""
    return [route for route in campus.routes if set(route.between) == set(ends)]


def campus_links(
    factory: AIFactory, shapes: Sequence[Shape], sizes: Sequence[FabricSize]
) -> tuple[tuple[CampusLink, ...], list[Problem]]:
    """Return the links between buildings, and what makes them impossible.

    Args:
        factory: the description.
        shapes: its pools.
        sizes: its fabric planes.
    """
    links: list[CampusLink] = []
    problems: list[Problem] = []
    taken: dict[tuple[str, str, int], int] = {}
    fibres: dict[tuple[str, str], int] = {}
    for index, site in enumerate(factory.sites):
        if site.campus is None:
            continue
        for number, described in enumerate(site.campus.links):
            field = f"sites[{index}].campus.links[{number}]"
            link, more = _link(factory, shapes, site, site.campus, described, field)
            problems += more
            if link is not None:
                links.append(link)
                problems += _port_problems(link, sizes, taken, field)
                for use in link.routes:
                    fibres[site.name, use.route] = fibres.get((site.name, use.route), 0) + use.fibres
        problems += _fibre_problems(site, site.campus, fibres, f"sites[{index}].campus.routes")
    return tuple(links), problems


def _link(
    factory: AIFactory,
    shapes: Sequence[Shape],
    site: Site,
    campus: Campus,
    described: BuildingLink,
    field: str,
) -> tuple[CampusLink | None, list[Problem]]:
    """Return one link between two fabrics, or why no optic reaches."""
    fabrics = fabrics_by_name(factory)
    first, second = (fabrics[name] for name in described.fabrics)
    near = [shape for shape in shapes if _joins_at(first, shape, site)]
    far = [shape for shape in shapes if _joins_at(second, shape, site)]
    buildings = (building_of(campus, near[0].hall.name), building_of(campus, far[0].hall.name))
    sent = min(_sent(first, near), _sent(second, far))
    rate = (first.uplink or first.link).count // first.planes
    plane_links = ceil_div(
        sent * described.oversubscription.up, described.oversubscription.down * rate * first.planes
    )
    routes = routes_between(campus, buildings)
    links = plane_links * first.planes
    uses: list[RouteUse] = []
    problems: list[Problem] = []
    for place, route in enumerate(routes):
        count = links // len(routes) + (place < links % len(routes))
        optic = _optic(described, route, rate)
        if optic is None:
            problems.append(_reach_problem(described, route, rate, field))
        elif count:
            uses.append(_use(route, optic, rate, count))
    if problems:
        return None, problems
    most = max(use.links for use in uses)
    why = {
        "links": f"{BitsPerSecond(sent)} of the smaller fabric at {described.oversubscription} over links of "
        f"{BitsPerSecond(rate)}, in each of {counted(first.planes, 'plane')} rounded up",
        "oversubscription": "what the machines of the smaller fabric send to what the links carry, as built",
        "after_loss": "without the route that has most links",
        "latency": f"length x group index {float(_GROUP_INDEX)} / c, of light alone, switches not counted",
        "watts": "of optics at both ends, within the switches' power, which has optics in all ports",
    }
    return (
        CampusLink(
            site=site.name,
            fabrics=described.fabrics,
            buildings=buildings,
            rate=rate,
            links=links,
            sent=sent,
            oversubscription=_ratio(sent, links * rate),
            after_loss=_ratio(sent, (links - most) * rate),
            routes=tuple(uses),
            why=why,
        ),
        [],
    )


def _joins_at(fabric: Fabric, shape: Shape, site: Site) -> bool:
    """Return whether a fabric connects the servers of a pool at a site."""
    return shape.site.name == site.name and joins(fabric, shape)


def _sent(fabric: Fabric, shapes: Sequence[Shape]) -> int:
    """Return the bits a second that all servers of some pools send into a fabric at most."""
    bits = 0
    for shape in shapes:
        bits += shape.total * fabric.rails * fabric.link_of(shape.pool.name).count
    return bits


def _ratio(sent: int, carried: int) -> str:
    """Return a ratio in lowest terms; `cut` where nothing is carried."""
    if not carried:
        return "cut"
    ratio = Fraction(sent, carried)
    return f"{ratio.numerator}:{ratio.denominator}"


def _optic(described: BuildingLink, route: BuildingRoute, rate: int) -> CatalogPart | None:
    """Return the optic of a route: the described one if it reaches, else the one of least reach that does."""
    candidates: list[tuple[int, int, str]] = []
    for optic in parts():
        if described.optic is not None and optic.name != described.optic:
            continue
        if _carries(optic, rate) and _reach(optic) >= route.length.count:
            candidates.append((_reach(optic), _optic_watts(optic) * rate, optic.name))
    return part(min(candidates)[2]) if candidates else None


def _carries(optic: CatalogPart, rate: int) -> bool:
    """Return whether an optic for fibre carries one link of a rate, or two as a twin-port cage does."""
    if optic.kind != "optic" or not optic.fibres or optic.rate is None or optic.power is None:
        return False
    return optic.reach is not None and optic.rate.count in (rate, 2 * rate)


def _reach(optic: CatalogPart) -> int:
    """Return the reach of an optic in centimetres, the lower end where it is a range."""
    figure = optic.source_of("reach")
    return figure.least(Metres).count if figure else 0


def _optic_watts(optic: CatalogPart) -> int:
    """Return the watts of an optic, the upper end where they are a range."""
    figure = optic.source_of("power")
    return figure.worst(Watts).count if figure else 0


def _use(route: BuildingRoute, optic: CatalogPart, rate: int, links: int) -> RouteUse:
    """Return what some links take on a route."""
    each = (optic.rate or BitsPerSecond(rate)).count // rate
    pairs = ceil_div(links, each)
    seconds = Fraction(route.length.count, 100) * _GROUP_INDEX / _LIGHT
    nanoseconds = seconds * 10**9
    return RouteUse(
        route=route.name,
        length_cm=route.length.count,
        optic=optic.name,
        reach_cm=_reach(optic),
        links=links,
        optics=2 * pairs,
        fibres=pairs * (optic.fibres or 0),
        latency_ns=ceil_div(nanoseconds.numerator, nanoseconds.denominator),
        watts=2 * pairs * _optic_watts(optic),
    )


def _reach_problem(described: BuildingLink, route: BuildingRoute, rate: int, field: str) -> Problem:
    """Return that no optic of a rate reaches over a route."""
    reaches: list[int] = []
    for optic in parts():
        if _carries(optic, rate):
            reaches.append(_reach(optic))
    most = f"the longest reach at {BitsPerSecond(rate)} is {Metres(max(reaches, default=0))}"
    if described.optic is not None:
        optic = part(described.optic)
        message = (
            f"route {route.name!r} is {route.length} long, and {optic.name} reaches {Metres(_reach(optic))}"
        )
        if not _carries(optic, rate):
            message = f"{optic.name} does not carry links of {BitsPerSecond(rate)}"
        hint = f"leave `optic` out; {most}"
        return Problem("no-optic", message, Where(field=f"{field}.optic"), hint)
    message = f"route {route.name!r} is {route.length} long, and {most}"
    hint = "bring a row of an optic that reaches under `catalog`, or join the buildings as sites"
    return Problem("no-optic", message, Where(field=field), hint)


def _port_problems(
    link: CampusLink, sizes: Sequence[FabricSize], taken: dict[tuple[str, str, int], int], field: str
) -> Iterator[Problem]:
    """Refuse links for which the uppermost switches of a fabric have no free ports."""
    for name in link.fabrics:
        planes = [size for size in sizes if size.fabric == name and size.site == link.site]
        for size in planes:
            key = (link.site, name, size.plane)
            need = taken.get(key, 0) + link.links // len(planes)
            taken[key] = need
            tier, free = _free_ports(size)
            if need > free:
                links = counted(need, "link to other buildings ends", "links to other buildings end")
                ports = counted(free, "free port")
                message = f"{links} at the {tier} of fabric {name!r}, and these have {ports}"
                hint = "write more `spines` or `cores` for it, or a higher oversubscription"
                yield Problem("no-ports", message, Where(field=f"{field}.fabrics"), hint)
                break


def _free_ports(size: FabricSize) -> tuple[str, int]:
    """Return the uppermost switches of a plane, and their ports without a link."""
    radix = size.layout.ports.spine_radix if size.layout else size.radix
    if size.core:
        return "cores", size.core * (radix - _to_outside(size, "core")) - size.spine_core
    if size.spine:
        radix -= size.layout.partners.spine if size.layout else 0
        return "spines", size.spine * (radix - _to_outside(size, "spine")) - size.leaf_spine
    ports = size.radix - (size.layout.ports.reserved * size.layout.ports.breakout if size.layout else 0)
    return "leaves", size.leaf * ports - size.padded - 2 * size.leaf_leaf


def _to_outside(size: FabricSize, tier: str) -> int:
    """Return the links of a spine or core whose ports are for links to the outside."""
    outside = size.layout.outside if size.layout else None
    if size.layout is None or outside is None or outside.tier != tier:
        return 0
    return outside.cages * size.layout.ports.spine_breakout


def _fibre_problems(
    site: Site, campus: Campus, fibres: Mapping[tuple[str, str], int], field: str
) -> Iterator[Problem]:
    """Refuse routes with fewer fibres than the links on them take."""
    for number, route in enumerate(campus.routes):
        need = fibres.get((site.name, route.name), 0)
        if route.fibres is not None and need > route.fibres:
            fibres_text = counted(need, "fibre")
            message = f"the links on route {route.name!r} take {fibres_text}, and {route.fibres:,} are laid"
            hint = f"lay at least {need:,}, or choose an optic that takes fewer"
            yield Problem("no-fibres", message, Where(field=f"{field}[{number}].fibres"), hint)


def span_problems(
    factory: AIFactory, shapes: Sequence[Shape], batches: Sequence[SupportBatch]
) -> Iterator[Problem]:
    """Refuse fabrics whose own cables run between buildings and are longer than their optics reach.

    Args:
        factory: the description.
        shapes: its pools.
        batches: its switches and storage servers.
    """
    for site in factory.sites:
        if site.campus is None:
            continue
        storage = [batch.hall.name for batch in batches if batch.kind == "storage"]
        for number, fabric in enumerate(factory.fabrics):
            halls = [shape.hall.name for shape in shapes if _joins_at(fabric, shape, site)]
            if fabric.role != "compute" and halls:
                halls += [hall.name for hall in site.halls if hall.name in storage]
            buildings = list(dict.fromkeys(building_of(site.campus, hall) for hall in halls))
            # Its switches are in the hall of the first pool that it joins.
            for other in buildings[1:]:
                yield from _span_problem(site.campus, fabric, (buildings[0], other), f"fabrics[{number}]")


def _span_problem(campus: Campus, fabric: Fabric, ends: tuple[str, ...], field: str) -> Iterator[Problem]:
    """Refuse a fabric whose cables do not reach from its switches to another building."""
    routes = routes_between(campus, ends)
    if not routes:
        message = (
            f"fabric {fabric.name!r} joins {ends[0]} and {ends[1]}, and no route is described between them"
        )
        hint = "add the route, or give each building a fabric of its own"
        yield Problem("no-route", message, Where(field=field), hint)
        return
    shortest = min(routes, key=lambda route: route.length.count)
    if shortest.length > fabric.reach:
        message = (
            f"fabric {fabric.name!r} has cables from {ends[0]} to {ends[1]}, {shortest.length} by route "
            f"{shortest.name!r}, and its optics reach {fabric.reach}"
        )
        hint = (
            "give each building a fabric of its own, joined by `campus.links`, or write the `reach` of "
            f"optics for {shortest.length}"
        )
        yield Problem("cable-too-long", message, Where(field=field), hint)


def span_notes(factory: AIFactory, shapes: Sequence[Shape], links: Sequence[CampusLink]) -> Iterator[str]:
    """Yield the tenants whose GPUs are in several buildings, with what a gang that spans them meets."""
    for site in factory.sites:
        if site.campus is None:
            continue
        for tenant in factory.tenants:
            zones = [zone.name for zone in factory.zones if tenant.name in zone.tenants]
            gpus: dict[str, int] = {}
            for shape in shapes:
                if shape.site.name == site.name and shape.pool.zone in zones:
                    name = building_of(site.campus, shape.hall.name)
                    gpus[name] = gpus.get(name, 0) + shape.nodes * shape.system.gpus
            if len(gpus) > 1:
                yield _span_note(site, tenant.name, gpus, links)


def _span_note(site: Site, tenant: str, gpus: Mapping[str, int], links: Sequence[CampusLink]) -> str:
    """Return what a tenant's gang meets that needs more GPUs than a building has."""
    listed = ", ".join(f"{count:,} in {name}" for name, count in gpus.items())
    crossings: list[str] = []
    for link in links:
        if link.site == site.name and set(link.buildings) <= set(gpus):
            longest = max(use.latency_ns for use in link.routes)
            between = " and ".join(link.buildings)
            crossings.append(f"{between} at {link.oversubscription}, {longest / 1000:.1f} us one way")
    how = "; ".join(crossings) or "no link joins their fabrics"
    most = max(gpus.values())
    how = f"a gang of more than {most:,} spans buildings ({how})"
    return f"tenant {tenant}: GPUs at {site.name} are {listed}; {how}"

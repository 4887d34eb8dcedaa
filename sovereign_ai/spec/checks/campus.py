"""Campuses: every hall in one building, routes between buildings that exist, links along routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.spec.checks.optics import check_optic

if TYPE_CHECKING:
    from sovereign_ai.spec.campus import BuildingLink, Campus
    from sovereign_ai.spec.fabric import Fabric
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.site import Site


def check_campuses(factory: AIFactory) -> Iterator[Problem]:
    """Refuse campuses whose buildings, routes and links do not fit each other."""
    for index, site in enumerate(factory.sites):
        if site.campus is None:
            continue
        field = f"sites[{index}].campus"
        yield from _check_buildings(site, site.campus, field)
        yield from _check_routes(site.campus, field)
        for number, link in enumerate(site.campus.links):
            yield from _check_link(factory, site, site.campus, link, f"{field}.links[{number}]")


def _check_buildings(site: Site, campus: Campus, field: str) -> Iterator[Problem]:
    """Refuse buildings with equal names, unknown halls, and halls in no building or in two."""
    halls = [hall.name for hall in site.halls]
    counts: Counter[str] = Counter()
    names: set[str] = set()
    for number, building in enumerate(campus.buildings):
        at = f"{field}.buildings[{number}]"
        if building.name in names:
            message = f"two buildings are called {building.name!r}"
            yield Problem("duplicate-name", message, Where(field=f"{at}.name"), "rename one of them")
        names.add(building.name)
        for place, hall in enumerate(building.halls):
            counts[hall] += 1
            where = Where(field=f"{at}.halls[{place}]")
            if hall not in halls:
                message = f"site {site.name!r} has no hall called {hall!r}"
                yield Problem("unknown-name", message, where, nearest(hall, halls))
            elif counts[hall] > 1:
                message = f"hall {hall!r} is in two buildings"
                yield Problem("contradiction", message, where, "keep one of the two")
    outside = [hall for hall in halls if hall not in counts]
    if outside:
        message = f"hall {outside[0]!r} is in no building"
        hint = "add it to the `halls` of a building"
        yield Problem("contradiction", message, Where(field=f"{field}.buildings"), hint)


def _check_routes(campus: Campus, field: str) -> Iterator[Problem]:
    """Refuse routes with equal names, without a length, and those that end where no other building is."""
    buildings = [building.name for building in campus.buildings]
    names: set[str] = set()
    for number, route in enumerate(campus.routes):
        at = f"{field}.routes[{number}]"
        if route.name in names:
            message = f"two routes are called {route.name!r}"
            yield Problem("duplicate-name", message, Where(field=f"{at}.name"), "rename one of them")
        names.add(route.name)
        yield from _unknown("building", route.between, buildings, f"{at}.between")
        if route.between[0] == route.between[1]:
            message = f"a route from {route.between[0]!r} to itself"
            yield Problem("contradiction", message, Where(field=f"{at}.between"), "write two buildings")


def _check_link(
    factory: AIFactory, site: Site, campus: Campus, link: BuildingLink, field: str
) -> Iterator[Problem]:
    """Refuse links whose fabrics are not each in one building, or between which no route is."""
    known = {fabric.name: fabric for fabric in factory.fabrics}
    yield from _unknown("fabric", link.fabrics, list(known), f"{field}.fabrics")
    yield from check_optic(link.optic, f"{field}.optic")
    if any(name not in known for name in link.fabrics):
        return
    where = Where(field=f"{field}.fabrics")
    ends: list[str] = []
    for name in link.fabrics:
        buildings = fabric_buildings(factory, site, campus, known[name])
        if len(buildings) != 1:
            listed = ", ".join(buildings) or "no building of this site"
            message = f"fabric {name!r} has pools in {listed}, and a link joins the fabrics of two buildings"
            hint = "give each building a fabric of its own, with `pools` that lists its pools"
            yield Problem("contradiction", message, where, hint)
            return
        ends += buildings
    if ends[0] == ends[1]:
        message = f"fabrics {link.fabrics[0]!r} and {link.fabrics[1]!r} are both in building {ends[0]!r}"
        yield Problem("contradiction", message, where, "name the fabrics of two buildings")
    elif not any(set(route.between) == set(ends) for route in campus.routes):
        message = f"no route is described between {ends[0]!r} and {ends[1]!r}"
        yield Problem("contradiction", message, where, "add it to `routes`")
    yield from _check_alike(known[link.fabrics[0]], known[link.fabrics[1]], where)


def _check_alike(first: Fabric, second: Fabric, where: Where) -> Iterator[Problem]:
    """Refuse a link between fabrics that do not work as one network."""
    for name in ("role", "kind", "planes"):
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours != theirs:
            message = f"{first.name!r} has {name} {ours}, and {second.name!r} {theirs}"
            yield Problem("contradiction", message, where, "join fabrics of one kind, role and planes")
    if (first.uplink or first.link) != (second.uplink or second.link):
        rates = f"{first.uplink or first.link} and {second.uplink or second.link}"
        message = f"the switches of {first.name!r} and {second.name!r} have ports of {rates}"
        yield Problem("contradiction", message, where, "give both the same `uplink`")


def _unknown(kind: str, names: Collection[str], known: Collection[str], field: str) -> Iterator[Problem]:
    """Refuse names that are not declared."""
    for place, name in enumerate(names):
        if name not in known:
            message = f"no {kind} is called {name!r}"
            yield Problem("unknown-name", message, Where(field=f"{field}[{place}]"), nearest(name, known))


def fabric_buildings(factory: AIFactory, site: Site, campus: Campus, fabric: Fabric) -> list[str]:
    """Return the buildings of a site whose pools a fabric joins, in the order of the description."""
    building_of: dict[str, str] = {}
    for building in campus.buildings:
        building_of.update(dict.fromkeys(building.halls, building.name))
    joined: dict[str, None] = {}
    for pool in factory.pools:
        if pool.site == site.name and pool.is_on(fabric):
            hall = pool.hall or site.halls[0].name
            if hall in building_of:
                joined[building_of[hall]] = None
    return list(joined)

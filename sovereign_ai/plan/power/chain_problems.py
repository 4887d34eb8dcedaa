"""What a power chain cannot carry: overloads in the normal state, after one loss, and without the grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.power.capping import MachineCap
from sovereign_ai.plan.power.chain import chain_elements, chain_load, fuel_needed, ups_modules
from sovereign_ai.plan.power.chain_elements import ChainElement, load_text
from sovereign_ai.plan.power.circuits import circuit_elements
from sovereign_ai.plan.power.loads import SiteLoad, machine_limit, rack_groups, site_load
from sovereign_ai.plan.shapes import Shape, shapes_at
from sovereign_ai.spec import PowerChain, Site
from sovereign_ai.units import Litres, Watts

# Element to the field that counts it.
_COUNTED = {
    "grid circuit": "grid.circuits",
    "transformer": "transformers.count",
    "generator": "generators.count",
    "UPS module": "ups.modules",
}


def site_chain(site: Site, all_pools: Sequence[Shape], other: int) -> tuple[ChainElement, ...]:
    """Return every element of a site's chain, from the grid to the racks' busbars; empty without a chain.

    Args:
        site: the site.
        all_pools: all pools.
        other: watts of the site's switches and storage servers.
    """
    if site.power.chain is None:
        return ()
    # The racks of all pools: which feed a rack starts at depends on those before it in its hall.
    groups = rack_groups(all_pools)
    load = site_load(site, groups, other)
    return (*chain_elements(site, load), *circuit_elements(site, groups))


def chain_problems(index: int, site: Site, all_pools: Sequence[Shape], other: int) -> Iterator[Problem]:
    """Refuse chains that do not carry a site.

    Args:
        index: position of the site in the description.
        site: the site.
        all_pools: all pools.
        other: watts of the site's switches and storage servers.
    """
    chain = site.power.chain
    if chain is None:
        return
    load = site_load(site, rack_groups(all_pools), other)
    field = f"sites[{index}].power.chain"
    for element in site_chain(site, all_pools, other):
        yield from _element_problems(site, chain, element, load, field)
    if chain.generators is not None:
        need = Litres(fuel_needed(chain.generators, chain_load(site, chain, load)) * 1000)
        if need > chain.generators.fuel:
            message = (
                f"the generators burn {need} in {chain.generators.autonomy}, "
                f"and {chain.generators.fuel} are stored"
            )
            where = Where(field=f"{field}.generators.fuel")
            yield Problem(
                "fuel-short", message, where, f"write at least {str(need)!r}, or a shorter autonomy"
            )


def _element_problems(
    site: Site, chain: PowerChain, element: ChainElement, load: SiteLoad, field: str
) -> Iterator[Problem]:
    """Yield what one kind of element cannot carry."""
    if element.element in _COUNTED:
        yield from _count_problems(element, f"{field}.{_COUNTED[element.element]}")
    elif element.element == "UPS system":
        yield from _system_problems(site, chain, element, load, f"{field}.ups.modules")
    elif element.element.startswith("busbar"):
        if element.each > element.rating:
            message = (
                f"each section of the {element.element} carries {load_text(element.each, 'mA')}, "
                f"and may carry {load_text(element.rating, 'mA')}"
            )
            hint = "feed more sections, raise its voltage, or cap the rack"
            yield Problem("busbar-overload", message, Where(field=f"{field}.busbar.current"), hint)
    elif element.element.startswith("shelf"):
        yield from _shelf_problems(site, element, f"{field}.busbar.shelves")
    else:
        yield from _circuit_problems(site, element, f"{field}.{element.element.removeprefix('rack ')}")


def _count_problems(element: ChainElement, field: str) -> Iterator[Problem]:
    """Yield that too few elements are installed: for the load itself, or for the loss of one."""
    if element.installed >= element.needed:
        return
    name, where = element.element, Where(field=field)
    load, each = load_text(element.load, element.unit), load_text(element.rating, element.unit)
    hint = f"write at least {element.needed:,}, or larger ones"
    if element.load > element.installed * element.rating:
        message = f"{load} exceed what {element.installed:,} x {name} of {each} carry"
        yield Problem("chain-overload", message, where, hint)
        return
    why = element.why["needed"]
    message = (
        f"{element.installed:,} x {name} are installed, and {element.needed:,} are needed for {load} ({why})"
    )
    yield Problem("chain-loss", message, where, hint)


def _system_problems(
    site: Site, chain: PowerChain, element: ChainElement, load: SiteLoad, field: str
) -> Iterator[Problem]:
    """Yield that UPS systems have too few modules, in the normal state or after a loss."""
    if chain.ups is None:
        return
    needed, modules = ups_modules(site, chain.ups, load, chain.mechanical.on_ups.count)
    if modules >= needed:
        return
    rating = load_text(element.rating, "W")
    hint = f"write at least {needed:,}, or larger modules"
    if element.each > element.rating:
        message = f"a UPS system carries {load_text(element.each, 'W')}, and has {rating}"
        yield Problem("chain-overload", message, Where(field=field), hint)
        return
    message = (
        f"after the loss of one a UPS system carries {load_text(element.after_loss, 'W')}, and has {rating} "
        f"({element.why['load']})"
    )
    yield Problem("chain-loss", message, Where(field=field), hint)


def _shelf_problems(site: Site, element: ChainElement, field: str) -> Iterator[Problem]:
    """Yield that too few power shelves carry a rack, in the normal state or after the loss of a feed."""
    where = Where(field=field)
    if element.installed < element.needed:
        message = f"{element.installed:,} x {element.element} are there, and {element.why['needed']}"
        yield Problem("chain-overload", message, where, f"write at least {element.needed:,}")
    elif site.power.survive == "any-feed" and element.left < 0:
        message = f"{element.element}: {element.why['after_loss']}, and {element.needed:,} are needed"
        hint = "write more shelves, or more feeds and rack PDUs"
        yield Problem("feed-loss", message, where, hint)


def _circuit_problems(site: Site, element: ChainElement, field: str) -> Iterator[Problem]:
    """Yield that a breaker or busway exceeds its continuous rating, in the normal state or after a loss."""
    limit = load_text(element.rating, "W")
    where = Where(field=f"{field}.current")
    hint = (
        "choose a larger one or a higher voltage, more rack PDUs or fewer machines a rack, or cap the racks"
    )
    if element.each > element.rating:
        message = (
            f"{element.why['load']} draws {load_text(element.each, 'W')}, "
            f"and the {element.element} carries {limit} continuously"
        )
        yield Problem("circuit-overload", message, where, hint)
    elif site.power.survive == "any-feed" and element.after_loss > element.rating:
        message = (
            f"after the loss of a feed {element.why['load']} draws {load_text(element.after_loss, 'W')}, "
            f"and the {element.element} carries {limit} continuously"
        )
        yield Problem("circuit-overload", message, where, hint)


def cap_problems(
    index: int,
    site: Site,
    all_pools: Sequence[Shape],
    caps: Mapping[str, MachineCap],
    other: Mapping[str, int],
) -> Iterator[Problem]:
    """Refuse caps below what machines draw without work, or below what cannot be limited.

    Args:
        index: position of the site in the description.
        site: the site.
        all_pools: all pools.
        caps: pool to the cap that limits its machines, beside the cap on racks.
        other: hall to the watts of its switches and storage servers.
    """
    for shape in shapes_at(all_pools, site):
        limit = machine_limit(shape)
        if limit is None:
            continue
        idle = shape.system.idle_power
        least = idle.count if idle else 0
        if limit <= least:
            machine = f"each {shape.system.name} of pool {shape.pool.name!r}"
            left = f"leaves {machine} {limit:,} W, and it draws {least:,} W idle"
            cap = caps.get(shape.pool.name)
            if cap is None or cap.watts > limit:
                rack = site.power.cap.rack if site.power.cap else ""
                hint = "write a higher cap, or put fewer machines into a rack"
                where = Where(field=f"sites[{index}].power.cap.rack")
                yield Problem("cap-too-low", f"a rack capped to {rack} {left}", where, hint)
            else:
                hint = "write a higher cap, or fewer machines below it"
                where = Where(field=f"sites[{index}].{cap.field}")
                yield Problem("cap-too-low", f"{cap.text}, which {left}", where, hint)
    for number, hall in enumerate(site.halls):
        # A hall without machines has nothing that could be limited.
        watts = other.get(hall.name, 0)
        if hall.cap is not None and watts > hall.cap.count:
            message = (
                f"switches and storage in hall {hall.name!r} draw {Watts(watts)}, and its cap is {hall.cap}"
            )
            where = Where(field=f"sites[{index}].halls[{number}].cap")
            hint = "write a higher cap: only machines can be limited"
            yield Problem("cap-too-low", message, where, hint)


def chain_warnings(site: Site, all_pools: Sequence[Shape]) -> Iterator[str]:
    """Yield what a chain's totals do not contain, since no figure of it is described."""
    chain = site.power.chain
    if chain is None or not shapes_at(all_pools, site):
        return
    above = [name for name in ("grid", "transformers", "generators") if getattr(chain, name) is not None]
    if above and chain.ups is None:
        yield f"site {site.name}: losses of the UPS are not described, and not counted for {', '.join(above)}"
    if chain.grid is not None and chain.transformers is None:
        yield f"site {site.name}: losses of transformers are not described, and not counted for grid"
    if chain.ups is not None and chain.ups.efficiency.grade == "estimate":
        source = chain.ups.efficiency.source
        yield f"site {site.name}: the efficiency of the UPS rests on an estimate: {source}"

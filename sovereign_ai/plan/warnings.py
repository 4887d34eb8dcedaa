"""What is allowed yet wants a look, each with the figure behind it.

Warnings change nothing and are never errors: estimates that the plan rests on, supplies and powers
that no source gives, cooling that could not be checked, feeds whose loss stops machines, ports without a
cable and rates that no network carries.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.catalog.figures import Grade, Sourced
from sovereign_ai.catalog.switches import switch
from sovereign_ai.plan.cooling import cooling_warnings
from sovereign_ai.plan.feasible import Draft
from sovereign_ai.plan.loads import site_load
from sovereign_ai.plan.network_notes import network_notes
from sovereign_ai.spec.factory import AIFactory

_RESTS_ON = ("max_power", "rack_power", "rack_units", "nodes_per_rack", "compute_nics", "compute_nic_rate", "storage_nics")
"""Figures of a system that change the plan."""
_SWITCH_RESTS_ON = ("ports", "rate", "rack_units", "power")


def warnings(factory: AIFactory, found: Draft) -> Iterator[str]:
    """Give every warning, in a fixed order."""
    weighed = any(shape.hall.floor_load for shape in found.shapes)
    systems = {shape.system.name: shape.system for shape in found.shapes}
    for name in sorted(systems):
        yield from _estimates("system", systems[name], _RESTS_ON + ("weight_kg",) * weighed)
    for name in sorted({fabric.switch for fabric in factory.fabrics if fabric.switch}):
        yield from _estimates("switch", switch(name), _SWITCH_RESTS_ON)
    for shape in found.shapes:
        if shape.pool.nodes_per_rack is None and shape.system.nodes_per_rack is None:
            yield (
                f"pool {shape.pool.name}: no source gives the machines a rack of {shape.system.name}; {shape.per_rack} are planned, "
                f"as many as {shape.hall.rack_limit} and the rack's height allow"
            )
    yield from network_notes(factory, found.shapes, found.storage)
    yield from _power(factory, found)
    yield from cooling_warnings(factory, found.groups)


def _estimates(kind: str, row: Sourced, fields: tuple[str, ...]) -> Iterator[str]:
    """Give the figures of a row that are our own estimates."""
    for field in fields:
        figure = row.source_of(field)
        if figure is not None and figure.grade is Grade.ESTIMATE:
            yield f"{kind} {row.name}: {field} rests on an estimate: {figure}"


def _power(factory: AIFactory, found: Draft) -> Iterator[str]:
    """Give what is not known of power, and what a lost feed stops where that is accepted."""
    silent = [fabric.name for fabric in factory.fabrics if fabric.switch is None or switch(fabric.switch).power is None]
    count = sum(size.leaf + size.spine + size.core for size in found.sizes if size.fabric in silent)
    if count:
        yield f"power of {count:,} switches of {', '.join(silent)} is in no source and not counted"
    servers = sum(len(tier.servers) for tier in found.storage)
    if servers:
        yield f"power of {servers:,} storage servers is in no source and not counted"
    for site in factory.sites:
        load = site_load(site, found.groups)
        for name in load.unknown:
            yield f"site {site.name}: no source gives the supplies of {name}, so it is not decided whether they survive the loss of a feed"
        for feed, stopped in zip(sorted(site.power.feeds), load.stopped, strict=True):
            for name, machines in sorted(stopped.items()):
                yield f"site {site.name}: the loss of feed {feed} stops {machines:,} {name}; 'survive: none' accepts that"

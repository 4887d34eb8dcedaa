"""What is allowed but should be reviewed, each with the figure behind it.

Warnings change nothing and are never errors: estimates that the plan rests on, supplies and powers that no
source gives, cooling that could not be checked, feeds whose loss stops servers, ports without a cable,
rates that no network carries, a feature of Kueue that ends work, and sharing that Kueue does otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sovereign_ai.catalog import Grade, Sourced, server_power
from sovereign_ai.catalog.switch import switch
from sovereign_ai.plan.campus import span_notes
from sovereign_ai.plan.fabric.management_ports import support
from sovereign_ai.plan.feasibility import Draft
from sovereign_ai.plan.multikueue import worker_notes
from sovereign_ai.plan.network_review import network_notes
from sovereign_ai.plan.power.chain_problems import chain_warnings
from sovereign_ai.plan.power.cooling import cooling_warnings
from sovereign_ai.plan.power.loads import SiteLoad, site_load
from sovereign_ai.plan.queue_gates import gate_warnings
from sovereign_ai.plan.queue_sharing import fair_sharing_warnings
from sovereign_ai.plan.racks import (
    hottest_support_rack,
    support_watts,
    switch_power,
)
from sovereign_ai.spec import AIFactory, Fabric, Site
from sovereign_ai.text import counted

# Figures of a system that change the plan.
_RESTS_ON = (
    "max_power",
    "rack_power",
    "rack_units",
    "nodes_per_rack",
    "compute_nics",
    "compute_nic_rate",
    "storage_nics",
)
_SWITCH_RESTS_ON = ("ports", "rate", "rack_units", "power")


def warnings(factory: AIFactory, draft: Draft) -> Iterator[str]:
    """Yield every warning, in a fixed order. The order and the wording are part of the plan's digest."""
    figures: tuple[str, ...] = _RESTS_ON
    # Weight matters only where some floor has a limit.
    if any(shape.hall.floor_load for shape in draft.shapes):
        figures += ("weight_kg",)
    systems = {shape.system.name: shape.system for shape in draft.shapes}
    for name in sorted(systems):
        yield from _estimate_warnings("system", systems[name], figures)
    models: set[str] = set()
    for fabric in factory.fabrics:
        for tier in fabric.switch_tiers:
            model = fabric.switch_of(tier)
            if model:
                models.add(model)
    for name in sorted(models):
        yield from _estimate_warnings("switch", switch(name), _SWITCH_RESTS_ON)
    yield from _unnamed_warnings(factory)
    for shape in draft.shapes:
        if shape.pool.nodes_per_rack is None and shape.system.nodes_per_rack is None:
            yield (
                f"pool {shape.pool.name}: no source gives the machines a rack of {shape.system.name}; "
                f"{shape.per_rack} are planned, as many as {shape.hall.rack_limit} "
                "and the rack's height allow"
            )
    yield from network_notes(factory, draft.shapes, draft.storage)
    yield from _power_warnings(factory, draft)
    batches = list(support(factory, draft.shapes, draft.sizes, draft.storage))
    yield from cooling_warnings(factory, draft.groups, support_watts(batches), hottest_support_rack(batches))
    for site in factory.sites:
        yield from chain_warnings(site, draft.shapes)
    yield from span_notes(factory, draft.shapes, draft.campus)
    yield from gate_warnings(factory)
    yield from worker_notes(factory)
    yield from fair_sharing_warnings(factory)


def _is_by_ports(fabric: Fabric, tier: str) -> bool:
    """Return whether the power of a fabric's switch of one tier follows from its ports alone."""
    name = fabric.switch_of(tier)
    return name is None or switch(name).source_of("power") is None


def _unnamed_warnings(factory: AIFactory) -> Iterator[str]:
    """Yield the estimated power of switches without a model or without watts, once for equal ones."""
    fabrics_of: dict[str, list[str]] = {}
    for fabric in factory.fabrics:
        for tier in fabric.switch_tiers:
            power = switch_power(fabric, tier)
            if _is_by_ports(fabric, tier):
                names = fabrics_of.setdefault(str(power), [])
                if fabric.name not in names:
                    names.append(fabric.name)
    for text, names in fabrics_of.items():
        yield f"switches of {', '.join(names)}: power rests on an estimate: {text}"


def _estimate_warnings(kind: str, row: Sourced, fields: tuple[str, ...]) -> Iterator[str]:
    """Yield the figures of a catalogue row that are our own estimates."""
    for field in fields:
        figure = row.source_of(field)
        if figure is not None and figure.grade is Grade.ESTIMATE:
            yield f"{kind} {row.name}: {field} rests on an estimate: {figure}"


def _power_warnings(factory: AIFactory, draft: Draft) -> Iterator[str]:
    """Yield the estimated power of storage servers, and servers that a lost feed stops, if accepted."""
    yield from _server_warnings(factory, draft)
    for site in factory.sites:
        yield from _feed_warnings(site, site_load(site, draft.groups))


def _server_warnings(factory: AIFactory, draft: Draft) -> Iterator[str]:
    """Yield the estimated power of storage servers, once for equal ones."""
    counts: Counter[tuple[str, int]] = Counter()
    described = {tier.name: tier for tier in factory.storage}
    for storage in draft.storage:
        tier = described[storage.tier]
        counts[tier.media, tier.server_drives] += len(storage.servers)
    for (media, drives), servers in counts.items():
        power = server_power(media, drives)
        yield (
            f"power of {counted(servers, 'storage server')} of {drives} {media} drives rests on an estimate: "
            f"{power.low} to {power.high} W each"
        )


def _feed_warnings(site: Site, load: SiteLoad) -> Iterator[str]:
    """Yield the servers of a site that the loss of a feed stops, or of which that is not known."""
    for name in load.unknown:
        yield (
            f"site {site.name}: no source gives the supplies of {name}, "
            "so it is not decided whether they survive the loss of a feed"
        )
    for feed, stopped in zip(sorted(site.power.feeds), load.stopped, strict=True):
        for name, machines in sorted(stopped.items()):
            yield (
                f"site {site.name}: the loss of feed {feed} stops {machines:,} {name}; "
                "'survive: none' accepts that"
            )

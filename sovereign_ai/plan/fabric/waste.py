"""Fabric planes with over 1.25 times the switches or links that the same servers need.

Each is reported with a cheaper design.

The comparison covers what is above the leaves: spines and cores, cores by themselves, and the links between
switches. Leaves are compared with those that would do if units of machines were not kept together, or, where
most of their ports stay free, without the bound on their servers. A cheaper design keeps the ratio of the
description. It may give up that each leaf has equally many links to each spine, places kept for growth that
are less than half used, a leaf for each rail where one switch holds everything, a number of uplinks beyond
the ratio, pods that are a single one or have more spines than leaves, and, of three tiers, ports of the
leaves' own rate for uplinks where the model has faster ones beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sovereign_ai.catalog.switch import switch
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.plan.fabric.idle_fields import idle_field_notes, part_rate_notes, unusual_rate_notes
from sovereign_ai.plan.fabric.layout import Laid
from sovereign_ai.plan.fabric.port_assignment import (
    Block,
    fabrics_by_name,
    pools_of,
    total_hosts,
    total_places,
)
from sovereign_ai.plan.fabric.size import WASTE, FabricSize
from sovereign_ai.plan.fabric.sizing import laid_out
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import machines_a_rack
from sovereign_ai.spec import AIFactory, Fabric
from sovereign_ai.text import counted

_FAST_SPINE_PORTS = 64
"""Ports of a spine above uplinks of 100 Gbps, as SN4600C has (the model that published management networks
have there)."""


def waste_notes(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[str]:
    """Yield a note for each wasteful fabric and site, in the order of the planes."""
    fabrics = fabrics_by_name(factory)
    for fabric in factory.fabrics:
        yield from unusual_rate_notes(fabric)
        yield from part_rate_notes(fabric)
    for size in sizes:
        # The planes of a fabric are equal, so the first represents all of them.
        if size.plane == 0:
            fabric = fabrics[size.fabric].of_a_plane()
            yield from idle_field_notes(fabrics[size.fabric], size)
            yield from _plane_note(factory, fabric, size)
            yield from _unit_note(factory, fabric, size)
            yield from _empty_leaf_note(factory, fabric, size)


def _unit_note(factory: AIFactory, fabric: Fabric, size: FabricSize) -> Iterator[str]:
    """Yield the note of a plane whose leaves stay empty because units of machines do not straddle them."""
    units = [block.unit for block in size.blocks if 1 < block.unit <= block.places]
    if not units:
        return
    free = [replace(block, unit=1) for block in size.blocks]
    try:
        laid = laid_out(fabric, free, _rack_size(factory, fabric, size))
    except MisfitError:
        return
    fewer = f"{laid.clos.leaf:,} would do"
    if size.tiers > laid.clos.tiers:
        fewer += f", over {counted(laid.clos.tiers, 'tier')} and not {size.tiers},"
    elif size.leaf <= WASTE * laid.clos.leaf:
        return
    leaves_text = counted(size.leaf, "leaf", "leaves")
    yield (
        f"fabric {fabric.name} at {size.site}: {leaves_text} a plane, since units of "
        f"{counted(max(units), 'machine')} are kept together; {fewer} with another "
        "'scalable_unit' of the pool"
    )


def _empty_leaf_note(factory: AIFactory, fabric: Fabric, size: FabricSize) -> Iterator[str]:
    """Yield the note of a plane whose leaves keep most ports free, since `leaf_hosts` bounds them."""
    if fabric.leaf_hosts is None or size.layout is None or size.leaf == 1:
        return
    ports = size.layout.ports
    used = ports.reserved + ceil_div(size.down * size.leaf_rails, ports.breakout)
    if not ports.extra:
        used += ceil_div(size.up + size.layout.partners.leaf, ports.uplink_breakout)
    cages = ports.cages + ports.reserved
    if 2 * used >= cages:
        return
    together: dict[str, object] = {"leaf_rails": fabric.rails}
    unbound: dict[str, object] = {"leaf_hosts": None}
    choices = [("without 'leaf_hosts'", unbound)]
    if size.leaf_rails < fabric.rails:
        choices.insert(0, (f"with 'leaf_rails: {fabric.rails}'", together))
    for words, fields in choices:
        try:
            changed = fabric.model_copy(update=fields)
            laid = laid_out(changed, list(size.blocks), _rack_size(factory, fabric, size))
        except MisfitError:
            continue
        if size.leaf > WASTE * laid.clos.leaf:
            leaves_text = counted(size.leaf, "leaf", "leaves")
            yield (
                f"fabric {fabric.name} at {size.site}: {leaves_text} a plane, and at most {used} "
                f"of the {counted(cages, 'port')} of each are used; {words} {laid.clos.leaf:,} would do"
            )
            return


def _plane_note(factory: AIFactory, fabric: Fabric, size: FabricSize) -> Iterator[str]:
    """Yield the note of one plane if there is one."""
    best: Laid | None = None
    best_words = ""
    for words, laid in _cheaper_designs(factory, fabric, size):
        if best is None or _count_cost(laid) < _count_cost(best):
            best, best_words = laid, words
    if best is None:
        return
    upper, links = size.spine + size.core, size.leaf_spine + size.spine_core
    best_switches, best_links = _count_cost(best)
    # Cores are compared by themselves as well: among many spines a multiple of them would be lost.
    clos = best.clos
    wastes_cores = clos.core > 0 and size.core > WASTE * clos.core
    wastes_upper = upper > WASTE * (clos.spine + clos.core)
    if wastes_cores or wastes_upper or links > WASTE * best_links:
        switches = size.leaf + upper + size.border
        switches_text = counted(switches, "switch", "switches")
        links_text = counted(links, "link")
        now = f"{switches_text} and {links_text} between them a plane"
        cheaper = f"with {best_words} {best_switches:,} and {best_links:,} would do"
        yield f"fabric {fabric.name} at {size.site}: {now}; {cheaper}"


def _count_cost(laid: Laid) -> tuple[int, int]:
    """Return switches, then links between switches, of a design."""
    clos, borders = laid.clos, laid.layout.border_leaves
    links = clos.leaf_spine + borders * laid.layout.border_uplinks + clos.spine_core
    return clos.leaf + clos.spine + clos.core + borders, links


def _cheaper_designs(factory: AIFactory, fabric: Fabric, size: FabricSize) -> Iterator[tuple[str, Laid]]:
    """Yield designs that may be cheaper, each with the fields that select it."""
    rack = _rack_size(factory, fabric, size)
    blocks = list(size.blocks)
    least: dict[str, object] = {"spines": "least"}
    choices: list[tuple[str, dict[str, object], list[Block]]] = [("'spines: least'", least, blocks)]
    padding = ""
    if 2 * total_hosts(blocks) <= total_places(blocks):
        blocks = [replace(block, places=max(block.hosts, 1)) for block in blocks if block.hosts]
        padding = " and 'padding: none'"
        choices.append((f"'spines: least'{padding}", least, blocks))
    if isinstance(fabric.uplinks, int):
        choices.append((f"'spines: least'{padding} and without 'uplinks'", least | {"uplinks": None}, blocks))
    # Such pods serve growth alone; with rails of their own they may still have a reason.
    if fabric.pod_leaves is not None and (size.shape.pods == 1 or size.spine > size.leaf):
        no_pods = dict.fromkeys(("pod_leaves", "pod_by", "cores", "core_oversubscription", "subnets"))
        choices.append((f"'spines: least'{padding} and without 'pod_leaves'", least | no_pods, blocks))
    # Separate rails are the purpose of a rail-optimised fabric. Only where one switch holds everything is
    # nothing lost.
    is_free = fabric.leaf_rails is None and fabric.leaf_hosts is None and fabric.peer_links is None
    if fabric.role == "compute" and fabric.rails > 1 and is_free:
        all_rails: dict[str, object] = {"leaf_rails": fabric.rails}
        choices.append((f"'leaf_rails: {fabric.rails}'{padding}", all_rails, blocks))
    model = None if fabric.switch is None else switch(fabric.switch)
    # Ports for uplinks that a switch has beside its others stay unused until `uplink` gives their rate.
    if model is not None and model.uplink_rate is not None and fabric.uplink is None and size.tiers == 3:
        fast: dict[str, object] = {"uplink": model.uplink_rate, "spine_radix": _FAST_SPINE_PORTS}
        words = f"'uplink: {model.uplink_rate}', a 'spine_switch' of {_FAST_SPINE_PORTS} such ports"
        choices.append((f"{words}{padding} and 'spines: least'", least | fast, blocks))
    for words, fields, members in choices:
        try:
            laid = laid_out(fabric.model_copy(update=fields), members, rack)
        except MisfitError:
            continue
        if "leaf_rails" not in fields or laid.clos.leaf == 1:
            yield words, laid


def _rack_size(factory: AIFactory, fabric: Fabric, size: FabricSize) -> int:
    """Return the servers in a rack of the pools that join; 0 where that is not needed or the pools differ."""
    if fabric.leaf_hosts != "rack":
        return 0
    sizes = {machines_a_rack(factory, pool) for pool in pools_of(factory, fabric, size.site)}
    return sizes.pop() if len(sizes) == 1 else 0

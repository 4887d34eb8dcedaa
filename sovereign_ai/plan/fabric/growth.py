"""Growth in phases: from which phase on each switch of a plane stands.

A plane is laid out for what stands in the end: places of servers, uplinks of leaves, spines and cores. A leaf
stands from the phase of its first host on, and a spine or core from that of the first switch below it. With
two tiers that is every spine from the start; with pods, each pod's spines come with its first leaf, and so do
its border leaves. So a cable is laid when its lower end comes and never moved, and a leaf has all of its
uplinks in every phase.

Storage servers, fabric managers and management ports are there from the start, and so are their leaves. Of a
pair of leaves without spines each stands with its own first host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.cables import CableNames, leaf_spine, spine_core, switch_names
from sovereign_ai.plan.fabric.layout import pods_of
from sovereign_ai.plan.fabric.port_assignment import MANAGED, SERVERS, assign_places, fabrics_by_name
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.fabric.switch_ports import port_names
from sovereign_ai.plan.racks import switch_batches
from sovereign_ai.plan.shapes import phase_totals
from sovereign_ai.spec import AIFactory


@frozen_dataclass
class SwitchGroup:
    """Switches of one model of a plane that come in one phase.

    Attributes:
        size: the plane.
        tier: `leaf`, `spine` for spines and cores of another model, or `border`.
        names: the switches.
    """

    size: FabricSize
    tier: str
    names: Sequence[str]


def switch_groups(factory: AIFactory, sizes: Sequence[FabricSize]) -> list[SwitchGroup]:
    """Return the switches of all planes in the order in which they are put into racks: phase by phase.

    So racks are filled from the bottom, and what comes later stands above what is there.
    """
    fabrics = fabrics_by_name(factory)
    last = max(len(factory.phases) - 1, 0)
    by_phase: list[list[SwitchGroup]] = [[] for _ in range(last + 1)]
    for size in sizes:
        fabric = fabrics[size.fabric]
        first = first_phases(factory, size, fabric.managers)
        names = switch_names(size)
        left = list(names.switches)
        for tier, count in switch_batches(fabric, size):
            batch, left = left[:count], left[count:]
            for phase, groups in enumerate(by_phase):
                group = [name for name in batch if first.get(name, 0) == phase] if first else batch
                # A factory without phases has one group a batch, also where that is empty.
                if group or not last:
                    groups.append(SwitchGroup(size, tier, group))
    ordered: list[SwitchGroup] = []
    for groups in by_phase:
        ordered += groups
    return ordered


def first_phases(factory: AIFactory, size: FabricSize, managers: int) -> dict[str, int]:
    """Return the phase from which on each switch of a plane stands, from 0; nothing without phases."""
    if len(factory.phases) < 2:
        return {}
    totals = phase_totals(factory)
    last = len(totals) - 1
    names = switch_names(size)
    first = dict(zip(names.leaves, _leaf_phases(size, totals, managers), strict=True))
    first |= _border_phases(size, names, first)
    is_pair = size.layout is not None and size.layout.peers > 0
    if not is_pair:
        # Only the ends of the cables count here, so that any names of ports do.
        ports = port_names(size.radix, 1)
        for cables in (leaf_spine(size, names, ports), spine_core(size, names, ports)):
            for lower, upper in cables.pairs():
                first[upper] = min(first.get(upper, last), first[lower])
    for name in (*names.spines, *names.cores):
        first.setdefault(name, last)
    return first


def _border_phases(size: FabricSize, names: CableNames, first: Mapping[str, int]) -> dict[str, int]:
    """Return the phase of each border leaf: that of the first leaf of its pod.

    Args:
        size: the plane.
        names: its switches.
        first: the phase of each leaf.
    """
    if size.layout is None or not names.borders:
        return {}
    pods = pods_of(size.leaf, size.rails, size.shape, size.layout)
    begins: list[int] = []
    for positions in pods:
        begins.append(min(first[names.leaves[position]] for position in positions))
    return {name: begins[number % len(pods)] for number, name in enumerate(names.borders)}


def _leaf_phases(size: FabricSize, totals: Sequence[Mapping[str, int]], managers: int) -> list[int]:
    """Return the phase of each leaf's first host; a leaf without any comes last.

    Args:
        size: the plane.
        totals: for each phase, pool to its servers with spares.
        managers: ports of fabric managers, which take free places as in `cables.node_leaf`.
    """
    groups = size.rails // size.leaf_rails
    phases = [len(totals) - 1] * size.leaf
    free: list[int] = []
    for block, places in zip(size.blocks, assign_places(size.blocks, size.down), strict=True):
        phase = 0
        for number, place in enumerate(places[: block.hosts]):
            if block.name not in (SERVERS, MANAGED):
                while totals[phase][block.name] <= number:
                    phase += 1
            number_of_leaf = place // size.down
            for leaf in range(number_of_leaf * groups, (number_of_leaf + 1) * groups):
                phases[leaf] = min(phases[leaf], phase)
        if block.name not in (SERVERS, MANAGED):
            free = places[block.hosts :]
    for manager in range(managers):
        turn, rail = divmod(manager, size.rails)
        phases[free[turn] // size.down * groups + rail // size.leaf_rails] = 0
    return phases

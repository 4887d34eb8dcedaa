"""Whether a description can be built at all: every problem at once, from closed forms.

`validate` calls `feasible`. The planner calls `draft`, which also returns the intermediate results. Each
problem names the limit and the smallest change that would fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.addresses import Partition, Prefix, asn_problems, demands, partitions, prefixes
from sovereign_ai.plan.campus import CampusLink, campus_links, span_problems
from sovereign_ai.plan.cluster_split import SiteCut, split_sites
from sovereign_ai.plan.clusters import cluster_problems
from sovereign_ai.plan.device_names import name_problems
from sovereign_ai.plan.fabric.feasibility import cable_problems, fabric_problems, size_fabrics
from sovereign_ai.plan.fabric.management_ports import managed_ports, support
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.multikueue import multikueue_problems
from sovereign_ai.plan.power.capping import MachineCap, machine_caps
from sovereign_ai.plan.power.chain_problems import cap_problems, chain_problems
from sovereign_ai.plan.power.cooling import cooling_problems
from sovereign_ai.plan.power.feeds import power_problems
from sovereign_ai.plan.power.loads import RackGroup, planned_watts, rack_groups
from sovereign_ai.plan.quotas import Quotas, plan_quotas
from sovereign_ai.plan.racks import (
    SupportBatch,
    server_watts,
    support_racks,
    support_watts,
    switch_batches,
    switch_watts,
)
from sovereign_ai.plan.shapes import RACK_UNITS, Shape, limited_shapes, placed, pool_shapes
from sovereign_ai.plan.storage import StoragePlan, plan_storage, server_problems, storage_problems
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.units import Watts

MOST_MACHINES = 250_000
"""Servers of a factory, spares included: two million GPUs, more than any announced. Checked before anything
is sized."""
RACK_AREA_CM2 = 7_200
"""Floor under a rack of 600 by 1,200 mm, our assumption. The racks' own weight is not known and not
counted."""


@frozen_dataclass
class Draft:
    """The results of the closed forms, before anything is planned.

    Attributes:
        shapes: the pools as they stand now.
        whole: the pools as they stand in the end, for which all else is laid out.
        groups: compute racks that stand now.
        storage: tiers.
        sizes: fabric planes.
        cuts: the division into clusters.
        quotas: tenants' GPUs.
        prefixes: address ranges.
        partitions: the zones' partitions of fabrics.
        caps: pool to the cap that limits its machines; pools that only the cap on racks limits are absent.
        campus: the links between buildings.
    """

    shapes: tuple[Shape, ...]
    whole: tuple[Shape, ...]
    groups: list[RackGroup]
    storage: tuple[StoragePlan, ...]
    sizes: tuple[FabricSize, ...]
    cuts: tuple[SiteCut, ...]
    quotas: Quotas
    prefixes: tuple[Prefix, ...]
    partitions: tuple[Partition, ...]
    caps: Mapping[str, MachineCap] = field(default_factory=dict)
    campus: tuple[CampusLink, ...] = ()


def feasible(factory: AIFactory, where: Callable[[str], Where] | None = None) -> list[Problem]:
    """Return every impossible request, in the order of the text; empty when the factory can be planned.

    Args:
        factory: the description.
        where: maps a dotted field to its place; without it, problems point at the line of the Python call
            that made the part.
    """
    return draft(factory, where)[1]


def draft(factory: AIFactory, where: Callable[[str], Where] | None = None) -> tuple[Draft, list[Problem]]:
    """Return the draft, and every problem. The draft is complete only where there are no problems.

    It is laid out for the last phase; only what tenants may use is compared with what stands now.
    """
    standing, factory = factory, factory.in_phase(None)
    pools = pool_shapes(factory)
    shapes = pool_shapes(standing)
    if problems := list(_too_many_machines(pools)):
        # Nothing else is checked, since everything else grows with the number of servers.
        return Draft(shapes, pools, [], (), (), (), Quotas({}), (), ()), placed(factory, problems, where)
    storage_limits = list(server_problems(factory, pools))
    tiers = () if storage_limits else plan_storage(factory, pools)
    sizes, problems = _settled_sizes(factory, pools, tiers)
    split, more = split_sites(factory, pools)
    problems += more
    shares, more = plan_quotas(standing, shapes)
    problems += more
    members: list[tuple[str, str, int]] = []
    for cut in split:
        for number, name in enumerate(cut.names):
            members.append((name, cut.site.name, cut.machines(number)))
    ranges, more = prefixes(factory, demands(factory, pools, sizes, members))
    problems += more
    parts, more = partitions(factory)
    problems += more
    problems += asn_problems(factory, sizes)
    problems += cable_problems(factory, sizes)
    problems += cluster_problems(factory)
    problems += multikueue_problems(factory, pools, split)
    problems += name_problems(factory, pools, sizes, tiers)
    problems += storage_limits
    problems += storage_problems(factory, pools)
    batches = list(support(factory, pools, sizes, tiers))
    other_by_hall = support_watts(batches)
    caps = machine_caps(pools, other_by_hall)
    limits = {pool: cap.watts for pool, cap in caps.items()}
    pools, shapes = limited_shapes(pools, limits), limited_shapes(shapes, limits)
    groups = rack_groups(pools)
    problems += cooling_problems(factory, pools, groups, other_by_hall)
    for shape in pools:
        problems += _rack_problems(factory, shape)
    problems += _device_problems(factory, batches)
    problems += _hall_problems(factory, pools, batches)
    links, more = campus_links(factory, pools, sizes)
    problems += more
    problems += span_problems(factory, pools, batches)
    for index, site in enumerate(factory.sites):
        other = other_watts(factory, sizes, tiers, site.name)
        problems += power_problems(factory, index, site, pools, other_by_hall)
        problems += cap_problems(index, site, pools, caps, other_by_hall)
        problems += chain_problems(index, site, pools, other)
    if standing.phase is not None:
        groups = rack_groups(shapes, {shape.pool.name: shape.racks for shape in pools})
    drafted = Draft(shapes, pools, groups, tiers, sizes, split, shares, ranges, parts, caps, links)
    return drafted, placed(standing, problems, where)


def _settled_sizes(
    factory: AIFactory, pools: Sequence[Shape], tiers: Sequence[StoragePlan]
) -> tuple[tuple[FabricSize, ...], list[Problem]]:
    """Return the sizes of all planes, with management ports of switches and racks, or the problems."""
    spares = {shape.pool.name: shape.spares.machines for shape in pools}
    servers: dict[str, int] = {}
    for tier in tiers:
        servers[tier.site] = servers.get(tier.site, 0) + len(tier.servers)
    managed: dict[str, int] = {}
    while True:
        problems = fabric_problems(factory, spares, servers, managed)
        if problems:
            return (), problems
        sizes = size_fabrics(factory, spares, servers, managed)
        # More out-of-band switches take more racks, whose PDUs take more ports. Ports only grow, so this
        # ends.
        ports = managed_ports(factory, pools, sizes, tiers, managed) if sizes else managed
        if ports == managed:
            return sizes, []
        managed = ports


def _too_many_machines(pools: Sequence[Shape]) -> Iterator[Problem]:
    """Refuse more servers than a plan supports, at the largest pool."""
    total = 0
    for shape in pools:
        total += shape.total
    if total > MOST_MACHINES:
        largest = max(pools, key=lambda shape: shape.total)
        machines_text = counted(total, "machine")
        message = f"{machines_text} in all pools, and a factory is planned with at most {MOST_MACHINES:,}"
        where = Where(field=f"pools[{largest.index}].nodes")
        yield Problem("too-many-machines", message, where, "write fewer, or describe several factories")


def other_watts(
    factory: AIFactory, sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan], site: str
) -> int:
    """Sum the watts of a site's switches and storage servers, at the upper ends."""
    fabrics = fabrics_by_name(factory)
    total = 0
    for size in sizes:
        if size.site == site:
            fabric = fabrics[size.fabric]
            for tier, count in switch_batches(fabric, size):
                total += count * switch_watts(fabric, tier)
    for storage in tiers:
        if storage.site == site:
            total += len(storage.servers) * server_watts(factory, storage.tier)
    return total


def _rack_problems(factory: AIFactory, shape: Shape) -> Iterator[Problem]:
    """Compare a pool's full rack with the power, height and floor of its hall."""
    machine, hall, count = shape.system, shape.hall, min(shape.per_rack, shape.total)
    pool = f"pool {shape.pool.name!r}"
    domain = machine.nvlink_domain_nodes
    if domain and shape.per_rack != domain:
        message = (
            f"{shape.per_rack} in a rack, and the NVLink domain of {machine.name} is one rack of {domain}"
        )
        where = Where(field=f"pools[{shape.index}].nodes_per_rack")
        yield Problem("split-domain", message, where, f"write {domain}, or leave it out")
        return
    if planned_watts(shape, count) > hall.rack_limit.count:
        message = (
            f"{pool}: a rack of {count} {machine.name} draws {Watts(planned_watts(shape, count))}, "
            f"and hall {hall.name!r} allows {hall.rack_limit}"
        )
        fitting = _fitting_hint(
            factory, shape, count, lambda n: planned_watts(shape, n) <= hall.rack_limit.count
        )
        yield Problem("rack-over-limit", message, *fitting)
    units = machine.rack_units or 0
    if count * units > RACK_UNITS:
        message = (
            f"{pool}: {count} {machine.name} are {count} x {units} = {count * units} units high, "
            f"and a rack has {RACK_UNITS}"
        )
        fitting = _fitting_hint(factory, shape, count, lambda n: n * units <= RACK_UNITS)
        yield Problem("rack-over-height", message, *fitting)
    heaviest = machine.worst_weight_kg
    if hall.floor_load is not None and heaviest is not None:
        # The floor load is in kg/m2, and 10,000 cm2 are a square metre.
        most = hall.floor_load.count * RACK_AREA_CM2 / 10_000
        weight = heaviest
        if count * weight > most:
            message = (
                f"{pool}: {count} {machine.name} weigh {count * weight:g} kg, "
                f"and the floor carries {most:g} kg under a rack ({hall.floor_load})"
            )
            fitting = _fitting_hint(factory, shape, count, lambda n: n * weight <= most)
            yield Problem("rack-over-weight", message, *fitting)


def _fitting_hint(
    factory: AIFactory, shape: Shape, count: int, fits: Callable[[int], bool]
) -> tuple[Where, str]:
    """Return the field and the hint with the nearest number of servers that fits a rack."""
    best = count
    while best and not fits(best):
        best -= 1
    if best and not shape.system.nvlink_domain_nodes:
        where = Where(field=f"pools[{shape.index}].nodes_per_rack")
        return where, f"write nodes_per_rack {best}, or choose another hall"
    site = factory.sites.index(shape.site)
    hall = shape.site.halls.index(shape.hall)
    noun = "a rack-scale NVLink domain, which cannot be divided," if best else "one machine"
    where = Where(field=f"sites[{site}].halls[{hall}].rack_limit")
    return where, f"{noun} does not fit: raise the hall's limits, or choose another hall"


def _device_problems(factory: AIFactory, batches: Sequence[SupportBatch]) -> Iterator[Problem]:
    """Refuse halls where a single switch or storage server draws more than a rack may.

    Args:
        factory: the description.
        batches: switches and storage servers.
    """
    hottest: dict[str, SupportBatch] = {}
    for batch in batches:
        known = hottest.get(batch.hall.name)
        if batch.count and (known is None or batch.watts > known.watts):
            hottest[batch.hall.name] = batch
    for number, site in enumerate(factory.sites):
        for place, hall in enumerate(site.halls):
            device = hottest.get(hall.name)
            if device is None or device.watts <= hall.rack_limit.count:
                continue
            noun = "switch" if device.kind == "network" else "storage server"
            message = (
                f"one {noun} in hall {hall.name!r} draws {Watts(device.watts)}, "
                f"and a rack there may draw {hall.rack_limit}"
            )
            where = Where(field=f"sites[{number}].halls[{place}].rack_limit")
            hint = f"write at least {str(Watts(device.watts))!r}, or choose another switch or hall"
            if noun != "switch":
                hint = f"write at least {str(Watts(device.watts))!r}, or fewer drives a server"
            yield Problem("rack-over-limit", message, where, hint)


def _hall_problems(
    factory: AIFactory, pools: Sequence[Shape], batches: Sequence[SupportBatch]
) -> Iterator[Problem]:
    """Refuse halls with too few rack positions."""
    support_count = support_racks(batches)
    for number, site in enumerate(factory.sites):
        for place, hall in enumerate(site.halls):
            compute = sum(shape.racks for shape in pools if shape.hall.name == hall.name)
            need = compute + support_count.get(hall.name, 0)
            if need > hall.racks:
                support_need = need - compute
                needed = f"{compute:,} of machines, {support_need:,} of switches and storage"
                racks_text = counted(need, "rack is", "racks are")
                places_text = counted(hall.racks, "place")
                message = f"{racks_text} needed ({needed}), and hall {hall.name!r} has {places_text}"
                where = Where(field=f"sites[{number}].halls[{place}].racks")
                yield Problem("hall-full", message, where, f"write at least {need:,}, or move a pool")

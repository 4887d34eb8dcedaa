"""Whether a wish can be met at all: every problem at once, from closed forms, before anything is laid out.

`feasible` is what `validate` asks; the planner asks the same and goes on with the draft. Each
problem names the limit and the smallest change that would fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.addresses import Partition, Prefix, asn_problems, demands, partitions, prefixes
from sovereign_ai.plan.clusters import cluster_problems
from sovereign_ai.plan.cooling import cooling_problems
from sovereign_ai.plan.cuts import Cut, cuts
from sovereign_ai.plan.feeds import power_problems
from sovereign_ai.plan.fit import cable_problems, fabric_problems, size_fabrics
from sovereign_ai.plan.loads import RackGroup, rack_groups, rack_watts
from sovereign_ai.plan.managed import managed_ports, support
from sovereign_ai.plan.quotas import Quotas, quotas
from sovereign_ai.plan.racks import support_racks, switch_watts
from sovereign_ai.plan.shapes import RACK_UNITS, Shape, placed, shapes
from sovereign_ai.plan.size import FabricSize
from sovereign_ai.plan.storage import StoragePlan, server_problems, storage, storage_problems
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import Watts

RACK_AREA_CM2 = 7_200
"""Floor under a rack of 600 by 1,200 mm, our assumption; the racks' own weight is not known and not counted."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known before anything is laid out.

    Attributes:
        shapes: the pools.
        groups: compute racks.
        storage: tiers.
        sizes: planes.
        cuts: the split into clusters.
        quotas: tenants' GPUs.
        prefixes: address ranges.
        partitions: zones' parts of fabrics.
    """

    shapes: tuple[Shape, ...]
    groups: list[RackGroup]
    storage: tuple[StoragePlan, ...]
    sizes: tuple[FabricSize, ...]
    cuts: tuple[Cut, ...]
    quotas: Quotas
    prefixes: tuple[Prefix, ...]
    partitions: tuple[Partition, ...]


def feasible(factory: AIFactory, where: Callable[[str], Where] | None = None) -> list[Problem]:
    """Give every wish that cannot be, in the order of the text; empty when the factory can be planned.

    Args:
        factory: the description.
        where: turns a dotted field into its place; left out, the line of the Python call that made the part.
    """
    return draft(factory, where)[1]


def draft(factory: AIFactory, where: Callable[[str], Where] | None = None) -> tuple[Draft, list[Problem]]:
    """Give the draft, and every problem; the draft is complete where there are none."""
    found = shapes(factory)
    groups = rack_groups(found)
    crowds = list(server_problems(factory, found))
    tiers = () if crowds else storage(factory, found)
    spares = {shape.pool.name: shape.spares.machines for shape in found}
    servers: dict[str, int] = {}
    for tier in tiers:
        servers[tier.site] = servers.get(tier.site, 0) + len(tier.servers)
    problems = fabric_problems(factory, spares, servers)
    sizes = () if problems else size_fabrics(factory, spares, servers)
    managed: dict[str, int] = {}
    while sizes and (ports := managed_ports(factory, found, sizes, tiers, managed)) != managed:
        managed = ports
        problems = fabric_problems(factory, spares, servers, managed)
        sizes = () if problems else size_fabrics(factory, spares, servers, managed)
    split, more = cuts(factory, found)
    problems += more
    shares, more = quotas(factory, found)
    problems += more
    members = [(name, cut.site.name, cut.machines(number)) for cut in split for number, name in enumerate(cut.names)]
    ranges, more = prefixes(factory, demands(factory, found, sizes, members))
    problems += more
    parts, more = partitions(factory)
    problems += more
    problems += asn_problems(factory, sizes)
    problems += cable_problems(factory, sizes)
    problems += cluster_problems(factory)
    problems += crowds
    problems += storage_problems(factory, found)
    problems += cooling_problems(factory, found, groups)
    for shape in found:
        problems += _rack_problems(factory, shape)
    problems += _full_halls(factory, found, sizes, tiers)
    for index, site in enumerate(factory.sites):
        problems += power_problems(factory, index, site, found, other_watts(factory, sizes, site.name))
    return Draft(found, groups, tiers, sizes, split, shares, ranges, parts), placed(factory, problems, where)


def other_watts(factory: AIFactory, sizes: Sequence[FabricSize], site: str) -> int:
    """Sum the watts of a site's switches, as far as they are known."""
    watts = {fabric.name: switch_watts(fabric) or 0 for fabric in factory.fabrics}
    return sum(watts[size.fabric] * (size.leaf + size.spine + size.core) for size in sizes if size.site == site)


def _rack_problems(factory: AIFactory, shape: Shape) -> Iterator[Problem]:
    """Hold a pool's full rack against power, height and floor of its hall."""
    machine, hall, count = shape.system, shape.hall, min(shape.per_rack, shape.total)
    field = f"pools[{shape.index}].nodes_per_rack"
    domain = machine.nvlink_domain_nodes
    if domain and shape.per_rack != domain:
        message = f"{shape.per_rack} in a rack, and the NVLink domain of {machine.name} is one rack of {domain}"
        yield Problem("split-domain", message, Where(field=field), f"write {domain}, or leave it out")
        return
    if rack_watts(machine, count) > hall.rack_limit.count:
        message = (
            f"a rack of {count} {machine.name} draws {Watts(rack_watts(machine, count))}, and hall {hall.name!r} allows {hall.rack_limit}"
        )
        yield Problem(
            "rack-over-limit", message, *_fitting(factory, shape, count, lambda n: rack_watts(machine, n) <= hall.rack_limit.count)
        )
    units = machine.rack_units or 0
    if count * units > RACK_UNITS:
        message = f"{count} {machine.name} of {units} units are {count * units} units high, and a rack has {RACK_UNITS}"
        yield Problem("rack-over-height", message, *_fitting(factory, shape, count, lambda n: n * units <= RACK_UNITS))
    if hall.floor_load is not None and machine.weight_kg is not None:
        most = hall.floor_load.count * RACK_AREA_CM2 / 10_000
        weight = machine.weight_kg
        if count * weight > most:
            message = (
                f"{count} {machine.name} weigh {count * weight:g} kg, and the floor carries {most:g} kg under a rack ({hall.floor_load})"
            )
            yield Problem("rack-over-weight", message, *_fitting(factory, shape, count, lambda n: n * weight <= most))


def _fitting(factory: AIFactory, shape: Shape, count: int, fits: Callable[[int], bool]) -> tuple[Where, str]:
    """Give the field and the hint with the nearest number of machines that fits a rack."""
    best = next((number for number in range(count, 0, -1) if fits(number)), 0)
    if best and not shape.system.nvlink_domain_nodes:
        return Where(field=f"pools[{shape.index}].nodes_per_rack"), f"write nodes_per_rack {best}, or choose another hall"
    site = factory.sites.index(shape.site)
    hall = shape.site.halls.index(shape.hall)
    what = "one machine" if not best else "a rack-scale NVLink domain, which cannot be divided,"
    return Where(field=f"sites[{site}].halls[{hall}].rack_limit"), f"{what} does not fit: raise the hall's limits, or choose another hall"


def _full_halls(factory: AIFactory, found: Sequence[Shape], sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan]) -> Iterator[Problem]:
    """Give halls with too few rack places."""
    batches = [(hall.name, kind, share, count, units) for hall, kind, share, count, units in support(factory, found, sizes, tiers)]
    more = support_racks(batches)
    for number, site in enumerate(factory.sites):
        for place, hall in enumerate(site.halls):
            compute = sum(shape.racks for shape in found if shape.hall.name == hall.name)
            need = compute + more.get(hall.name, 0)
            if need > hall.racks:
                message = (
                    f"{need:,} racks are needed ({compute:,} of machines, {need - compute:,} of switches and storage), "
                    f"and hall {hall.name!r} has {hall.racks:,} places"
                )
                hint = f"write at least {need:,}, or move a pool"
                yield Problem("hall-full", message, Where(field=f"sites[{number}].halls[{place}].racks"), hint)

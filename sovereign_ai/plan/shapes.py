"""The shape of a pool before any server is named: its hall, spares, racks and scalable units.

Feasibility and the planner both start here, so that both count the same servers. Problems hold the dotted
field alone; `placed` turns it into a place in the user's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.catalog.system import System, system
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.spares import Spares, spares
from sovereign_ai.spec import AIFactory, GpuNodePool, Hall, Site, of_python

RACK_UNITS = 48
"""Height of a rack, in units."""


@frozen_dataclass
class Shape:
    """One pool in numbers.

    Attributes:
        index: its position in the description.
        pool: the pool as described.
        site: its site.
        hall: its hall.
        system: its server model.
        nodes: servers that count.
        spares: servers kept ready, with the reason.
        per_rack: servers in a full rack.
        unit: servers in a scalable unit.
        limit: watts to which a cap of the site, a hall, a row or a feed limits each server; None without.
    """

    index: int
    pool: GpuNodePool
    site: Site
    hall: Hall
    system: System
    nodes: int
    spares: Spares
    per_rack: int
    unit: int
    limit: int | None = None

    @property
    def total(self) -> int:
        """Servers, spares included."""
        return self.nodes + self.spares.machines

    @property
    def racks(self) -> int:
        """Racks for all of them."""
        return ceil_div(self.total, self.per_rack)


def scalable_unit(pool: GpuNodePool) -> int:
    """Return the servers of a scalable unit: the pool's own, else the published, else the whole pool."""
    return pool.scalable_unit or system(pool.system).scalable_unit or pool.nodes + spares_of(pool).machines


def spares_of(pool: GpuNodePool, nodes: int | None = None) -> Spares:
    """Return a pool's spares as described or, with `auto`, as derived.

    Args:
        pool: the pool.
        nodes: number of servers to derive them for, in place of the pool's own.
    """
    if pool.spares == "auto":
        machine = system(pool.system)
        return spares(nodes or pool.nodes, machine.gpus, machine.nvlink_domain_nodes)
    return Spares(pool.spares, "as described")


def pool_shapes(factory: AIFactory, nodes: Mapping[str, int] | None = None) -> tuple[Shape, ...]:
    """Return every pool's shape in the phase of now, in the order of the description.

    Args:
        factory: the description.
        nodes: other numbers of servers by pool, for a search.
    """
    numbers = nodes or {}
    pool_shapes: list[Shape] = []
    for index, pool in enumerate(factory.pools):
        count = numbers.get(pool.name) or factory.standing(pool)
        pool_shapes.append(_pool_shape(factory, index, pool, count))
    return tuple(pool_shapes)


def limited_shapes(shapes: Iterable[Shape], limits: Mapping[str, int]) -> tuple[Shape, ...]:
    """Return pools with the watts to which caps limit each of their servers.

    Args:
        shapes: the pools.
        limits: pool to the watts of a server; a pool that no cap limits is absent.
    """
    limited: list[Shape] = []
    for shape in shapes:
        limited.append(replace(shape, limit=limits.get(shape.pool.name)))
    return tuple(limited)


def phase_totals(factory: AIFactory) -> list[dict[str, int]]:
    """Return for each phase how many servers of each pool stand at its end, spares included."""
    totals: list[dict[str, int]] = []
    for phase in factory.phases:
        shapes = pool_shapes(factory.in_phase(phase.name))
        totals.append({shape.pool.name: shape.total for shape in shapes})
    return totals


def _pool_shape(factory: AIFactory, index: int, pool: GpuNodePool, nodes: int) -> Shape:
    """Return one pool's shape."""
    site = factory.site(pool.site)
    hall = _hall_of(pool, site)
    machine = system(pool.system)
    # Spares come with the first machines that they replace.
    extra = spares_of(pool, nodes) if nodes else Spares(0, "none of its machines stands")
    unit = pool.scalable_unit or machine.scalable_unit or nodes + extra.machines
    per_rack = pool.nodes_per_rack or _per_rack(machine, hall)
    return Shape(index, pool, site, hall, machine, nodes, extra, per_rack, unit)


def shapes_at(shapes: Sequence[Shape], site: Site) -> list[Shape]:
    """Return the pools of one site."""
    return [shape for shape in shapes if shape.site.name == site.name]


def _hall_of(pool: GpuNodePool, site: Site) -> Hall:
    """Return a pool's hall, which may be left out where the site has one."""
    for hall in site.halls:
        if hall.name == pool.hall:
            return hall
    return site.halls[0]


def machines_a_rack(factory: AIFactory, pool: GpuNodePool) -> int:
    """Return the servers in a full rack of a pool."""
    hall = _hall_of(pool, factory.site(pool.site))
    return pool.nodes_per_rack or _per_rack(system(pool.system), hall)


def _per_rack(machine: System, hall: Hall) -> int:
    """Return the published servers a rack; without a source, as many as the rack's power and height allow."""
    if machine.nodes_per_rack is not None:
        return machine.nodes_per_rack
    by_power = hall.rack_limit.count // machine.worst_power.count
    by_height = RACK_UNITS // machine.rack_units if machine.rack_units else by_power
    # At least one, also where not even one fits: feasibility then reports the rack's limit.
    return max(min(by_power, by_height), 1)


def placed(
    factory: AIFactory, problems: Iterable[Problem], where: Callable[[str], Where] | None
) -> list[Problem]:
    """Return problems with their places, in the order of the text.

    Args:
        factory: the description.
        problems: problems with the dotted field alone.
        where: maps a dotted field to its place; without it, the line of the Python call that made the part.
    """
    unplaced = list(problems)
    # The map of Python's lines is built only where it is needed.
    if not unplaced:
        return []
    place = where or of_python(factory).where
    with_places = [replace(problem, where=place(problem.where.field)) for problem in unplaced]
    return sorted(with_places, key=lambda problem: problem.order)

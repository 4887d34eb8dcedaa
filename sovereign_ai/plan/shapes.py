"""What a pool comes to before any machine is named: its hall, spares, racks and scalable units.

Feasibility and the planner both start here, so that both count the same machines. Problems carry
the dotted field alone; `placed` turns it into a place in the user's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sovereign_ai.catalog.systems import System, system
from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.spares import Spares, spares
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.site import Hall, Site
from sovereign_ai.spec.source import of_python

RACK_UNITS = 48
"""Height of a rack, in units."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One pool in numbers.

    Attributes:
        index: its place in the description.
        pool: the pool as described.
        site: its site.
        hall: its hall.
        system: its machine.
        nodes: machines counted on.
        spares: machines kept ready, with the reason.
        per_rack: machines in a full rack.
        unit: machines in a scalable unit.
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

    @property
    def total(self) -> int:
        """Machines, spares counted."""
        return self.nodes + self.spares.machines

    @property
    def racks(self) -> int:
        """Racks for all of them."""
        return -(-self.total // self.per_rack)


def scalable_unit(pool: GpuNodePool) -> int:
    """Give the machines of a scalable unit: the pool's own, else the published, else the whole pool."""
    return pool.scalable_unit or system(pool.system).scalable_unit or pool.nodes + spares_of(pool).machines


def spares_of(pool: GpuNodePool, nodes: int | None = None) -> Spares:
    """Give a pool's spares as described or, with `auto`, as derived; `nodes` stands in for the pool's own number."""
    if pool.spares == "auto":
        machine = system(pool.system)
        return spares(nodes or pool.nodes, machine.gpus, machine.nvlink_domain_nodes)
    return Spares(pool.spares, "as described")


def shapes(factory: AIFactory, nodes: Mapping[str, int] | None = None) -> tuple[Shape, ...]:
    """Give every pool's shape, in the order of the description.

    Args:
        factory: the description.
        nodes: other numbers of machines by pool, to ask what would be.
    """
    return tuple(_shape(factory, index, pool, (nodes or {}).get(pool.name, pool.nodes)) for index, pool in enumerate(factory.pools))


def _shape(factory: AIFactory, index: int, pool: GpuNodePool, nodes: int) -> Shape:
    """Give one pool's shape."""
    site = factory.site(pool.site)
    hall = next((hall for hall in site.halls if hall.name == pool.hall), site.halls[0])
    machine = system(pool.system)
    extra = spares_of(pool, nodes)
    unit = pool.scalable_unit or machine.scalable_unit or nodes + extra.machines
    return Shape(index, pool, site, hall, machine, nodes, extra, pool.nodes_per_rack or _per_rack(machine, hall), unit)


def _per_rack(machine: System, hall: Hall) -> int:
    """Give the published machines a rack; where there is none, as many as the rack's power and height allow."""
    if machine.nodes_per_rack is not None:
        return machine.nodes_per_rack
    by_power = hall.rack_limit.count // machine.worst_power.count
    by_height = RACK_UNITS // machine.rack_units if machine.rack_units else by_power
    return max(min(by_power, by_height), 1)


def placed(factory: AIFactory, problems: Iterable[Problem], where: Callable[[str], Where] | None) -> list[Problem]:
    """Give problems their places and their order; without `where`, the line of the Python call that made the part."""
    found = list(problems)
    if not found:
        return []
    place = where or of_python(factory).where
    return sorted((replace(problem, where=place(problem.where.field)) for problem in found), key=lambda problem: problem.order)

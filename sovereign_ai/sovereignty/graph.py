"""The dependencies of training and inference, as fault trees over the parts of a factory.

A service stops when every pool that serves it does. A pool stops when it loses its chips, server, driver,
firmware, network, the keys of its zone's storage, open software, a service that it needs, its owner or its
site. A site loses its electricity when the contracts that are left give less than the plan draws. A role with
several suppliers is lost when all of them are. Inference also needs a line to the outside, since its users
are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, tier_sites
from sovereign_ai.sovereignty.cut_sets import FaultGate, Node, all_of, any_of
from sovereign_ai.sovereignty.parts.build import parts_of
from sovereign_ai.sovereignty.parts.declared import HELD, by_role
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.sovereignty.parts.services import KINDS
from sovereign_ai.spec import AIFactory, GpuNodePool, Site, Supplier

SERVED = ("training", "inference")
_MOST_CONTRACTS = 12
"""Contracts of a site beyond which only the loss of each one alone, and of all, is examined."""


@frozen_dataclass
class Graph:
    """The parts of a factory and the fault trees over them.

    Attributes:
        parts: every part.
        trees: the fault tree of `training` and `inference`; absent where no pool serves it.
        pools: each pool's own tree and its number of accelerators, by `training` and `inference`.
        machines: planned number of a chip or server by its part's id, without spares.
        spares: number of spares by part id.
    """

    parts: tuple[Dependency, ...]
    trees: Mapping[str, FaultGate]
    pools: Mapping[str, tuple[tuple[FaultGate, int], ...]]
    machines: Mapping[str, int]
    spares: Mapping[str, int]

    @property
    def unknown(self) -> int:
        """The number of parts whose holder or jurisdiction is not described."""
        unknown = 0
        for part in self.parts:
            if not part.known:
                unknown += 1
        return unknown

    def part(self, name: str) -> Dependency:
        """Return one part.

        Raises:
            StopIteration: there is no part of that id.
        """
        return next(part for part in self.parts if part.id == name)


def graph(factory: AIFactory, plan: Plan) -> Graph:
    """Build the parts and the fault trees of a factory."""
    parts = parts_of(factory, plan)
    by_service: dict[str, tuple[tuple[FaultGate, int], ...]] = {}
    trees: dict[str, FaultGate] = {}
    for served in SERVED:
        pools: list[tuple[FaultGate, int]] = []
        pool_trees: list[FaultGate] = []
        for pool in factory.pools:
            # A pool of which nothing stands yet serves nothing, and what is lost is counted in accelerators.
            gpus = factory.standing(pool) * system(pool.system).gpus
            if gpus and pool.purpose in (served, "mixed"):
                tree = _pool(factory, plan, pool, parts, served)
                pools.append((tree, gpus))
                pool_trees.append(tree)
        if pools:
            by_service[served] = tuple(pools)
            trees[served] = all_of(*pool_trees)
    machines, spares = _counts(plan)
    return Graph(parts, trees, by_service, machines, spares)


def _pool(
    factory: AIFactory, plan: Plan, pool: GpuNodePool, parts: Sequence[Dependency], served: str
) -> FaultGate:
    """Return the fault tree of one pool.

    Args:
        factory: the description.
        plan: its plan.
        pool: the pool.
        parts: every part.
        served: `training` or `inference`.
    """
    server = system(pool.system)
    chip = needed_accelerator(server)
    hardware = (f"accelerator:{chip.name}", f"system:{pool.system}", f"firmware:{server.vendor}")
    needs: list[Node] = [*sorted(hardware), f"driver:{chip.vendor}", "operator", "parent", "staff"]
    needs.append(f"site:{pool.site}")
    needs += _needed_by_all(parts)
    needs += _keys(factory, pool)
    needs += _network(factory, plan, pool)
    needs += _services(factory, parts)
    site = factory.site(pool.site)
    needs.append(_electricity(site, plan))
    # Users of inference are outside; a training job that runs goes on without a line.
    if served == "inference":
        needs.append(outside_ways(factory, site))
    return any_of(*needs)


def _needed_by_all(parts: Iterable[Dependency]) -> Iterator[str]:
    """Yield the ids of the parts that every pool needs: critical software and sub-processors."""
    for part in parts:
        if part.critical and part.id.startswith(("software:", "sub-processor:")):
            yield part.id


def outside_ways(factory: AIFactory, site: Site) -> Node:
    """Return the ways from a site to the outside, which fail only together.

    They are its own lines to the outside, and each line to another site with that site's own.
    A site without a described line has one undescribed part.
    """
    ways: list[Node] = list(_outside_lines(site))
    for other in factory.sites:
        for here, there in ((site, other), (other, site)):
            for line in here.uplinks:
                if line.to is not None and line.to == there.name:
                    way = f"carrier:{here.name}/{line.name}"
                    beyond = all_of(*_outside_lines(other))
                    ways.append(any_of(way, beyond) if beyond.children else way)
    if not ways:
        return f"carrier:{site.name}"
    return all_of(*ways)


def _outside_lines(site: Site) -> list[str]:
    """Return the lines of a site that lead to the outside."""
    lines: list[str] = []
    for line in site.uplinks:
        if line.to is None:
            lines.append(f"carrier:{site.name}/{line.name}")
    return lines


def _keys(factory: AIFactory, pool: GpuNodePool) -> list[str]:
    """Return the keys of the storage that a pool's zone has at its site."""
    keys: set[str] = set()
    for tier in factory.storage:
        for site in tier_sites(factory, tier):
            if tier.zone == pool.zone and site.name == pool.site:
                keys.add(f"key:{tier.encryption.key}")
    return sorted(keys)


def _network(factory: AIFactory, plan: Plan, pool: GpuNodePool) -> list[Node]:
    """Return the switches, the optics and the storage that a pool needs."""
    # The plan has the planes of every fabric at every site, also those that no switch was planned for.
    built: set[str] = set()
    for plane in plan.fabrics:
        if plane.site == pool.site and plane.switches:
            built.add(plane.fabric)
    switches: set[str] = set()
    joined = unnamed = False
    for fabric in factory.fabrics:
        if fabric.name not in built or not pool.is_on(fabric):
            continue
        joined = True
        for tier in fabric.switch_tiers:
            model = fabric.switch_of(tier)
            if model:
                switches.add(f"switch:{model}")
            unnamed = unnamed or model is None
    needs: list[Node] = [*sorted(switches)]
    stores = _has_storage(plan, pool)
    declared = by_role(factory)
    for role, is_needed in (("switches", unnamed), ("optics", joined), ("storage", stores)):
        if is_needed:
            needs.append(_suppliers(role, declared.get(role, [])))
    return needs


def _has_storage(plan: Plan, pool: GpuNodePool) -> bool:
    """Return whether a pool's zone has storage at the pool's site."""
    return any(tier.zone == pool.zone and tier.site == pool.site for tier in plan.storage)


def _suppliers(role: str, rows: Sequence[tuple[int, Supplier]]) -> Node:
    """Return the suppliers of a role, which fail only together.

    A role without a described supplier has one undescribed part.
    """
    if not rows:
        return f"{role}:"
    suppliers: list[str] = []
    for _, supplier in rows:
        part = f"supplier:{supplier.name}"
        suppliers.append(part)
    return all_of(*suppliers)


def _services(factory: AIFactory, parts: Sequence[Dependency]) -> list[Node]:
    """Return the services and the other suppliers that every pool needs.

    A kind of service is lost when all its entries are. Suppliers of no known role are needed one by one.
    """
    needs: list[Node] = []
    for kind in KINDS:
        used: list[str] = []
        has_entry = False
        for service in factory.services:
            if service.kind == kind:
                has_entry = True
                if service.used:
                    used.append(f"service:{service.name}")
        if used:
            needs.append(all_of(*used))
        elif not has_entry:
            needs.append(f"{kind}:")
    ids = {part.id for part in parts}
    for role, rows in by_role(factory).items():
        for _, supplier in rows:
            name = f"supplier:{supplier.name}"
            if role not in HELD and name in ids:
                needs.append(name)
    return needs


def _electricity(site: Site, plan: Plan) -> Node:
    """Return the smallest sets of contracts without which a site has less power than the plan draws."""
    if not site.contracts:
        return f"energy:{site.name}"
    load = _load(site, plan)
    power: dict[str, int] = {}
    for contract in site.contracts:
        part = f"energy:{site.name}/{contract.name}"
        power[part] = contract.power.count
    whole = sum(power.values())
    minimal: list[frozenset[str]] = []
    gates: list[FaultGate] = []
    # Subsets double with each contract, so beyond a limit only single contracts and all of them are compared.
    sizes = range(1, len(power) + 1) if len(power) <= _MOST_CONTRACTS else (1, len(power))
    for size in sizes:
        for lost in combinations(sorted(power), size):
            left = whole
            for name in lost:
                left -= power[name]
            # A plan without load draws nothing, but without any contract a site has no electricity.
            stops = left < load or size == len(power)
            # Sizes rise, so a set that contains an earlier one is not minimal.
            if stops and not _contains_any(frozenset(lost), minimal):
                minimal.append(frozenset(lost))
                gates.append(all_of(*lost))
    return any_of(*gates)


def _load(site: Site, plan: Plan) -> int:
    """Return the power that the plan draws at a site; 0 where it draws none."""
    for power in plan.power:
        if power.site == site.name:
            return power.it_load
    return 0


def _contains_any(lost: frozenset[str], minimal: Collection[frozenset[str]]) -> bool:
    """Return whether some lost contracts contain a set that is enough already."""
    return any(smaller <= lost for smaller in minimal)


def _counts(plan: Plan) -> tuple[dict[str, int], dict[str, int]]:
    """Count servers and spares by system, and accelerators by kind."""
    machines: Counter[str] = Counter()
    spares: Counter[str] = Counter()
    for cluster in plan.clusters:
        for pool in cluster.pools:
            server = system(pool.system)
            gpus = server.gpus
            machines[f"system:{pool.system}"] += pool.nodes
            spares[f"system:{pool.system}"] += pool.spares
            # A machine without accelerators depends on none.
            if server.accelerator is None:
                continue
            machines[f"accelerator:{server.accelerator}"] += pool.nodes * gpus
            spares[f"accelerator:{server.accelerator}"] += pool.spares * gpus
    return dict(machines), dict(spares)

"""What training and inference need, as fault trees over the parts: each stops when every pool that serves it does.

A pool stops when one of its chips, machine, driver, firmware, network, keys of its zone's storage,
open software, services that it asks, owner, or site is lost; a site's electricity when the contracts that are
left give less than the plan draws. A role with several suppliers is lost when all of them are.
Inference also needs a line to the outside, since its users are there; a training job that runs goes
on without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from sovereign_ai.assess.sovereignty.cuts import Gate, Node, all_of, any_of
from sovereign_ai.assess.sovereignty.parts.build import parts_of
from sovereign_ai.assess.sovereignty.parts.declared import HELD, by_role
from sovereign_ai.assess.sovereignty.parts.part import Part
from sovereign_ai.assess.sovereignty.parts.services import KINDS
from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.storage import tier_sites
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.site import Site

SERVED = ("training", "inference")
_MOST_CONTRACTS = 12
"""Beyond so many contracts at a site the loss of each one alone, and of all, is looked at."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Parts and fault trees.

    Attributes:
        parts: every part.
        trees: `training` and `inference` to what stops it; absent where no pool serves it.
        pools: `training` and `inference` to each pool's own tree and its accelerators.
        machines: part id of a chip or machine to how many of it are planned, spares counted apart.
        spares: part id to spares.
    """

    parts: tuple[Part, ...]
    trees: Mapping[str, Gate]
    pools: Mapping[str, tuple[tuple[Gate, int], ...]]
    machines: Mapping[str, int]
    spares: Mapping[str, int]

    def part(self, name: str) -> Part:
        """Give one part; StopIteration if there is none."""
        return next(one for one in self.parts if one.id == name)


def graph(factory: AIFactory, plan: Plan) -> Graph:
    """Build parts and trees."""
    parts = parts_of(factory, plan)
    by_service: dict[str, tuple[tuple[Gate, int], ...]] = {}
    for served in SERVED:
        pools = [pool for pool in factory.pools if pool.purpose in (served, "mixed")]
        if pools:
            by_service[served] = tuple((_pool(factory, plan, pool, parts, served), pool.nodes * system(pool.system).gpus) for pool in pools)
    trees = {served: all_of(*(tree for tree, _ in found)) for served, found in by_service.items()}
    machines, spares = _counts(plan)
    return Graph(parts, trees, by_service, machines, spares)


def _pool(factory: AIFactory, plan: Plan, pool: GpuNodePool, parts: Iterable[Part], served: str) -> Gate:
    """Give what stops one pool."""
    made = system(pool.system)
    from_catalogue = {f"accelerator:{made.accelerator}", f"system:{pool.system}", f"firmware:{made.vendor}"}
    chip_vendor = next(part.id for part in parts if part.id == f"driver:{_chip_vendor(pool)}")
    needs: list[Node] = [*sorted(from_catalogue), chip_vendor, "operator", "parent", "staff", f"site:{pool.site}"]
    needs += [part.id for part in parts if part.id.startswith(("software:", "sub-processor:")) and part.critical]
    needs += _keys(factory, pool)
    needs += _network(factory, plan, pool)
    needs += _services(factory, parts)
    site = factory.site(pool.site)
    needs.append(_electricity(site, plan))
    if served == "inference":
        needs.append(all_of(*(f"carrier:{site.name}/{line.name}" for line in site.uplinks)) if site.uplinks else f"carrier:{site.name}")
    return any_of(*needs)


def _chip_vendor(pool: GpuNodePool) -> str:
    """Give the vendor of a pool's accelerators."""
    return accelerator(system(pool.system).accelerator).vendor


def _keys(factory: AIFactory, pool: GpuNodePool) -> list[Node]:
    """Give the keys of the storage that a pool's zone has at its site."""
    here = [tier for tier in factory.storage if tier.zone == pool.zone and pool.site in {site.name for site in tier_sites(factory, tier)}]
    return [f"key:{name}" for name in sorted({tier.encryption.key for tier in here})]


def _network(factory: AIFactory, plan: Plan, pool: GpuNodePool) -> list[Node]:
    """Give the switches that a pool hangs on, its optics and its storage."""
    here = {one.fabric for one in plan.fabrics if one.site == pool.site and one.switches}
    joined = [one for one in factory.fabrics if one.name in here and (not one.pools or pool.name in one.pools)]
    found: list[Node] = [f"switch:{name}" for name in sorted({one.switch for one in joined if one.switch})]
    declared = by_role(factory)
    bulk = [("switches", any(one.switch is None for one in joined)), ("optics", bool(joined))]
    bulk.append(("storage", any(one.zone == pool.zone and one.site == pool.site for one in plan.storage)))
    for kind, wanted in bulk:
        if wanted:
            rows = declared.get(kind, [])
            found.append(all_of(*(f"supplier:{one.name}" for _, one in rows)) if rows else f"{kind}:")
    return found


def _services(factory: AIFactory, parts: Iterable[Part]) -> list[Node]:
    """Give the kinds of service, each lost when all its entries are, and suppliers of no known role, each alone."""
    found: list[Node] = []
    for kind in KINDS:
        mine = [one for one in factory.services if one.kind == kind]
        used = [f"service:{one.name}" for one in mine if one.used]
        if used:
            found.append(all_of(*used))
        elif not mine:
            found.append(f"{kind}:")
    ids = {part.id for part in parts}
    others = [one for kind, rows in by_role(factory).items() if kind not in HELD for _, one in rows]
    return [*found, *(f"supplier:{one.name}" for one in others if f"supplier:{one.name}" in ids)]


def _electricity(site: Site, plan: Plan) -> Node:
    """Give the smallest sets of contracts without which a site has less than the plan draws."""
    if not site.contracts:
        return f"energy:{site.name}"
    load = next((one.it_load for one in plan.power if one.site == site.name), 0)
    power = {f"energy:{site.name}/{one.name}": one.power.count for one in site.contracts}
    whole = sum(power.values())
    found: list[frozenset[str]] = []
    sizes = range(1, len(power) + 1) if len(power) <= _MOST_CONTRACTS else (1, len(power))
    for size in sizes:
        for lost in combinations(sorted(power), size):
            dark = whole - sum(power[name] for name in lost) < load or size == len(power)
            if dark and not any(smaller <= set(lost) for smaller in found):
                found.append(frozenset(lost))
    return any_of(*(all_of(*sorted(lost)) for lost in found))


def _counts(plan: Plan) -> tuple[dict[str, int], dict[str, int]]:
    """Count machines and spares by system, and accelerators by kind."""
    machines: dict[str, int] = {}
    spares: dict[str, int] = {}
    for cluster in plan.clusters:
        for one in cluster.pools:
            made = system(one.system)
            for name, each in ((f"system:{one.system}", 1), (f"accelerator:{made.accelerator}", made.gpus)):
                machines[name] = machines.get(name, 0) + one.nodes * each
                spares[name] = spares.get(name, 0) + one.spares * each
    return machines, spares

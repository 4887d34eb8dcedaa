"""The plan as a whole, its canonical JSON and its digest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import orjson

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.plan.addresses import Partition, Prefix, giver, switches
from sovereign_ai.plan.cables import switch_names
from sovereign_ai.plan.clusters import ClusterPlan, clusters
from sovereign_ai.plan.fabric import FabricPlan, plan_fabrics
from sovereign_ai.plan.feasible import Draft, draft, feasible, other_watts
from sovereign_ai.plan.managed import managed_names, support
from sovereign_ai.plan.nodes import Node, nodes
from sovereign_ai.plan.power import SitePower, site_power
from sovereign_ai.plan.racks import NETWORK_UNITS, Batch, Rack, compute_racks, more_racks, switch_watts
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.plan.warnings import warnings
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Site

__all__ = ["Plan", "feasible", "plan"]


@dataclass(frozen=True)
class Plan:
    """Everything that follows from one description.

    Attributes:
        factory: the factory's name.
        spec_digest: digest of the description it follows from.
        nodes: every machine, by name.
        racks: every rack, by name.
        power: every site's power.
        fabrics: every plane of every fabric at every site.
        prefixes: address ranges.
        partitions: zones' parts of fabrics.
        storage: every tier at every site.
        clusters: Kubernetes clusters.
        warnings: what is allowed yet wants a look, each with the figure behind it.
    """

    factory: str
    spec_digest: str
    nodes: tuple[Node, ...]
    racks: tuple[Rack, ...]
    power: tuple[SitePower, ...]
    fabrics: tuple[FabricPlan, ...]
    prefixes: tuple[Prefix, ...]
    partitions: tuple[Partition, ...]
    storage: tuple[StoragePlan, ...]
    clusters: tuple[ClusterPlan, ...]
    warnings: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Give plain data, as the canonical JSON holds it."""
        data: dict[str, Any] = orjson.loads(self.canonical)
        return data

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, whole numbers only, UTF-8."""
        return orjson.dumps(_by_key(self), default=_by_key, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.canonical).hexdigest()

    def cluster(self, name: str) -> ClusterPlan:
        """Give the cluster of that name; KeyError if there is none."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)

    def nodes_of(self, cluster: str) -> tuple[Node, ...]:
        """Give the machines of one cluster."""
        return tuple(node for node in self.nodes if node.cluster == cluster)


def _by_key(row: Any) -> dict[str, Any]:
    """Give a dataclass's fields by name, for sorting; orjson itself would keep the order in which they are declared."""
    return {name: getattr(row, name) for name in type(row).__dataclass_fields__}


def plan(factory: AIFactory, where: Callable[[str], Where] | None = None) -> Plan:
    """Derive the plan.

    Args:
        factory: the description.
        where: turns a dotted field into its place in the text; left out, the line of the Python call that made the part.

    Raises:
        SpecError: every wish that cannot be, each with the limit and the smallest change that would fit.
    """
    found, problems = draft(factory, where)
    if problems:
        raise SpecError(problems)
    compute = compute_racks(found.shapes)
    machines = _nodes(found, compute)
    more = more_racks(_batches(factory, found), compute)
    racks = sorted((*chain.from_iterable(compute.values()), *more), key=lambda rack: (rack.site, rack.hall, len(rack.name), rack.name))
    planes = plan_fabrics(factory, machines, _servers(found), managed_names(found.sizes, racks))
    return Plan(
        factory=factory.name,
        spec_digest=factory.digest,
        nodes=machines,
        racks=tuple(racks),
        power=tuple(_power(factory, site, found, more) for site in factory.sites),
        fabrics=_finished(factory, found, planes, more),
        prefixes=found.prefixes,
        partitions=found.partitions,
        storage=found.storage,
        clusters=clusters(factory, found.shapes, found.cuts, found.quotas),
        warnings=tuple(warnings(factory, found)),
    )


def _nodes(found: Draft, compute: Mapping[str, Sequence[Rack]]) -> tuple[Node, ...]:
    """Give every machine."""
    return nodes(
        found.shapes,
        {pool: [rack.name for rack in racks] for pool, racks in compute.items()},
        {
            pool: [name for first, last, number in runs for name in repeat(cut.names[number], last - first)]
            for cut in found.cuts
            for pool, runs in cut.of.items()
        },
        {shape.pool.name: giver(found.prefixes, "nodes", shape.pool.name) for shape in found.shapes},
        {shape.pool.name: giver(found.prefixes, "bmc", shape.pool.name) for shape in found.shapes},
    )


def _servers(found: Draft) -> dict[str, list[str]]:
    """Give the storage servers of each site."""
    servers: dict[str, list[str]] = {}
    for tier in found.storage:
        servers.setdefault(tier.site, []).extend(tier.servers)
    return servers


def _batches(factory: AIFactory, found: Draft) -> list[Batch]:
    """Give switches and servers in the order in which they are put into racks."""
    fabrics = {fabric.name: fabric for fabric in factory.fabrics}
    named = [switch_names(size) for size in found.sizes]
    names = [[*one.leaves, *one.spines, *one.cores] for one in named] + [list(tier.servers) for tier in found.storage]
    sites = [size.site for size in found.sizes] + [tier.site for tier in found.storage]
    watts = [switch_watts(fabrics[size.fabric]) for size in found.sizes] + [None] * len(found.storage)
    places = support(factory, found.shapes, found.sizes, found.storage)
    return [
        Batch(factory.site(site), hall, kind, share, devices, units, power)
        for (hall, kind, share, _, units), site, devices, power in zip(places, sites, names, watts, strict=True)
    ]


def _finished(factory: AIFactory, found: Draft, planes: Sequence[FabricPlan], more: Sequence[Rack]) -> tuple[FabricPlan, ...]:
    """Give the planes with places, loopbacks and AS numbers."""
    rack_of = {device: rack.name for rack in more for device in rack.devices}
    asn = factory.network.asn
    done: list[FabricPlan] = []
    for plane, size in zip(planes, found.sizes, strict=True):
        finished, asn = switches(plane, size, rack_of, giver(found.prefixes, "loopback", plane.name, first=0), asn)
        done.append(finished)
    return tuple(done)


def _power(factory: AIFactory, site: Site, found: Draft, more: Sequence[Rack]) -> SitePower:
    """Give one site's power."""
    dark = sum(len(rack.unknown_power) for rack in more if rack.site == site.name)
    racks = sum(shape.racks for shape in found.shapes if shape.site.name == site.name)
    kinds = Counter(rack.kind for rack in more if rack.site == site.name)
    power = site_power(site, found.groups, other_watts(factory, found.sizes, site.name), dark)
    why = (
        f"{racks:,} of machines; {kinds['network']:,} of switches, which take at most {NETWORK_UNITS} of {RACK_UNITS} units; "
        f"{kinds['storage']:,} of storage servers, each tier by itself"
    )
    return replace(power, why={**power.why, "racks": why})

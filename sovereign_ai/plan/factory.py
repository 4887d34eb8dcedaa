"""The whole plan, its canonical JSON and its digest.

The digest covers the canonical JSON byte for byte, reasons and warnings included. So the wording of a `why`
or of a warning is part of the format: signed plans stop verifying when it changes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

import orjson

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.plan.addresses import Partition, Prefix, address_lookup, switches
from sovereign_ai.plan.campus import CampusLink
from sovereign_ai.plan.cluster_split import standing_cuts
from sovereign_ai.plan.clusters import ClusterPlan, plan_clusters
from sovereign_ai.plan.fabric.cables import Cable, Cables
from sovereign_ai.plan.fabric.growth import switch_groups
from sovereign_ai.plan.fabric.management_ports import managed_names, support
from sovereign_ai.plan.fabric.planes import LATER, FabricPlan, plan_fabrics
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name
from sovereign_ai.plan.fabric.waste import waste_notes
from sovereign_ai.plan.feasibility import Draft, draft, feasible
from sovereign_ai.plan.nodes import Address, Node, plan_nodes
from sovereign_ai.plan.phases import Device, Layout, PhasePlan, Standing, current_index
from sovereign_ai.plan.platform import PlatformController, plan_platform
from sovereign_ai.plan.power.cdus import cdu_elements
from sovereign_ai.plan.power.chain_problems import site_chain
from sovereign_ai.plan.power.sites import LATER_POWER, SitePower, site_power
from sovereign_ai.plan.racks import (
    NETWORK_UNITS,
    Batch,
    Rack,
    compute_racks,
    more_racks,
    server_watts,
    switch_watts,
)
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.plan.warnings import warnings
from sovereign_ai.spec import AIFactory, Site

__all__ = ["Plan", "feasible", "plan"]


@dataclass(frozen=True)
class Plan:
    """Everything that follows from one description.

    Attributes:
        factory: the factory's name.
        spec_digest: digest of the description that it follows from.
        nodes: every server, by name.
        racks: every rack, by name.
        power: every site's power.
        fabrics: every plane of every fabric at every site.
        prefixes: address ranges.
        partitions: the zones' partitions of fabrics.
        storage: every tier at every site.
        clusters: Kubernetes clusters.
        warnings: what is allowed but should be reviewed, each with the figure behind it.
        notes: wasteful designs, each with a cheaper alternative; advice, so not part of the canonical JSON.
        platform: the controllers that every cluster runs, in the order of the description.
        phases: every phase of construction in numbers; empty where none is described.
        campus: the links between the buildings of a site; empty where none are described.
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
    notes: tuple[str, ...] = ()
    platform: tuple[PlatformController, ...] = ()
    phases: tuple[PhasePlan, ...] = ()
    campus: tuple[CampusLink, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data, as in the canonical JSON."""
        data: dict[str, Any] = orjson.loads(self.canonical)
        return data

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, whole numbers only, UTF-8."""
        data = _fields_of(self)
        del data["notes"]
        # orjson writes dataclasses by itself in the order of their declaration; `_fields_of` makes dicts that
        # it can sort.
        option = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
        return orjson.dumps(data, default=_plain, option=option)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.canonical).hexdigest()

    def cluster(self, name: str) -> ClusterPlan:
        """Return the cluster of that name.

        Raises:
            KeyError: there is none.
        """
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)

    def nodes_of(self, cluster: str) -> tuple[Node, ...]:
        """Return the nodes of one cluster."""
        return tuple(node for node in self.nodes if node.cluster == cluster)

    def work_nodes_of(self, cluster: str) -> tuple[Node, ...]:
        """Return the nodes of one cluster that run tenants' work: all but those of management pools.

        Raises:
            KeyError: there is no such cluster.
        """
        pools = {pool.pool for pool in self.cluster(cluster).work_pools}
        return tuple(node for node in self.nodes_of(cluster) if node.pool in pools)


_LATER_FIELDS: Mapping[type, Mapping[str, object]] = {
    FabricPlan: LATER,
    SitePower: LATER_POWER,
    Plan: {"campus": (), "phases": (), "platform": ()},
    PlatformController: {"objects": ()},
}
"""Dataclass to its fields that are left out where they hold their default."""


def _plain(value: Any) -> dict[str, Any] | tuple[Any, ...]:
    """Return what orjson does not write by itself as what it does."""
    if type(value) is Cables:
        return value.rows
    if type(value) is Cable:
        # Only where `Cables` were made of cables that had been read, such as a selection of them.
        return tuple(value)
    return _fields_of(value)


@cache
def _field_values(of: Any) -> tuple[Sequence[str], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of a dataclass's fields, and what reads all of them from an object."""
    names = tuple(field.name for field in fields(of))
    if len(names) == 1:
        return names, lambda row: (getattr(row, names[0]),)
    return names, attrgetter(*names)


def _fields_of(row: Any) -> dict[str, Any]:
    """Return a dataclass's fields by name, without those that came later and hold their default."""
    kind: Any = type(row)
    names, values = _field_values(kind)
    data: dict[str, Any] = dict(zip(names, values(row), strict=True))
    for name, default in _LATER_FIELDS.get(kind, {}).items():
        if data[name] == default:
            del data[name]
    if kind is Rack:
        # A field of earlier versions, always empty since every device has watts: signed plans contain it.
        data["unknown_power"] = ()
    return data


def plan(factory: AIFactory, where: Callable[[str], Where] | None = None) -> Plan:
    """Derive the plan.

    Args:
        factory: the description.
        where: maps a dotted field to its place in the text; without it, problems point at the line of the
            Python call that made the part.

    Raises:
        SpecError: every impossible request, each with the limit and the smallest change that would fit.
    """
    results, problems = draft(factory, where)
    if problems:
        raise SpecError(problems)
    standing, batches = _last_phase(factory, results)
    phases: tuple[PhasePlan, ...] = ()
    if factory.phases:
        layout = _layout(factory, standing, results, batches)
        phases = layout.phases(sum(len(tier.servers) for tier in results.storage))
        standing = layout.standing(current_index(factory))
    site_powers: list[SitePower] = []
    for site in factory.sites:
        power = _plan_power(site, results, standing.racks)
        site_powers.append(power)
    cuts = standing_cuts(results.cuts, results.shapes) if factory.phases else results.cuts
    clusters = plan_clusters(factory, results.shapes, cuts, results.quotas)
    return Plan(
        factory=factory.name,
        spec_digest=factory.digest,
        nodes=standing.nodes,
        racks=standing.racks,
        power=tuple(site_powers),
        fabrics=standing.planes,
        prefixes=results.prefixes,
        partitions=results.partitions,
        storage=results.storage,
        clusters=clusters,
        warnings=tuple(warnings(factory, results)),
        notes=tuple(waste_notes(factory, results.sizes)),
        platform=plan_platform(factory),
        phases=phases,
        campus=results.campus,
    )


def growth(factory: AIFactory) -> tuple[Standing, Mapping[str, int]]:
    """Return the whole factory, and the phase from which on each device stands, counted from 0.

    A device that is not named stands from the start.

    Raises:
        SpecError: the factory cannot be planned.
    """
    results, problems = draft(factory, None)
    if problems:
        raise SpecError(problems)
    whole, batches = _last_phase(factory, results)
    return whole, _layout(factory, whole, results, batches).first


def _layout(factory: AIFactory, whole: Standing, results: Draft, batches: list[Batch]) -> Layout:
    """Return from which phase on each device of the whole factory stands."""
    limits = {pool: cap.watts for pool, cap in results.caps.items()}
    return Layout(factory, whole, results.sizes, _devices(batches), limits)


def _last_phase(factory: AIFactory, results: Draft) -> tuple[Standing, list[Batch]]:
    """Return everything that stands in the last phase, and its switches and storage servers in batches."""
    compute = compute_racks(results.whole)
    machines = _plan_nodes(results, compute)
    batches = _rack_batches(factory, results)
    support_racks = more_racks(batches, compute)
    racks: list[Rack] = []
    for pool_racks in compute.values():
        racks += pool_racks
    racks += support_racks
    # By length first: a hall's rack r1000 comes after r999.
    racks.sort(key=lambda rack: (rack.site, rack.hall, len(rack.name), rack.name))
    # Sized once: racks, addresses and power were counted for these switches.
    managed = managed_names(results.sizes, racks)
    planes = plan_fabrics(factory, machines, _storage_servers(results), managed, results.sizes)
    finished = _finish_planes(factory, results, planes, support_racks)
    return Standing(machines, tuple(racks), finished), batches


def _devices(batches: Sequence[Batch]) -> dict[str, Device]:
    """Return height and power of switches and storage servers by name."""
    devices: dict[str, Device] = {}
    for batch in batches:
        devices.update(dict.fromkeys(batch.names, Device(batch.units, batch.watts)))
    return devices


def _plan_nodes(draft: Draft, compute: Mapping[str, Sequence[Rack]]) -> tuple[Node, ...]:
    """Return every server.

    Args:
        draft: the draft.
        compute: pool to its racks.
    """
    rack_names: dict[str, list[str]] = {}
    for pool, racks in compute.items():
        rack_names[pool] = [rack.name for rack in racks]
    clusters_of: dict[str, list[str]] = {}
    for cut in draft.cuts:
        for pool, runs in cut.of.items():
            names = clusters_of.setdefault(pool, [])
            for first, last, number in runs:
                names += [cut.names[number]] * (last - first)
    in_band: dict[str, Address] = {}
    bmc: dict[str, Address] = {}
    for shape in draft.whole:
        pool = shape.pool.name
        in_band[pool] = address_lookup(draft.prefixes, "nodes", pool)
        bmc[pool] = address_lookup(draft.prefixes, "bmc", pool)
    return plan_nodes(draft.whole, rack_names, clusters_of, in_band, bmc)


def _storage_servers(draft: Draft) -> dict[str, list[str]]:
    """Return the storage servers of each site."""
    servers: dict[str, list[str]] = {}
    for tier in draft.storage:
        servers.setdefault(tier.site, []).extend(tier.servers)
    return servers


def _rack_batches(factory: AIFactory, draft: Draft) -> list[Batch]:
    """Return switches and storage servers in the order in which they are put into racks."""
    factory = factory.in_phase(None)
    fabrics = fabrics_by_name(factory)
    # Site, device names and watts of each batch, in the order in which `support` yields the places.
    contents: list[tuple[str, list[str], int]] = []
    for group in switch_groups(factory, draft.sizes):
        watts = switch_watts(fabrics[group.size.fabric], group.tier)
        contents.append((group.size.site, list(group.names), watts))
    for tier_plan in draft.storage:
        contents.append((tier_plan.site, list(tier_plan.servers), server_watts(factory, tier_plan.tier)))
    places = support(factory, draft.whole, draft.sizes, draft.storage)
    batches: list[Batch] = []
    for place, (site, devices, watts) in zip(places, contents, strict=True):
        batch = Batch(factory.site(site), place.hall, place.kind, place.share, devices, place.units, watts)
        batches.append(batch)
    return batches


def _finish_planes(
    factory: AIFactory, draft: Draft, planes: Sequence[FabricPlan], support_racks: Sequence[Rack]
) -> tuple[FabricPlan, ...]:
    """Return the planes with racks, loopbacks and AS numbers of their switches."""
    rack_of: dict[str, str] = {}
    for rack in support_racks:
        for device in rack.devices:
            rack_of[device] = rack.name
    asn = factory.network.asn
    finished: list[FabricPlan] = []
    for plane, size in zip(planes, draft.sizes, strict=True):
        loopback = address_lookup(draft.prefixes, "loopback", plane.name, first=0)
        complete, asn = switches(plane, size, rack_of, loopback, asn)
        finished.append(complete)
    return tuple(finished)


def _plan_power(site: Site, draft: Draft, racks: Sequence[Rack]) -> SitePower:
    """Return one site's power, with the number of racks among the reasons."""
    kinds: Counter[str] = Counter()
    support: Counter[str] = Counter()
    for rack in racks:
        if rack.site == site.name:
            kinds[rack.kind] += 1
            if rack.kind != "compute":
                support[rack.hall] += rack.power
    other = support.total()
    power = site_power(site, draft.groups, other, draft.caps)
    why = dict(power.why)
    network = f"{kinds['network']:,} of switches, which take at most {NETWORK_UNITS} of {RACK_UNITS} units"
    storage = f"{kinds['storage']:,} of storage servers, each tier by itself"
    why["racks"] = f"{kinds['compute']:,} of machines; {network}; {storage}"
    chain = (*site_chain(site, draft.shapes, other), *cdu_elements(site, draft.groups, support))
    return replace(power, why=why, chain=chain)

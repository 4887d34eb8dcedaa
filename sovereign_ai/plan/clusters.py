"""Kubernetes clusters: one law each, none larger than Kubernetes publishes.

`cuts.py` says where a site is cut; here the clusters get their slices and their tenants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.mig import instances
from sovereign_ai.catalog.systems import system
from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import is_taken_namespace
from sovereign_ai.plan.cuts import MOST_PODS, Cut, count_of, most_machines
from sovereign_ai.plan.quotas import Quotas, namespace_name, share, split
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True)
class PoolSlice:
    """The part of a pool that joins one cluster.

    Attributes:
        pool: the pool's name.
        zone: its security zone.
        system: catalogue name of the machine.
        purpose: what it is for.
        nodes: machines counted on.
        spares: machines kept ready.
        gpus: GPUs of the machines counted on.
        resource: extended resource name, such as `nvidia.com/gpu`.
        driver: GPU driver version.
        mig: MIG profile; empty where GPUs are whole.
    """

    pool: str
    zone: str
    system: str
    purpose: str
    nodes: int
    spares: int
    gpus: int
    resource: str
    driver: str
    mig: str

    @property
    def instances(self) -> int:
        """Devices that a GPU counts for: its MIG instances by strategy *single*, 1 where GPUs are whole."""
        return instances(self.mig, accelerator(system(self.system).accelerator)) if self.mig else 1

    @property
    def devices(self) -> int:
        """Devices that its machines counted on offer under its resource."""
        return self.gpus * self.instances


@dataclass(frozen=True, slots=True)
class Namespace:
    """A tenant's place in one zone of one cluster.

    Attributes:
        name: `<tenant>` where the tenant has one zone, else `<tenant>-<zone>`.
        tenant: the tenant's name.
        zone: the security zone.
        gpus: extended resource name to the GPUs it may hold in this cluster; `devices` counts them as nodes offer them.
        pools: pools of its zone in this cluster.
    """

    name: str
    tenant: str
    zone: str
    gpus: Mapping[str, int]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One Kubernetes cluster.

    Attributes:
        name: the factory's name where one cluster is enough, else `<factory>-<site>-<number>`.
        site: its site.
        region: Kubernetes region.
        jurisdiction: ISO country code.
        halls: halls (Kubernetes zones) that its machines stand in.
        pools: its parts of pools.
        namespaces: tenants' namespaces.
        nodes: machines in it, spares counted.
        pods: pods it may hold.
        why: field to the formula and its inputs in words.
    """

    name: str
    site: str
    region: str
    jurisdiction: str
    halls: tuple[str, ...]
    pools: tuple[PoolSlice, ...]
    namespaces: tuple[Namespace, ...]
    nodes: int
    pods: int
    why: Mapping[str, str]


def devices(cluster: ClusterPlan) -> dict[str, dict[tuple[str, str], int]]:
    """Give each namespace the devices that it may hold: its GPUs, counted as nodes offer them.

    Where a zone has GPUs cut in several ways under one resource, a namespace's GPUs are spread over the ways by what each has left,
    so that no device is promised twice.

    Returns:
        Namespace to (extended resource and MIG profile, empty for whole GPUs) to devices.
    """
    room: dict[tuple[str, str, str], int] = {}
    each: dict[str, int] = {}
    for pool in cluster.pools:
        way = (pool.zone, pool.resource, pool.mig)
        room[way] = room.get(way, 0) + pool.gpus
        each[pool.mig] = pool.instances
    found: dict[str, dict[tuple[str, str], int]] = {}
    for one in cluster.namespaces:
        mine = found.setdefault(one.name, {})
        for resource, gpus in one.gpus.items():
            ways = [way for way in room if way[:2] == (one.zone, resource)]
            for way, part in zip(ways, share(min(gpus, sum(room[way] for way in ways)), [room[way] for way in ways]), strict=True):
                room[way] -= part
                mine[resource, way[2]] = part * each[way[2]]
    return found


def cluster_problems(factory: AIFactory) -> Iterator[Problem]:
    """Give namespaces that would be the cluster's own, and two that would have one name."""
    seen: dict[str, tuple[str, str]] = {}
    for zone in factory.zones:
        for tenant in zone.tenants:
            name = namespace_name(factory, tenant, zone.name)
            if is_taken_namespace(name):
                index = next(index for index, one in enumerate(factory.tenants) if one.name == tenant)
                message = f"the namespace {name!r} is the cluster's own and can be no tenant's"
                yield Problem("name-taken", message, Where(field=f"tenants[{index}].name"), "give the tenant another name")
            other = seen.setdefault(name, (tenant, zone.name))
            if other != (tenant, zone.name):
                message = f"tenant {tenant!r} in zone {zone.name!r} and tenant {other[0]!r} in zone {other[1]!r} would share the namespace {name!r}"
                index = next(index for index, one in enumerate(factory.tenants) if one.name == tenant)
                yield Problem("name-meets", message, Where(field=f"tenants[{index}].name"), "rename one of them")


def clusters(factory: AIFactory, shapes: Sequence[Shape], found: Sequence[Cut], quotas: Quotas) -> tuple[ClusterPlan, ...]:
    """Give every cluster with its slices and namespaces."""
    slices = {
        name: (cut, tuple(_slice(shape, cut, number) for shape in shapes if count_of(cut.of.get(shape.pool.name, ()), number)))
        for cut in found
        for number, name in enumerate(cut.names)
    }
    capacity = {name: _capacity(parts) for name, (_, parts) in slices.items()}
    shares = split(quotas, capacity)
    return tuple(_cluster(factory, shapes, name, cut, parts, shares[name]) for name, (cut, parts) in slices.items())


def _capacity(parts: Sequence[PoolSlice]) -> dict[tuple[str, str], int]:
    """Count a cluster's GPUs by zone and resource."""
    found: dict[tuple[str, str], int] = {}
    for part in parts:
        found[part.zone, part.resource] = found.get((part.zone, part.resource), 0) + part.gpus
    return found


def _slice(shape: Shape, cut: Cut, number: int) -> PoolSlice:
    """Give the part of a pool that joins one cluster."""
    runs = cut.of[shape.pool.name]
    nodes = count_of(runs, number, 0, shape.nodes)
    return PoolSlice(
        pool=shape.pool.name,
        zone=shape.pool.zone,
        system=shape.pool.system,
        purpose=shape.pool.purpose,
        nodes=nodes,
        spares=count_of(runs, number, shape.nodes),
        gpus=nodes * shape.system.gpus,
        resource=accelerator(shape.system.accelerator).resource,
        driver=shape.pool.driver,
        mig=shape.pool.mig or "",
    )


def _cluster(
    factory: AIFactory,
    shapes: Sequence[Shape],
    name: str,
    cut: Cut,
    parts: tuple[PoolSlice, ...],
    shares: Mapping[tuple[str, str], Mapping[str, int]],
) -> ClusterPlan:
    """Give one cluster."""
    halls = {shape.pool.name: shape.hall.name for shape in shapes}
    machines = sum(part.nodes + part.spares for part in parts)
    pods = factory.clusters.pods_per_node
    here = sum(runs[-1][1] for runs in cut.of.values())
    limit = most_machines(factory)
    return ClusterPlan(
        name=name,
        site=cut.site.name,
        region=cut.site.region or cut.site.name,
        jurisdiction=cut.site.country,
        halls=tuple(dict.fromkeys(halls[part.pool] for part in parts)),
        pools=parts,
        namespaces=tuple(
            Namespace(
                namespace_name(factory, tenant, zone), tenant, zone, dict(gpus), tuple(part.pool for part in parts if part.zone == zone)
            )
            for (tenant, zone), gpus in shares.items()
        ),
        nodes=machines,
        pods=machines * pods,
        why={
            "nodes": f"{here:,} machines at {cut.site.name} in {len(cut.names)} clusters of at most {limit:,}: the least of the "
            f"{factory.clusters.nodes:,} described and {MOST_PODS:,} pods at {pods} a machine",
            "pods": f"{machines:,} machines x {pods} pods",
            **{
                f"spares of {shape.pool.name}": f"{shape.spares.machines:,} at the site: {shape.spares.why}"
                for shape in shapes
                if shape.pool.name in {part.pool for part in parts}
            },
            "namespaces": "GPUs of a tenant as described, else an equal share of what its zone has left; over clusters by what each has left",
        },
    )

"""Kubernetes clusters: each under one jurisdiction, none larger than the limits that Kubernetes publishes.

`cluster_split.py` divides a site; this module derives the slices of pools and the namespaces of the clusters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.catalog import instances
from sovereign_ai.catalog.accelerator import needed_accelerator, resource_of
from sovereign_ai.catalog.system import system
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import is_reserved_namespace
from sovereign_ai.plan.cluster_split import MOST_PODS, Run, SiteCut, count_of, most_machines
from sovereign_ai.plan.platform import platform_namespaces
from sovereign_ai.plan.quotas import Quotas, namespace_name, share, split
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


@frozen_dataclass
class PoolSlice:
    """The part of a pool that joins one cluster.

    Attributes:
        pool: the pool's name.
        zone: its security zone.
        system: catalogue name of the server.
        purpose: what the pool is for.
        nodes: servers that count, without spares.
        spares: servers kept ready.
        gpus: GPUs of the servers that count.
        resource: extended resource name, such as `nvidia.com/gpu`; empty where servers have no accelerators.
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
    def is_management(self) -> bool:
        """Whether its servers run the factory, and no tenant's work."""
        return self.purpose == "management"

    @property
    def instances(self) -> int:
        """Devices for each GPU: its MIG instances under the *single* strategy, 1 where GPUs are whole."""
        if not self.mig:
            return 1
        return instances(self.mig, needed_accelerator(system(self.system)))

    @property
    def devices(self) -> int:
        """Devices that its servers, without spares, offer under its resource."""
        return self.gpus * self.instances


@frozen_dataclass
class Namespace:
    """A tenant's namespace in one zone of one cluster.

    Attributes:
        name: `<tenant>` where the tenant has one zone or is at home, else `<tenant>-<zone>`.
        tenant: the tenant's name.
        zone: the security zone.
        gpus: extended resource name to the GPUs that it may hold in this cluster; `devices` converts them to
            what nodes offer.
        pools: pools of its zone in this cluster that run tenants' work.
    """

    name: str
    tenant: str
    zone: str
    gpus: Mapping[str, int]
    pools: tuple[str, ...]


@frozen_dataclass
class ClusterPlan:
    """One Kubernetes cluster.

    Attributes:
        name: the factory's name where one cluster is enough, else `<factory>-<site>-<number>`.
        site: its site.
        region: Kubernetes region.
        jurisdiction: ISO country code.
        halls: halls (Kubernetes zones) of its servers.
        pools: its slices of pools.
        namespaces: tenants' namespaces.
        nodes: its servers, spares included.
        pods: pods that it may hold.
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

    @property
    def work_pools(self) -> tuple[PoolSlice, ...]:
        """The slices of pools that run tenants' work."""
        return tuple(pool for pool in self.pools if not pool.is_management)


def devices(cluster: ClusterPlan) -> dict[str, dict[tuple[str, str], int]]:
    """Return the devices that each namespace may hold: its GPUs, counted as nodes offer them.

    Where GPUs of a zone are divided by several MIG profiles under one resource, a namespace's GPUs are spread
    over the profiles in proportion to what each has left, so that no device is promised twice.

    Returns:
        Namespace to (extended resource and MIG profile, empty for whole GPUs) to devices.
    """
    free_gpus: dict[tuple[str, str, str], int] = {}
    instances_of: dict[str, int] = {}
    for pool in cluster.pools:
        key = (pool.zone, pool.resource, pool.mig)
        free_gpus[key] = free_gpus.get(key, 0) + pool.gpus
        instances_of[pool.mig] = pool.instances
    devices_of: dict[str, dict[tuple[str, str], int]] = {}
    for namespace in cluster.namespaces:
        own = devices_of.setdefault(namespace.name, {})
        for resource, gpus in namespace.gpus.items():
            keys = [key for key in free_gpus if key[:2] == (namespace.zone, resource)]
            left = [free_gpus[key] for key in keys]
            parts = share(min(gpus, sum(left)), left)
            for key, part in zip(keys, parts, strict=True):
                free_gpus[key] -= part
                profile = key[2]
                own[resource, profile] = part * instances_of[profile]
    return devices_of


def pool_shares(cluster: ClusterPlan) -> dict[tuple[str, str], int]:
    """Return the GPUs of each pool that each namespace may hold; those of a pool sum to no more than it has.

    Where a zone has several pools of one resource, a namespace's GPUs are spread over them in proportion to
    what each has left.

    Returns:
        (pool, namespace) to GPUs.
    """
    free_gpus = {pool.pool: pool.gpus for pool in cluster.pools}
    shares: dict[tuple[str, str], int] = {}
    for namespace in cluster.namespaces:
        for resource, gpus in namespace.gpus.items():
            names = []
            for pool in cluster.pools:
                if (pool.zone, pool.resource) == (namespace.zone, resource):
                    names.append(pool.pool)
            left = [free_gpus[name] for name in names]
            for name, part in zip(names, share(min(gpus, sum(left)), left), strict=True):
                free_gpus[name] -= part
                shares[name, namespace.name] = part
    return shares


def cluster_problems(factory: AIFactory) -> Iterator[Problem]:
    """Refuse namespaces of Kubernetes itself or of the platform, and two namespaces with one name."""
    seen: dict[str, tuple[str, str]] = {}
    installed = platform_namespaces(factory)
    for zone in factory.zones:
        for tenant in zone.tenants:
            name = namespace_name(factory, tenant, zone.name)
            if is_reserved_namespace(name):
                message = f"the namespace {name!r} is the cluster's own and can be no tenant's"
                where = _tenant_name(factory, tenant)
                yield Problem("name-taken", message, where, "give the tenant another name")
            elif name in installed:
                message = f"the namespace {name!r} is that of the controller {installed[name]!r}"
                where = _tenant_name(factory, tenant)
                hint = "give the tenant another name, or the controller another 'namespace'"
                yield Problem("name-taken", message, where, hint)
            first, first_zone = seen.setdefault(name, (tenant, zone.name))
            if (first, first_zone) != (tenant, zone.name):
                message = (
                    f"tenant {tenant!r} in zone {zone.name!r} and tenant {first!r} in zone {first_zone!r} "
                    f"would share the namespace {name!r}"
                )
                yield Problem("name-meets", message, _tenant_name(factory, tenant), "rename one of them")


def _tenant_name(factory: AIFactory, name: str) -> Where:
    """Return the field with a tenant's name."""
    names = [tenant.name for tenant in factory.tenants]
    return Where(field=f"tenants[{names.index(name)}].name")


def plan_clusters(
    factory: AIFactory, shapes: Sequence[Shape], cuts: Sequence[SiteCut], quotas: Quotas
) -> tuple[ClusterPlan, ...]:
    """Return every cluster with its slices and namespaces.

    Args:
        factory: the description.
        shapes: its pools.
        cuts: the division of its sites.
        quotas: the tenants' GPUs in the whole factory.
    """
    cut_of: dict[str, SiteCut] = {}
    slices_of: dict[str, tuple[PoolSlice, ...]] = {}
    capacity: dict[str, dict[tuple[str, str], int]] = {}
    for cut in cuts:
        for number, name in enumerate(cut.names):
            cut_of[name] = cut
            slices_of[name] = _slice_pools(shapes, cut, number)
            capacity[name] = _count_gpus(slices_of[name])
    # Quotas are divided over all clusters at once, so that a tenant's parts sum to its quota exactly.
    shares = split(quotas, capacity)
    planned: list[ClusterPlan] = []
    for name, cut in cut_of.items():
        planned.append(_plan_cluster(factory, shapes, name, cut, slices_of[name], shares[name]))
    return tuple(planned)


def _slice_pools(shapes: Sequence[Shape], cut: SiteCut, number: int) -> tuple[PoolSlice, ...]:
    """Return the slices of one cluster; pools without a server in it have none."""
    slices: list[PoolSlice] = []
    for shape in shapes:
        runs = cut.of.get(shape.pool.name, ())
        if count_of(runs, number):
            slices.append(_slice_pool(shape, runs, number))
    return tuple(slices)


def _count_gpus(parts: Sequence[PoolSlice]) -> dict[tuple[str, str], int]:
    """Count a cluster's GPUs by zone and resource."""
    gpus: dict[tuple[str, str], int] = {}
    for part in parts:
        bucket = (part.zone, part.resource)
        gpus[bucket] = gpus.get(bucket, 0) + part.gpus
    return gpus


def _slice_pool(shape: Shape, runs: Sequence[Run], number: int) -> PoolSlice:
    """Return the part of a pool that joins one cluster."""
    nodes = count_of(runs, number, 0, shape.nodes)
    return PoolSlice(
        pool=shape.pool.name,
        zone=shape.pool.zone,
        system=shape.pool.system,
        purpose=shape.pool.purpose,
        nodes=nodes,
        spares=count_of(runs, number, shape.nodes),
        gpus=nodes * shape.system.gpus,
        resource=resource_of(shape.system),
        driver=shape.pool.driver,
        mig=shape.pool.mig or "",
    )


def _plan_cluster(
    factory: AIFactory,
    shapes: Sequence[Shape],
    name: str,
    cut: SiteCut,
    parts: tuple[PoolSlice, ...],
    shares: Mapping[tuple[str, str], Mapping[str, int]],
) -> ClusterPlan:
    """Return one cluster."""
    machines = _count_servers(parts)
    pool_names = {part.pool for part in parts}
    # The slices are in the order of the pools, so halls are as well.
    halls: dict[str, None] = {}
    for shape in shapes:
        if shape.pool.name in pool_names:
            halls[shape.hall.name] = None
    namespaces: list[Namespace] = []
    for (tenant, zone), gpus in shares.items():
        pools = tuple(part.pool for part in parts if part.zone == zone and not part.is_management)
        namespace = namespace_name(factory, tenant, zone)
        namespaces.append(Namespace(namespace, tenant, zone, dict(gpus), pools))
    return ClusterPlan(
        name=name,
        site=cut.site.name,
        region=cut.site.region or cut.site.name,
        jurisdiction=cut.site.country,
        halls=tuple(halls),
        pools=parts,
        namespaces=tuple(namespaces),
        nodes=machines,
        pods=machines * factory.clusters.pods_per_node,
        why=_why(factory, shapes, cut, parts),
    )


def _count_servers(parts: Sequence[PoolSlice]) -> int:
    """Count the servers of a cluster, spares included."""
    return sum(part.nodes + part.spares for part in parts)


def _why(
    factory: AIFactory, shapes: Sequence[Shape], cut: SiteCut, parts: Sequence[PoolSlice]
) -> dict[str, str]:
    """Return the reasons of a cluster's numbers."""
    machines = _count_servers(parts)
    site_machines = 0
    for runs in cut.of.values():
        # The last run ends behind the last server of the pool. A pool that comes later has none.
        site_machines += runs[-1][1] if runs else 0
    pods = factory.clusters.pods_per_node
    limit = most_machines(factory)
    described = factory.clusters.nodes
    machines_text = counted(site_machines, "machine")
    clusters_text = counted(len(cut.names), "cluster")
    divided = f"{machines_text} at {cut.site.name} in {clusters_text} of at most {limit:,}"
    least = f"the least of the {described:,} described and {MOST_PODS:,} pods at {pods} a machine"
    why: dict[str, str] = {}
    why["nodes"] = f"{divided}: {least}"
    why["pods"] = f"{counted(machines, 'machine')} x {counted(pods, 'pod')}"
    own_pools = {part.pool for part in parts}
    for shape in shapes:
        if shape.pool.name in own_pools:
            why[f"spares of {shape.pool.name}"] = f"{shape.spares.machines:,} at the site: {shape.spares.why}"
    why["namespaces"] = (
        "GPUs of a tenant as described, else an equal share of what its zone has left; "
        "over clusters by what each has left"
    )
    return why

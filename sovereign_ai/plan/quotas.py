"""Quotas: how many GPUs each tenant may hold, in each zone and each cluster, exactly.

A tenant with a described number gets it, over its zones in proportion to what they have left. A tenant
without one gets an equal share of what is left in each of its zones. Only counted servers matter, not spares.
Shares are whole GPUs, rounded by largest remainders, so that every sum is exact and no pool is promised
twice.

    >>> share(10, [12, 12, 4])
    [4, 4, 2]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sovereign_ai.catalog.accelerator import resource_of
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, Tenant
from sovereign_ai.text import counted

Bucket = tuple[str, str]
"""A zone and an extended resource; an empty resource stands for servers without accelerators."""


@frozen_dataclass
class Quotas:
    """What every tenant may hold in the whole factory.

    Attributes:
        shares: (tenant, zone) to (extended resource to GPUs), in the order of the description.
    """

    shares: Mapping[tuple[str, str], Mapping[str, int]]


def share(whole: int, limits: Sequence[int]) -> list[int]:
    """Divide a number in proportion to some limits, never beyond them.

    The number may not exceed the sum of the limits.

    Args:
        whole: the number.
        limits: what each part may take.
    """
    total = sum(limits)
    if not total:
        return [0] * len(limits)
    parts = [whole * part // total for part in limits]
    # Largest remainders first; of equal ones the first part is rounded up.
    order = sorted(range(len(limits)), key=lambda number: (-(whole * limits[number] % total), number))
    for number in order[: whole - sum(parts)]:
        parts[number] += 1
    return parts


def namespace_name(factory: AIFactory, tenant: str, zone: str) -> str:
    """Return a tenant's namespace: its name in its only zone and at home, else combined with the zone's."""
    zones = sum(tenant in other.tenants for other in factory.zones)
    is_plain = zones == 1 or zone == _home(factory, tenant)
    return tenant if is_plain else label(tenant, zone)


def _home(factory: AIFactory, tenant: str) -> str | None:
    """Return the zone in which a tenant is at home, where it names one."""
    for described in factory.tenants:
        if described.name == tenant:
            return described.home
    return None


def capacity(shapes: Sequence[Shape]) -> dict[Bucket, int]:
    """Count the GPUs of counted servers, by zone and resource; the zone of other servers has none of it."""
    gpus: dict[Bucket, int] = {}
    for shape in shapes:
        bucket = (shape.pool.zone, resource_of(shape.system))
        gpus[bucket] = gpus.get(bucket, 0) + shape.nodes * shape.system.gpus
    return gpus


def plan_quotas(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[Quotas, list[Problem]]:
    """Return every tenant's GPUs, and a problem for each tenant with more than its zones have left."""
    zones: dict[str, list[str]] = {}
    for tenant in factory.tenants:
        zones[tenant.name] = [zone.name for zone in factory.zones if tenant.name in zone.tenants]
    free_gpus = capacity(shapes)
    given: dict[tuple[str, Bucket], int] = {}
    problems = _assign_stated(factory, capacity(shapes), zones, free_gpus, given)
    _assign_rest(factory, zones, free_gpus, given)
    shares: dict[tuple[str, str], dict[str, int]] = {}
    for name, names in zones.items():
        for zone in names:
            shares[name, zone] = {}
    for (name, (zone, resource)), part in given.items():
        # The servers without accelerators say only where a zone has servers.
        if resource:
            shares[name, zone][resource] = part
    return Quotas(shares), problems


def _assign_stated(
    factory: AIFactory,
    total: Mapping[Bucket, int],
    zones: Mapping[str, Sequence[str]],
    free_gpus: dict[Bucket, int],
    given: dict[tuple[str, Bucket], int],
) -> list[Problem]:
    """Assign GPUs to tenants with a described number.

    Args:
        factory: the description.
        total: all GPUs.
        zones: tenant to its zones.
        free_gpus: GPUs that are left; reduced by what is given.
        given: (tenant, bucket) to GPUs; extended.

    Returns:
        A problem for each tenant with more than its zones have left. It gets what is left.
    """
    stated: list[tuple[int, int, Tenant]] = []
    for index, tenant in enumerate(factory.tenants):
        if tenant.gpus is not None:
            stated.append((len(zones[tenant.name]), index, tenant))
    # Tenants with few zones come first: one with many can use what those leave elsewhere.
    stated.sort(key=lambda entry: entry[:2])
    problems: list[Problem] = []
    for _, index, tenant in stated:
        buckets = [bucket for bucket in free_gpus if bucket[0] in zones[tenant.name]]
        left_of = [free_gpus[bucket] for bucket in buckets]
        gpus, left = tenant.gpus or 0, sum(left_of)
        if gpus > left:
            whole = 0
            for bucket in buckets:
                whole += total[bucket]
            problems.append(_quota_problem(index, tenant, zones[tenant.name], left, whole))
        for bucket, part in zip(buckets, share(min(gpus, left), left_of), strict=True):
            given[tenant.name, bucket] = part
            free_gpus[bucket] -= part
    return problems


def _assign_rest(
    factory: AIFactory,
    zones: Mapping[str, Sequence[str]],
    free_gpus: Mapping[Bucket, int],
    given: dict[tuple[str, Bucket], int],
) -> None:
    """Assign equal shares of what is left to tenants without a described number, zone by zone."""
    unstated = [tenant for tenant in factory.tenants if tenant.gpus is None]
    for bucket, left in free_gpus.items():
        zone = bucket[0]
        names = [tenant.name for tenant in unstated if zone in zones[tenant.name]]
        for place, name in enumerate(names):
            # The first tenants get one of the GPUs that do not divide evenly.
            given[name, bucket] = left // len(names) + (place < left % len(names))


def _quota_problem(index: int, tenant: Tenant, zones: Sequence[str], left: int, whole: int) -> Problem:
    """Return the problem of a tenant with more GPUs than its zones have left."""
    others = f", of which {whole - left:,} are given to others" if left < whole else ""
    message = (
        f"{counted(tenant.gpus or 0, 'GPU')} for tenant {tenant.name!r}, "
        f"and the pools of zone {', '.join(zones)} have {whole:,}{others}"
    )
    hint = f"write at most {left:,}, or enlarge a pool of the zone"
    return Problem("over-quota", message, Where(field=f"tenants[{index}].gpus"), hint)


def split(
    whole: Quotas, clusters: Mapping[str, Mapping[Bucket, int]]
) -> dict[str, dict[tuple[str, str], dict[str, int]]]:
    """Divide every quota over the clusters, in proportion to what each has left. The parts sum to the whole.

    Args:
        whole: the quotas of the factory.
        clusters: cluster name to (zone and resource to GPUs).

    Returns:
        Cluster name to (tenant, zone) to (resource to GPUs). A zone without servers is in the first cluster.
    """
    free_gpus: dict[str, dict[Bucket, int]] = {}
    parts_of: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
    for name, buckets in clusters.items():
        free_gpus[name] = dict(buckets)
        parts_of[name] = {}
    for (tenant, zone), gpus in whole.shares.items():
        homes = _clusters_of(zone, clusters)
        # A tenant has its namespace in each cluster of its zone, also where it may hold nothing.
        for name in homes or list(clusters)[:1]:
            own: dict[str, int] = {}
            for resource in gpus:
                if (zone, resource) in clusters[name]:
                    own[resource] = 0
            parts_of[name][tenant, zone] = own
        for resource, count in gpus.items():
            names = [name for name in homes if (zone, resource) in clusters[name]]
            left = [free_gpus[name][zone, resource] for name in names]
            for name, part in zip(names, share(count, left), strict=True):
                parts_of[name][tenant, zone][resource] = part
                free_gpus[name][zone, resource] -= part
    return parts_of


def _clusters_of(zone: str, clusters: Mapping[str, Mapping[Bucket, int]]) -> list[str]:
    """Return the clusters with servers of a zone."""
    names: list[str] = []
    for name, buckets in clusters.items():
        if any(bucket[0] == zone for bucket in buckets):
            names.append(name)
    return names

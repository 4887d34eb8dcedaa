"""Quotas: which tenant may hold how many GPUs, in each zone and each cluster, exactly.

A tenant with a number gets it, over its zones in proportion to what they have left; a tenant
without one gets an equal share of what is left in each of its zones. Only machines that are counted
on count, not spares. Shares are whole GPUs, rounded by largest remainders, so that every sum comes
out and no pool is promised twice.

    >>> share(10, [12, 12, 4])
    [4, 4, 2]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import label
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.zone import Tenant

Bucket = tuple[str, str]
"""A zone and an extended resource."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """What every tenant may hold in the whole factory.

    Attributes:
        shares: (tenant, zone) to (extended resource to GPUs), in the order of the description.
    """

    shares: Mapping[tuple[str, str], Mapping[str, int]]


def share(whole: int, room: Sequence[int]) -> list[int]:
    """Split a number in proportion to some room, never beyond it; the number may not exceed all room.

    Args:
        whole: what is split.
        room: what each part may take.
    """
    total = sum(room)
    if not total:
        return [0] * len(room)
    parts = [whole * part // total for part in room]
    order = sorted(range(len(room)), key=lambda number: (-(whole * room[number] % total), number))
    for number in order[: whole - sum(parts)]:
        parts[number] += 1
    return parts


def namespace_name(factory: AIFactory, tenant: str, zone: str) -> str:
    """Give a tenant's namespace: its name where it has one zone, else with the zone's."""
    zones = [one.name for one in factory.zones if tenant in one.tenants]
    return tenant if len(zones) == 1 else label(tenant, zone)


def capacity(shapes: Sequence[Shape]) -> dict[Bucket, int]:
    """Count the GPUs that are counted on, by zone and resource."""
    found: dict[Bucket, int] = {}
    for shape in shapes:
        bucket = (shape.pool.zone, accelerator(shape.system.accelerator).resource)
        found[bucket] = found.get(bucket, 0) + shape.nodes * shape.system.gpus
    return found


def quotas(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[Quotas, list[Problem]]:
    """Give every tenant its GPUs; more than its zones have left is a problem."""
    room = capacity(shapes)
    zones = {tenant.name: [zone.name for zone in factory.zones if tenant.name in zone.tenants] for tenant in factory.tenants}
    given: dict[tuple[str, Bucket], int] = {}
    problems: list[Problem] = []
    stated = [(index, tenant) for index, tenant in enumerate(factory.tenants) if tenant.gpus is not None]
    for index, tenant in sorted(stated, key=lambda one: (len(zones[one[1].name]), one[0])):
        mine = [bucket for bucket in room if bucket[0] in zones[tenant.name]]
        wanted, left = tenant.gpus or 0, sum(room[bucket] for bucket in mine)
        if wanted > left:
            problems.append(_too_many(index, tenant, zones[tenant.name], left, sum(capacity(shapes)[bucket] for bucket in mine)))
        for bucket, part in zip(mine, share(min(wanted, left), [room[bucket] for bucket in mine]), strict=True):
            given[tenant.name, bucket] = part
            room[bucket] -= part
    for bucket, left in room.items():
        others = [tenant.name for tenant in factory.tenants if tenant.gpus is None and bucket[0] in zones[tenant.name]]
        for place, name in enumerate(others):
            given[name, bucket] = left // len(others) + (place < left % len(others))
    shares: dict[tuple[str, str], dict[str, int]] = {(tenant, zone): {} for tenant, names in zones.items() for zone in names}
    for (name, (zone, resource)), part in given.items():
        shares[name, zone][resource] = part
    return Quotas(shares), problems


def _too_many(index: int, tenant: Tenant, zones: Sequence[str], left: int, whole: int) -> Problem:
    """Say what a tenant wants and what there is."""
    taken = f", of which {whole - left:,} are given to others" if left < whole else ""
    message = f"{tenant.gpus:,} GPUs for tenant {tenant.name!r}, and the pools of zone {', '.join(zones)} have {whole:,}{taken}"
    return Problem("over-quota", message, Where(field=f"tenants[{index}].gpus"), f"write at most {left:,}, or enlarge a pool of the zone")


def split(whole: Quotas, clusters: Mapping[str, Mapping[Bucket, int]]) -> dict[str, dict[tuple[str, str], dict[str, int]]]:
    """Split every quota over the clusters, in proportion to what each has left, so that the parts sum to the whole.

    Args:
        whole: the quotas of the factory.
        clusters: cluster name to (zone and resource to GPUs).

    Returns:
        Cluster name to (tenant, zone) to (resource to GPUs). A zone without machines is in the first cluster.
    """
    room = {name: dict(buckets) for name, buckets in clusters.items()}
    homes = {zone: [name for name, buckets in clusters.items() if any(bucket[0] == zone for bucket in buckets)] for _, zone in whole.shares}
    found: dict[str, dict[tuple[str, str], dict[str, int]]] = {name: {} for name in clusters}
    for (tenant, zone), gpus in whole.shares.items():
        for name in homes[zone] or list(clusters)[:1]:
            found[name][tenant, zone] = {resource: 0 for resource in gpus if (zone, resource) in clusters[name]}
        for resource, count in gpus.items():
            names = [name for name in homes[zone] if (zone, resource) in clusters[name]]
            for name, part in zip(names, share(count, [room[name][zone, resource] for name in names]), strict=True):
                found[name][tenant, zone][resource] = part
                room[name][zone, resource] -= part
    return found

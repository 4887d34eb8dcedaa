"""Zones, tenants and workloads: no contradiction in who may speak to whom, and everybody has a place and an image that may run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.spec.secrets import shown

if TYPE_CHECKING:
    from sovereign_ai.spec.fabric import Fabric
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.supplier import Images, Workload
    from sovereign_ai.spec.zone import SecurityZone


def check_flows(factory: AIFactory) -> Iterator[Problem]:
    """Give flows that contradict each other or lead nowhere."""
    for index, zone in enumerate(factory.zones):
        yield from _flows(zone, f"zones[{index}].allow")


def check_isolation(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a zone that asks for what one of its compute and storage fabrics has not: InfiniBand has partitions alone."""
    for index, zone in enumerate(factory.zones):
        mine = {pool.name: pool.site for pool in factory.pools if pool.zone == zone.name}
        theirs = [fabric for fabric in factory.fabrics if fabric.role in ("compute", "storage") and _joins(fabric, mine)]
        wrong = [fabric.name for fabric in theirs if fabric.kind == "infiniband"]
        if wrong and zone.isolation.fabric in ("vrf", "vni"):
            message = f"fabric {wrong[0]!r} of the zone is InfiniBand, which has partitions and no {zone.isolation.fabric.upper()}"
            hint = "write 'partition', or leave it out; Ethernet fabrics beside it keep what they say themselves"
            yield Problem("contradiction", message, Where(field=f"zones[{index}].isolation.fabric"), hint)


def _joins(fabric: Fabric, pools: Mapping[str, str]) -> bool:
    """Tell whether a fabric joins one of some pools, given by name with their sites."""
    return any((not fabric.pools or name in fabric.pools) and (not fabric.sites or site in fabric.sites) for name, site in pools.items())


def check_tenants(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a tenant without a zone."""
    housed = {tenant for zone in factory.zones for tenant in zone.tenants}
    if not housed <= {tenant.name for tenant in factory.tenants}:
        return  # a name that nobody declares is told by itself, and may be the one that is missing
    for index, tenant in enumerate(factory.tenants):
        if tenant.name not in housed:
            where = Where(field=f"tenants[{index}]")
            yield Problem("no-zone", f"the tenant {tenant.name!r} is in no zone", where, f"add {tenant.name!r} to a zone's tenants")


def _flows(zone: SecurityZone, field: str) -> Iterator[Problem]:
    """Refuse a flow to itself, a promise with ports, a permission without, and a promise broken beside it."""
    never = {flow.to: index for index, flow in reversed(list(enumerate(zone.allow))) if flow.never}
    for index, flow in enumerate(zone.allow):
        at = f"{field}[{index}]"
        if flow.to == zone.name:
            yield Problem(
                "self-flow",
                f"the zone {zone.name!r} names itself",
                Where(field=f"{at}.to"),
                "remove it; what a zone may do within itself is its own",
            )
        if flow.never and flow.ports:
            yield Problem("contradiction", "a way that is never open has ports", Where(field=f"{at}.ports"), "remove the ports, or 'never'")
        if not flow.never and not flow.ports:
            yield Problem(
                "missing-field", "a flow names its ports", Where(field=at), "write 'ports: [443]', or 'never: true' for a promise of none"
            )
        if not flow.never and flow.to in never:
            message = f"the way to {flow.to!r} is opened here and promised never to open at {field}[{never[flow.to]}]"
            yield Problem("contradiction", message, Where(field=at), "keep one of the two")


def _model(workload: Workload, field: str) -> Iterator[Problem]:
    """Refuse more parameters at work than there are."""
    size = workload.model
    if size is not None and size.active is not None and size.active > size.parameters:
        message = f"{size.active:,} parameters work on a token, and the model has {size.parameters:,}"
        yield Problem("contradiction", message, Where(field=f"{field}.active"), f"write at most {size.parameters}, or leave it out")

    if size is not None and (size.experts_chosen or 1) > (size.experts or 1):
        message = f"a token is sent to {size.experts_chosen:,} experts, and a layer has {size.experts or 1:,}"
        yield Problem("contradiction", message, Where(field=f"{field}.experts_chosen"), "write at most the number of 'experts'")


def _image(images: Images, image: str, field: str) -> Iterator[Problem]:
    """Refuse an image that admission would refuse: from elsewhere, or without its digest where that is required."""
    if not any(image.startswith(f"{registry.rstrip('/')}/") for registry in images.registries):
        hint = f"mirror it into {images.registries[0]}, or name its registry under 'images.registries'"
        yield Problem("foreign-image", f"{shown(image)} comes from no registry that the description names", Where(field=field), hint)
    if images.digests == "required" and not re.fullmatch(r".+@sha256:[0-9a-f]{64}", image):
        message = f"{shown(image)} is not pinned by its digest, which 'images.digests' requires"
        yield Problem("unpinned-image", message, Where(field=field), "write REGISTRY/PATH@sha256:DIGEST")


def _quota(factory: AIFactory, workload: Workload, machine: str, field: str) -> Iterator[Problem]:
    """Refuse a workload that takes more GPUs at once than its tenant may hold."""
    from sovereign_ai.catalog.systems import systems  # noqa: PLC0415 - read when a description is checked, not when it is written

    most = next(tenant.gpus for tenant in factory.tenants if tenant.name == workload.tenant)
    each = next((system.gpus for system in systems() if system.name == machine), None)
    if most is not None and each is not None and workload.nodes * each > most:
        message = f"{workload.nodes:,} machines of {each} GPUs at once, and tenant {workload.tenant!r} may hold {most:,}"
        yield Problem("over-quota", message, Where(field=f"{field}.nodes"), f"write at most {most // each:,}, or raise the tenant's 'gpus'")


def check_workloads(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a workload whose image may not run, whose tenant has no place in its pool's zone, or that is larger than its pool."""
    pools = {pool.name: pool for pool in factory.pools}
    tenants = {zone.name: zone.tenants for zone in factory.zones}
    known = {tenant.name for tenant in factory.tenants}
    for index, workload in enumerate(factory.workloads):
        yield from _model(workload, f"workloads[{index}].model")
        yield from _image(factory.images, workload.image, f"workloads[{index}].image")
        pool = pools.get(workload.pool)
        if pool is None or pool.zone not in tenants or workload.tenant not in known:
            continue
        yield from _quota(factory, workload, pool.system, f"workloads[{index}]")
        if workload.tenant not in tenants[pool.zone]:
            message = f"the tenant {workload.tenant!r} is not in zone {pool.zone!r} of pool {pool.name!r}"
            open_to = [other.name for other in factory.pools if workload.tenant in tenants.get(other.zone, ())]
            hint = nearest(workload.pool, open_to) if open_to else f"add the tenant to zone {pool.zone!r}"
            yield Problem("wrong-zone", message, Where(field=f"workloads[{index}].pool"), hint)
        if workload.nodes > pool.nodes:
            message = f"{workload.nodes:,} machines at once, and pool {pool.name!r} has {pool.nodes:,}"
            yield Problem(
                "out-of-range", message, Where(field=f"workloads[{index}].nodes"), f"write at most {pool.nodes:,}, or enlarge the pool"
            )

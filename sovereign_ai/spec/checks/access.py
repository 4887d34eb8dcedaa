"""Zones, tenants and workloads: consistent flows, and a zone and an image for every workload.

The checks refuse what admission in the cluster would refuse later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.files import shown
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.images import Images
    from sovereign_ai.spec.pool import GpuNodePool
    from sovereign_ai.spec.workload import Workload
    from sovereign_ai.spec.zone import SecurityZone


def check_flows(factory: AIFactory) -> Iterator[Problem]:
    """Refuse flows that contradict each other or lead nowhere."""
    for index, zone in enumerate(factory.zones):
        yield from _check_zone_flows(zone, f"zones[{index}].allow")


def check_isolation(factory: AIFactory) -> Iterator[Problem]:
    """Refuse an isolation that a zone's compute and storage fabrics lack: InfiniBand has only partitions."""
    for index, zone in enumerate(factory.zones):
        if zone.isolation.fabric not in ("vrf", "vni"):
            continue
        pools = [pool for pool in factory.pools if pool.zone == zone.name]
        for fabric in factory.fabrics:
            carries_data = fabric.role in ("compute", "storage")
            is_joined = any(pool.is_on(fabric) for pool in pools)
            if carries_data and fabric.kind == "infiniband" and is_joined:
                message = (
                    f"fabric {fabric.name!r} of the zone is InfiniBand, "
                    f"which has partitions and no {zone.isolation.fabric.upper()}"
                )
                hint = (
                    "write 'partition', or leave it out; Ethernet fabrics beside it keep their own isolation"
                )
                yield Problem("contradiction", message, Where(field=f"zones[{index}].isolation.fabric"), hint)
                break


def check_tenants(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a tenant without a zone, and one whose home is not among its zones."""
    zones_of: dict[str, list[str]] = {}
    for zone in factory.zones:
        for name in zone.tenants:
            zones_of.setdefault(name, []).append(zone.name)
    in_zones = zones_of.keys()
    declared = set()
    for tenant in factory.tenants:
        declared.add(tenant.name)
    if not in_zones <= declared:
        return  # an undeclared name is reported by itself, and may be the missing one misspelled
    for index, tenant in enumerate(factory.tenants):
        if tenant.name not in in_zones:
            message = f"the tenant {tenant.name!r} is in no zone"
            hint = f"add {tenant.name!r} to a zone's tenants"
            yield Problem("no-zone", message, Where(field=f"tenants[{index}]"), hint)
        elif tenant.home is not None and tenant.home not in zones_of[tenant.name]:
            zones = ", ".join(zones_of[tenant.name])
            message = f"the tenant {tenant.name!r} is at home in zone {tenant.home!r}, which does not list it"
            hint = f"name one of its zones: {zones}"
            yield Problem("contradiction", message, Where(field=f"tenants[{index}].home"), hint)


def _check_zone_flows(zone: SecurityZone, field: str) -> Iterator[Problem]:
    """Refuse a flow to the zone itself, wrong ports, and a flow that another promises never to open."""
    never: dict[str, int] = {}
    for index, flow in enumerate(zone.allow):
        if flow.never:
            never.setdefault(flow.to, index)
    for index, flow in enumerate(zone.allow):
        at = f"{field}[{index}]"
        if flow.to == zone.name:
            message = f"the zone {zone.name!r} names itself"
            hint = "remove it; what a zone may do within itself is its own"
            yield Problem("self-flow", message, Where(field=f"{at}.to"), hint)
        if flow.never and flow.ports:
            message = "a way that is never open has ports"
            yield Problem(
                "contradiction", message, Where(field=f"{at}.ports"), "remove the ports, or 'never'"
            )
        if not flow.never and not flow.ports:
            hint = "write 'ports: [443]', or 'never: true' for a promise of none"
            yield Problem("missing-field", "a flow names its ports", Where(field=at), hint)
        if not flow.never and flow.to in never:
            promise = f"{field}[{never[flow.to]}]"
            message = f"the way to {flow.to!r} is opened here and promised never to open at {promise}"
            yield Problem("contradiction", message, Where(field=at), "keep one of the two")


def _check_model(workload: Workload, field: str) -> Iterator[Problem]:
    """Refuse more active parameters, or more experts for a token, than the model has."""
    size = workload.model
    if size is None:
        return
    if size.active is not None and size.active > size.parameters:
        parameters_text = counted(size.active, "parameter")
        message = f"{parameters_text} work on a token, and the model has {size.parameters:,}"
        hint = f"write at most {size.parameters}, or leave it out"
        yield Problem("contradiction", message, Where(field=f"{field}.active"), hint)
    # A dense model counts as one expert.
    if (size.experts_chosen or 1) > (size.experts or 1):
        experts_text = counted(size.experts_chosen or 1, "expert")
        message = f"a token is sent to {experts_text}, and a layer has {size.experts or 1:,}"
        hint = "write at most the number of 'experts'"
        yield Problem("contradiction", message, Where(field=f"{field}.experts_chosen"), hint)


def _check_image(images: Images, registries: Collection[str], image: str, field: str) -> Iterator[Problem]:
    """Refuse an image that admission would refuse: from another registry, or without a required digest.

    Args:
        images: the `images` part of the description.
        registries: its registries, each with one slash at its end.
        image: the image.
        field: its field.
    """
    # Whole parts of the path are compared, so that `example.com/ai` does not match `example.com/ai-other`.
    if not any(f"{image[:at]}/" in registries for at, letter in enumerate(image) if letter == "/"):
        message = f"{shown(image)} comes from no registry that the description names"
        hint = f"mirror it into {images.registries[0]}, or name its registry under 'images.registries'"
        yield Problem("foreign-image", message, Where(field=field), hint)
    if images.digests == "required" and not re.fullmatch(r".+@sha256:[0-9a-f]{64}", image):
        message = f"{shown(image)} is not pinned by its digest, which 'images.digests' requires"
        yield Problem("unpinned-image", message, Where(field=field), "write REGISTRY/PATH@sha256:DIGEST")


def _check_quota(workload: Workload, most: int | None, each: int | None, field: str) -> Iterator[Problem]:
    """Refuse a workload that takes more GPUs at once than its tenant may hold.

    Args:
        workload: the workload.
        most: GPUs that its tenant may hold; None where the description leaves that open.
        each: GPUs of a server of its pool; None where the catalogue has no such system.
        field: the field of the workload.
    """
    if most is not None and each is not None and workload.nodes * each > most:
        message = (
            f"{counted(workload.nodes, 'machine')} of {counted(each, 'GPU')} at once, "
            f"and tenant {workload.tenant!r} may hold {most:,}"
        )
        hint = f"write at most {most // each:,}, or raise the tenant's 'gpus'"
        yield Problem("over-quota", message, Where(field=f"{field}.nodes"), hint)


def check_workloads(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a workload with a wrong model, image or zone, or larger than its quota or its pool."""
    from sovereign_ai.catalog.system import systems  # noqa: PLC0415 - only checks need it

    pools = {pool.name: pool for pool in factory.pools}
    tenants_in = {zone.name: frozenset(zone.tenants) for zone in factory.zones}
    quota_of = {tenant.name: tenant.gpus for tenant in factory.tenants}
    gpus = {system.name: system.gpus for system in systems()}
    registries = frozenset(f"{registry.rstrip('/')}/" for registry in factory.images.registries)
    for index, workload in enumerate(factory.workloads):
        field = f"workloads[{index}]"
        yield from _check_model(workload, f"{field}.model")
        yield from _check_image(factory.images, registries, workload.image, f"{field}.image")
        pool = pools.get(workload.pool)
        # Undeclared names are reported by themselves.
        if pool is None or pool.zone not in tenants_in or workload.tenant not in quota_of:
            continue
        yield from _check_quota(workload, quota_of[workload.tenant], gpus.get(pool.system), field)
        if workload.tenant not in tenants_in[pool.zone]:
            yield _zone_problem(factory, workload, pool, tenants_in, field)
        if pool.is_management:
            message = f"machines of the management pool {pool.name!r} run no tenant's work"
            others = [other.name for other in factory.pools if not other.is_management]
            hint = nearest(pool.name, others) if others else "name a pool with another purpose"
            yield Problem("contradiction", message, Where(field=f"{field}.pool"), hint)
        standing = factory.standing(pool)
        if workload.nodes > standing:
            message = f"{counted(workload.nodes, 'machine')} at once, and pool {pool.name!r} has {standing:,}"
            hint = f"write at most {standing:,}, or enlarge the pool"
            yield Problem("out-of-range", message, Where(field=f"{field}.nodes"), hint)


def _zone_problem(
    factory: AIFactory,
    workload: Workload,
    pool: GpuNodePool,
    tenants_in: Mapping[str, Collection[str]],
    field: str,
) -> Problem:
    """Return the problem of a workload whose tenant is not in the zone of its pool."""
    message = f"the tenant {workload.tenant!r} is not in zone {pool.zone!r} of pool {pool.name!r}"
    open_pools: list[str] = []
    for other in factory.pools:
        tenants = tenants_in.get(other.zone, ())
        if workload.tenant in tenants:
            open_pools.append(other.name)
    hint = nearest(workload.pool, open_pools) if open_pools else f"add the tenant to zone {pool.zone!r}"
    return Problem("wrong-zone", message, Where(field=f"{field}.pool"), hint)


def check_signers(factory: AIFactory) -> Iterator[Problem]:
    """Refuse signers that are one, or of registries that are not declared, and signatures without signers."""
    images = factory.images
    declared = {registry.rstrip("/") for registry in images.registries}
    known: dict[tuple[str, str | None], str] = {}
    for index, signer in enumerate(images.signers):
        field = f"images.signers[{index}]"
        if (signer.key, signer.builder) in known:
            message = f"{known[signer.key, signer.builder]!r} has the same key and builder"
            hint = "list the registries of both under one signer"
            yield Problem("contradiction", message, Where(field=f"{field}.key"), hint)
        known.setdefault((signer.key, signer.builder), signer.name)
        for number, registry in enumerate(signer.registries):
            if registry.rstrip("/") not in declared:
                message = f"{shown(registry)} is not among the declared registries"
                where = Where(field=f"{field}.registries[{number}]")
                yield Problem("unknown-name", message, where, nearest(registry, sorted(declared)))
    if images.signatures and not images.signers:
        message = "signatures without signers decide nothing"
        hint = "list under 'images.signers' whose signatures count"
        yield Problem("missing-field", message, Where(field="images.signatures"), hint)

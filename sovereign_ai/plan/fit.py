"""Which planes a factory's fabrics come to, and why a fabric cannot be: its machines, its size, or another fabric on the same ports.

Each problem names the limit and the smallest change that would fit; the arithmetic of one plane is in `size.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.catalog.switches import switch
from sovereign_ai.catalog.systems import system
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.plan.clos import MisfitError, split
from sovereign_ai.plan.seats import Block, blocks_of, pools_of
from sovereign_ai.plan.size import FabricSize, sized
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory

MOST_CABLES = 10_000_000
"""Cables a factory, all fabrics together; more is a mistake in a figure rather than a wish (an estimate: a million GPUs under three tiers at
1:1 take some three million)."""


def size_fabrics(
    factory: AIFactory, spares: Mapping[str, int], servers: Mapping[str, int] | None = None, managed: Mapping[str, int] | None = None
) -> tuple[FabricSize, ...]:
    """Give the size of every plane, by fabric and site in the order of the description; sites without machines have none.

    Args:
        factory: the description.
        spares: pool name to spare machines.
        servers: site name to storage servers.
        managed: site name to management ports of switches and rack PDUs.

    Raises:
        SpecError: every fabric that cannot be.
    """
    problems = fabric_problems(factory, spares, servers, managed)
    if problems:
        raise SpecError(problems)
    return tuple(
        _plane(fabric, site.name, plane, size)
        for fabric in factory.fabrics
        for site in factory.sites
        if (blocks := _blocks(factory, fabric, site.name, spares, servers or {}, managed or {}))
        for size in [sized(blocks, fabric.rails, radix_of(fabric), fabric.oversubscription, fabric.managers)]
        for plane in range(fabric.planes)
    )


def _blocks(
    factory: AIFactory, fabric: Fabric, site: str, spares: Mapping[str, int], servers: Mapping[str, int], managed: Mapping[str, int]
) -> list[Block]:
    """Give what joins one fabric at one site."""
    return blocks_of(factory, fabric, site, spares, servers.get(site, 0), managed.get(site, 0))


def fabric_problems(
    factory: AIFactory, spares: Mapping[str, int], servers: Mapping[str, int] | None = None, managed: Mapping[str, int] | None = None
) -> list[Problem]:
    """Give every fabric that cannot be, with the limit and the smallest change that would fit.

    Places carry the dotted field alone. What a fabric says by itself (its switch's kind, rate and
    radix) is held by the description's own checks and taken for granted here.
    """
    return [
        Problem("impossible-fabric", misfit.message, Where(field=f"fabrics[{index}].{misfit.field}"), misfit.hint)
        for index in range(len(factory.fabrics))
        for misfit in _misfits(factory, index, spares, servers or {}, managed or {})
    ]


def cable_problems(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[Problem]:
    """Give the fabric with the most cables where all of them together are more than anybody lays; asked before one is laid."""
    counts = dict.fromkeys((fabric.name for fabric in factory.fabrics), 0)
    for size in sizes:
        counts[size.fabric] += size.node_leaf + size.leaf_spine + size.spine_core
    if (total := sum(counts.values())) > MOST_CABLES:
        name = max(counts, key=lambda one: counts[one])
        index = next(index for index, fabric in enumerate(factory.fabrics) if fabric.name == name)
        message = f"{total:,} cables, {counts[name]:,} of them here; a factory is planned with at most {MOST_CABLES:,}"
        hint = "fewer 'planes' or 'rails', a larger 'oversubscription', or several factories"
        yield Problem("too-many-cables", message, Where(field=f"fabrics[{index}]"), hint)


def radix_of(fabric: Fabric) -> int:
    """Give the ports of a fabric's switch, breakout counted; 0 where neither a switch nor a radix is named."""
    ports = switch(fabric.switch).ports if fabric.switch else fabric.radix
    return (ports or 0) * fabric.breakout


def _misfits(
    factory: AIFactory, index: int, spares: Mapping[str, int], servers: Mapping[str, int], managed: Mapping[str, int]
) -> Iterator[MisfitError]:
    """Give everything that is impossible about one fabric."""
    fabric = factory.fabrics[index]
    yield from _machine_misfits(factory, fabric)
    yield from _meeting_misfits(factory, index)
    radix = radix_of(fabric)
    try:
        split(radix, fabric.oversubscription)
    except MisfitError as misfit:
        yield misfit
        return
    for site in factory.sites:
        blocks = _blocks(factory, fabric, site.name, spares, servers, managed)
        try:
            if blocks:
                sized(blocks, fabric.rails, radix, fabric.oversubscription, fabric.managers)
        except MisfitError as misfit:
            field = "switch" if fabric.switch else misfit.field
            yield MisfitError(field, f"at site {site.name}: {misfit.message}", misfit.hint)


def _machine_misfits(factory: AIFactory, fabric: Fabric) -> Iterator[MisfitError]:
    """Hold rails and rate against the network ports of each system that joins."""
    joined = {pool.system: pool for site in factory.sites for pool in pools_of(factory, fabric, site.name)}
    for name, pool in sorted(joined.items()):
        machine = system(name)
        if fabric.role == "compute":
            ports, rate = machine.compute_nics, machine.compute_nic_rate
            wrong = ports % fabric.rails != 0
            right = f"write 'rails: {ports}'"
        elif fabric.role == "storage" and machine.storage_nics is not None and machine.storage_nic_rate is not None:
            ports, rate = machine.storage_nics, machine.storage_nic_rate
            wrong = ports < fabric.rails
            right = f"write 'rails: {ports}' or fewer"
        else:
            continue
        if wrong:
            yield MisfitError(
                "rails",
                f"{name} of pool {pool.name} has {ports} {fabric.role} ports, and a fabric cables one a rail: {fabric.rails} rails are no even share of them",
                f"{right}, or give the pool a fabric of its own",
            )
        if fabric.link.count > rate.count:
            yield MisfitError("link", f"a {fabric.role} port of {name} gives {rate}, not {fabric.link}", f"write 'link: {rate}'")


def _meeting_misfits(factory: AIFactory, index: int) -> Iterator[MisfitError]:
    """Find an earlier fabric of the same role that wants the same ports of the same machines."""
    fabric = factory.fabrics[index]
    mine = {pool.name for site in factory.sites for pool in pools_of(factory, fabric, site.name)}
    for other in factory.fabrics[:index]:
        theirs = {pool.name for site in factory.sites for pool in pools_of(factory, other, site.name)}
        shared = sorted(mine & theirs)
        if other.role == fabric.role and shared:
            yield MisfitError(
                "pools",
                f"pool {shared[0]} joins {other.name} already; a machine has one set of {fabric.role} ports",
                "name pools so that none joins two fabrics of one role; or use planes",
            )


def _plane(fabric: Fabric, site: str, plane: int, size: FabricSize) -> FabricSize:
    """Give a size its names."""
    values = {name: getattr(size, name) for name in size.__slots__}
    named = {
        "fabric": fabric.name,
        "site": site,
        "plane": plane,
        "role": fabric.role,
        "kind": fabric.kind,
        "link": fabric.link.count // fabric.planes,
    }
    return FabricSize(**(values | named))

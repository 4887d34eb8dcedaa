"""The fabric planes of a factory, and why a fabric is impossible.

Its servers, its size, or another fabric on the same ports may be the reason.

Each problem names the limit and the smallest change that would fit. The arithmetic of one plane is in
`size.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.catalog import design
from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import System, system
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.plan.fabric.clos import MisfitError, split
from sovereign_ai.plan.fabric.port_assignment import Block, blocks_of, fabrics_by_name, pools_of
from sovereign_ai.plan.fabric.size import FabricSize, described, sized
from sovereign_ai.plan.fabric.sizing import laid_out
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import machines_a_rack
from sovereign_ai.spec import AIFactory, Fabric, GpuNodePool
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond

_CABLE_PARTS = frozenset({2, 4, 8})
"""Into how many links a splitter cable divides a port: whole lanes, of which a port has at most eight."""
MOST_CABLES = 10_000_000
"""Cables of a factory, all fabrics together. More indicates a mistake in a figure, not a real request (an
estimate: a million GPUs under three tiers at 1:1 take some three million)."""


def size_fabrics(
    factory: AIFactory,
    spares: Mapping[str, int],
    servers: Mapping[str, int] | None = None,
    managed: Mapping[str, int] | None = None,
) -> tuple[FabricSize, ...]:
    """Return the size of every plane, by fabric and site in the order of the description.

    Args:
        factory: the description.
        spares: pool name to spare servers.
        servers: site name to storage servers.
        managed: site name to management ports of switches and rack PDUs.

    Returns:
        The sizes. A fabric has none at sites where nothing joins it.

    Raises:
        SpecError: every impossible fabric.
    """
    problems = fabric_problems(factory, spares, servers, managed)
    if problems:
        raise SpecError(problems)
    sizes: list[FabricSize] = []
    for fabric in factory.fabrics:
        for site in factory.sites:
            blocks = _blocks_at(factory, fabric, site.name, spares, servers or {}, managed or {})
            if not blocks:
                continue
            # Planes are copies of each other, so one is sized and named several times.
            size = _size_plane(factory, fabric, site.name, blocks)
            planes = range(fabric.planes * fabric.rail_groups)
            sizes += [_name_plane(fabric, site.name, plane, size) for plane in planes]
    return tuple(sizes)


def size_alone(factory: AIFactory, fabric: Fabric, site: str) -> FabricSize:
    """Return the size of the first plane of a compute fabric at a site, without anything else of the factory.

    Spares and rates are not looked at: a search sizes thousands of fabrics of which it knows that they fit.

    Raises:
        MisfitError: it cannot be built.
    """
    blocks = _blocks_at(factory, fabric, site, {}, {}, {})
    size = _size_plane(factory, fabric, site, blocks)
    for misfit in _lid_misfits(fabric, site, size):
        raise misfit
    return _name_plane(fabric, site, 0, size)


def _size_plane(factory: AIFactory, fabric: Fabric, site: str, blocks: list[Block]) -> FabricSize:
    """Return the size of a fabric's planes at one site."""
    fabric = fabric.of_a_plane()
    if not fabric.laid_out:
        return sized(
            blocks,
            fabric.rails,
            radix_of(fabric),
            fabric.oversubscription,
            fabric.managers,
            breakout=fabric.breakout,
            link=fabric.link.count // fabric.planes,
        )
    per_rack = {machines_a_rack(factory, pool) for pool in pools_of(factory, fabric, site)}
    rack = per_rack.pop() if len(per_rack) == 1 else 0
    if len(fabric.host_links) > 1 and fabric.leaf_hosts is not None:
        # Hosts of several rates take different numbers of places, so the hosts of a leaf are counted.
        most = fabric.leaf_hosts if isinstance(fabric.leaf_hosts, int) else rack
        blocks = [replace(block, most=most) for block in blocks]
    laid = laid_out(fabric, blocks, rack)
    return described(blocks, fabric.rails, fabric.managers, laid)


def _blocks_at(
    factory: AIFactory,
    fabric: Fabric,
    site: str,
    spares: Mapping[str, int],
    servers: Mapping[str, int],
    managed: Mapping[str, int],
) -> list[Block]:
    """Return what joins one fabric at one site."""
    return blocks_of(factory, fabric, site, spares, servers.get(site, 0), managed.get(site, 0))


def fabric_problems(
    factory: AIFactory,
    spares: Mapping[str, int],
    servers: Mapping[str, int] | None = None,
    managed: Mapping[str, int] | None = None,
) -> list[Problem]:
    """Return a problem for each reason why a fabric is impossible.

    Places hold the dotted field alone. What a fabric states by itself (its switch's kind, rate and radix) is
    checked with the description and not here.
    """
    pools_joined: list[frozenset[str]] = []
    for fabric in factory.fabrics:
        names: set[str] = set()
        for site in factory.sites:
            for pool in pools_of(factory, fabric, site.name):
                names.add(pool.name)
        pools_joined.append(frozenset(names))
    problems: list[Problem] = []
    for index in range(len(factory.fabrics)):
        for misfit in _misfits(factory, index, spares, servers or {}, managed or {}, pools_joined):
            where = Where(field=f"fabrics[{index}].{misfit.field}")
            problems.append(Problem("impossible-fabric", misfit.message, where, misfit.hint))
    return problems


def cable_problems(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[Problem]:
    """Refuse more cables than a plan supports, at the fabric with the most, before any cable is planned."""
    counts = dict.fromkeys(fabrics_by_name(factory), 0)
    for size in sizes:
        between = size.leaf_leaf + size.partners + size.leaf_spine + size.spine_core
        counts[size.fabric] += size.node_leaf + between + size.outside
    total = sum(counts.values())
    if total <= MOST_CABLES:
        return
    name = max(counts, key=lambda fabric: counts[fabric])
    cables_text = counted(total, "cable")
    message = (
        f"{cables_text}, {counts[name]:,} of them here; a factory is planned with at most {MOST_CABLES:,}"
    )
    hint = "fewer 'planes' or 'rails', a larger 'oversubscription', or several factories"
    # The counts are in the order of the description.
    index = list(counts).index(name)
    yield Problem("too-many-cables", message, Where(field=f"fabrics[{index}]"), hint)


def radix_of(fabric: Fabric) -> int:
    """Return the ports of a fabric's switch, breakout counted; 0 without a switch and a radix."""
    ports = switch(fabric.switch).ports if fabric.switch else fabric.radix
    return (ports or 0) * fabric.breakout


def _misfits(
    factory: AIFactory,
    index: int,
    spares: Mapping[str, int],
    servers: Mapping[str, int],
    managed: Mapping[str, int],
    joined: Sequence[frozenset[str]],
) -> Iterator[MisfitError]:
    """Yield everything that is impossible about one fabric."""
    fabric = factory.fabrics[index]
    yield from _machine_misfits(factory, fabric)
    yield from _meeting_misfits(factory, index, joined)
    try:
        if not fabric.laid_out:
            split(radix_of(fabric), fabric.oversubscription)
    except MisfitError as misfit:
        # Every site would fail for the same reason.
        yield misfit
        return
    for site in factory.sites:
        blocks = _blocks_at(factory, fabric, site.name, spares, servers, managed)
        if not blocks:
            continue
        try:
            yield from _lid_misfits(fabric, site.name, _size_plane(factory, fabric, site.name, blocks))
        except MisfitError as misfit:
            # A named switch has no field for its radix.
            field = "switch" if fabric.switch and misfit.field == "radix" else misfit.field
            hint = misfit.hint
            tight = fabric.model_copy(update={"padding": "none"})
            if fabric.padding != "none" and _fits(
                factory, tight, site.name, _blocks_at(factory, tight, site.name, spares, servers, managed)
            ):
                hint = f"write 'padding: none', which keeps no places for whole units of machines, or {hint}"
            yield MisfitError(field, f"at site {site.name}: {misfit.message}", hint)


def _fits(factory: AIFactory, fabric: Fabric, site: str, blocks: list[Block]) -> bool:
    """Return whether a fabric can be built at a site."""
    try:
        size = _size_plane(factory, fabric, site, blocks)
    except MisfitError:
        return False
    return not any(_lid_misfits(fabric, site, size))


MOST_LIDS = 0xBFFF
"""Unicast addresses of an InfiniBand subnet, 0x0001 to 0xBFFF: each port of a server and each switch uses one
(InfiniBand Architecture Specification, volume 1, local identifiers). NVIDIA's manual recommends routers from
some 40,000 end-ports on."""


def _lid_misfits(fabric: Fabric, site: str, size: FabricSize) -> Iterator[MisfitError]:
    """Compare an InfiniBand plane with the addresses of a subnet."""
    if fabric.kind != "infiniband":
        return
    subnets = fabric.subnets or 1
    pods = size.shape.pods if size.tiers == 3 else 1
    if subnets > pods:
        pods_text = counted(pods, "pod")
        subnets_text = counted(subnets, "subnet")
        message = f"at site {site}: {subnets_text}, and the plane has {pods_text} to divide into them"
        yield MisfitError("subnets", message, f"write at most {pods}")
        return
    lids = _lids(size, pods, subnets)
    if lids > MOST_LIDS:
        message = f"at site {site}: {lids:,} InfiniBand addresses a subnet, and one ends at {MOST_LIDS:,}"
        hint = "join fewer machines, or"
        for count in range(subnets + 1, pods + 1):
            if _lids(size, pods, count) <= MOST_LIDS:
                hint = f"write 'subnets: {count}', whose cores then route, or"
                break
        yield MisfitError("subnets", message, f"{hint} use 'kind: roce'")


def _lids(size: FabricSize, pods: int, subnets: int) -> int:
    """Return the LIDs of the largest subnet of an InfiniBand plane.

    Args:
        size: the plane.
        pods: its pods.
        subnets: subnets that the pods are divided into.
    """
    subnet_pods = ceil_div(pods, subnets)
    ports = min(size.endpoints, subnet_pods * size.shape.pod * size.down * size.leaf_rails)
    switches = min(size.leaf + size.spine, subnet_pods * (size.shape.pod + size.shape.pod_spines))
    # Cores route between the subnets, so they have an address in each.
    return ports + switches + size.core


def _machine_misfits(factory: AIFactory, fabric: Fabric) -> Iterator[MisfitError]:
    """Compare rails and rate with the network ports of each system that joins."""
    # Pools of one system are alike, unless one of them has a rate of its own.
    pool_of: dict[tuple[str, int], GpuNodePool] = {}
    for site in factory.sites:
        for pool in pools_of(factory, fabric, site.name):
            pool_of[pool.system, fabric.link_of(pool.name).count] = pool
    for key in sorted(pool_of):
        name, pool = key[0], pool_of[key]
        machine = system(name)
        ports, rate = _ports_and_rate(machine, fabric.role)
        if ports is None or rate is None:
            continue
        if ports == 0:
            message = f"{name} of pool {pool.name} has no {fabric.role} ports"
            yield MisfitError("pools", message, _without_ports(pool))
            continue
        parts = 1
        if fabric.role == "compute":
            # All compute ports are cabled, equally many to each rail, or each to equally many rails.
            parts = _port_parts(fabric.rails, ports)
            is_wrong = ports % fabric.rails != 0 and parts == 1
            advice = f"write 'rails: {ports}'"
        else:
            # Storage ports may stay unused.
            is_wrong = ports < fabric.rails
            advice = f"write 'rails: {ports}' or fewer"
        if is_wrong:
            message = (
                f"{name} of pool {pool.name} has {ports} {fabric.role} ports, one for each rail: "
                f"{counted(fabric.rails, 'rail does', 'rails do')} not divide them evenly"
            )
            yield MisfitError("rails", message, f"{advice}, or give the pool a fabric of its own")
        link = fabric.link_of(pool.name)
        if link.count * parts > rate.count:
            rate = BitsPerSecond(rate.count // parts)
            part = f"one of {counted(parts, 'part')} of a" if parts > 1 else "a"
            message = f"{part} {fabric.role} port of {name} gives {rate}, not {link}"
            hint = f"write 'link: {rate}'"
            if len(pool_of) > 1:
                own = f"'pool_links: [{{pool: {pool.name}, link: {rate}}}]'"
                hint += f", the rate of all that join; or {own} for it alone"
            yield MisfitError("link", message, hint)


def _without_ports(pool: GpuNodePool) -> str:
    """Return what to do about a pool whose servers have no ports for a fabric."""
    hint = "name the pools that join, without this one"
    if pool.is_management:
        hint += "; 'managers' counts ports of fabric managers, and other fabrics connect the pool"
    return hint


def _ports_and_rate(machine: System, role: str) -> tuple[int | None, BitsPerSecond | None]:
    """Return a machine's ports for a role and their rate; None where its row does not give them."""
    if role == "compute":
        return machine.compute_nics, machine.compute_nic_rate
    if role == "storage":
        return machine.storage_nics, machine.storage_nic_rate
    return None, None


def _port_parts(rails: int, ports: int) -> int:
    """Return into how many rails each port is split; 1 where no cable splits the ports into that many."""
    parts = rails // ports if ports and rails % ports == 0 else 1
    return parts if parts in _CABLE_PARTS else 1


def _meeting_misfits(
    factory: AIFactory, index: int, joined: Sequence[frozenset[str]]
) -> Iterator[MisfitError]:
    """Yield the first earlier fabric of the same role that joins the same ports of the same servers."""
    fabric = factory.fabrics[index]
    for other, other_pools in zip(factory.fabrics[:index], joined, strict=False):
        shared = sorted(joined[index] & other_pools)
        if other.role == fabric.role and shared:
            yield MisfitError(
                "pools",
                f"pool {shared[0]} joins {other.name} already; a machine has one set of {fabric.role} ports",
                "name pools so that none joins two fabrics of one role; or use planes",
            )
            return  # the first shows the mistake; of a thousand fabrics each would meet every other


def _name_plane(fabric: Fabric, site: str, plane: int, size: FabricSize) -> FabricSize:
    """Return a size with the names of its fabric, site and plane."""
    why = size.why
    if fabric.design is not None:
        preset = design(fabric.design)
        text = f"{preset.name}: {preset.about} ({preset.source}, read {preset.read})"
        why = {**size.why, "design": text}
    group = plane % fabric.rail_groups
    first_rail = group * size.rails
    if fabric.rail_groups > 1:
        last_rail = first_rail + size.rails - 1
        own = f"rail {first_rail}" if size.rails == 1 else f"rails {first_rail} to {last_rail}"
        why = {**why, "rails": f"{own} of {fabric.rails}: no switch joins them with another plane's"}
    return replace(
        size,
        fabric=fabric.name,
        site=site,
        plane=plane,
        role=fabric.role,
        kind=fabric.kind,
        link=fabric.link.count // fabric.planes,
        why=why,
        first_rail=first_rail,
    )

"""Acceptance tests of more than one server: rails, scalable units, fabrics, tiers and sites.

Servers of two zones cannot reach each other where a fabric keeps zones apart. There each zone's servers are
tested by themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sovereign_ai.assess.acceptance.limits import (
    FILE,
    LARGE,
    collective_limits,
    count,
    fio,
    portion,
    rates,
    share,
)
from sovereign_ai.assess.acceptance.tests import AcceptanceTest
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import CONFIDENCE, Node, Plan, poisson_spares
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.text import counted


def _has_reader(node: Node) -> bool:
    """Return whether a server has accelerators, and a reader exists for their collectives."""
    chip = accelerator_of(system(node.system))
    return chip is not None and bool(chip.gpu_vendor.collectives)


def _testable(plan: Plan, plane: FabricPlan) -> dict[str, list[Node]]:
    """Return the servers on a compute plane with a reader for collectives, by the suffix of the subject.

    The suffix is the servers' zone where the plane keeps zones apart, or else an empty text.
    """
    hosts = set(plane.host_links.lowers())
    nodes = []
    for node in plan.nodes:
        if node.name in hosts and _has_reader(node):
            nodes.append(node)
    apart: set[str] = set()
    for partition in plan.partitions:
        if partition.fabric == plane.fabric and partition.kind != "none":
            apart.add(partition.zone)
    zones = {node.zone for node in nodes}
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        is_apart = len(zones) > 1 and node.zone in apart
        groups.setdefault(f"-{node.zone}" if is_apart else "", []).append(node)
    return groups


def rails(plan: Plan, plane: FabricPlan) -> Iterator[AcceptanceTest]:
    """Yield the tests of one plane's rails."""
    for zone, nodes in _testable(plan, plane).items():
        # A collective needs two servers.
        if len(nodes) < 2:
            continue
        # A collective goes as fast as its slowest port.
        link = min(plane.host_rate(node.name) for node in nodes)
        planned = f"a rail of {plane.name}, {link / 1e9:g} Gbps a port"
        # From bits to gigabytes a second.
        bus = portion("bus", share("rail-share"), link / 8e9, planned)
        ranks = collective_limits(
            len(nodes), f"{counted(len(nodes), 'machine')} on each rail of {plane.name}{zone}"
        )
        command = (
            f"NCCL_IB_HCA=NIC-OF-THE-RAIL all_reduce_perf {LARGE} -g 1 on the rail's GPU of every machine"
        )
        own_rails = range(plane.first_rail, plane.first_rail + plane.rails)
        subjects = tuple(f"{plane.name}-r{rail}{zone}" for rail in own_rails)
        yield AcceptanceTest("collectives", "rail", plane.name, "nccl", command, subjects, (bus, *ranks))


def _gpus(nodes: list[Node]) -> int:
    """Return the GPUs of some servers."""
    return sum(node.gpus for node in nodes)


def _uplink(plan: Plan, nodes: list[Node]) -> tuple[int, int]:
    """Return the bits a second and the cables of the worst of some servers on the compute fabrics."""
    names = {node.name for node in nodes}
    rate: Counter[str] = Counter()
    cables: Counter[str] = Counter()
    for plane in plan.fabrics:
        if plane.role != "compute":
            continue
        for host in plane.host_links.lowers():
            if host in names:
                rate[host] += plane.host_rate(host)
                cables[host] += 1
    if not names:
        return 0, 0
    # A counter has 0 for a server without a port.
    return min(map(rate.__getitem__, names)), min(map(cables.__getitem__, names))


def units(plan: Plan, nodes: list[Node]) -> Iterator[AcceptanceTest]:
    """Yield the tests of one pool's scalable units of more than one server."""
    if not _has_reader(nodes[0]):
        return
    members: defaultdict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        members[node.scalable_unit].append(node)
    rate, cables = _uplink(plan, nodes)
    pool = nodes[0].pool
    planned = f"{rate / 1e9:g} Gbps from each machine of {pool} ({counted(cables, 'port')})"
    # From bits to gigabytes a second: of a server, and of one of its GPUs.
    server, gpu = rate / 8e9, rate / 8e9 / nodes[0].gpus
    # The last unit of a pool may be smaller, so units are tested by their size.
    for size in sorted({len(unit) for unit in members.values()}):
        if size < 2 or not rate:
            continue
        of_size = []
        for name, unit in members.items():
            if len(unit) == size:
                of_size.append(name)
        names = tuple(of_size)
        gpus = _gpus(members[names[0]])
        ranks = collective_limits(gpus, f"{counted(gpus, 'GPU')} in each unit of {counted(size, 'machine')}")
        bus = portion("bus", share("unit-share"), server, planned)
        command = f"all_reduce_perf {LARGE} -g 1 on every GPU of the unit"
        yield AcceptanceTest("collectives", "unit", pool, "nccl", command, names, (bus, *ranks))
        bus = portion("bus", share("exchange-share"), gpu, planned)
        command = f"alltoall_perf {LARGE} -g 1 on every GPU of the unit"
        yield AcceptanceTest("exchange", "unit", pool, "nccl", command, names, (bus, *ranks))


def sites(plan: Plan) -> Iterator[AcceptanceTest]:
    """Yield the tests of whole fabrics, tiers and sites."""
    fabrics: defaultdict[tuple[str, str], list[FabricPlan]] = defaultdict(list)
    for plane in plan.fabrics:
        if plane.role == "compute":
            fabrics[plane.fabric, plane.site].append(plane)
    for (name, site), planes in fabrics.items():
        for zone, nodes in _testable(plan, planes[0]).items():
            # Within one scalable unit the test of the unit shows as much.
            if len({node.scalable_unit for node in nodes}) > 1:
                yield from _fabric(plan, f"{name}-{site}{zone}", planes, nodes)
    for tier in plan.storage:
        if tier.read or tier.write:
            limits = tuple(rates(tier, tier.read, tier.write, "the aggregate rate", "read"))
            command, subjects = fio(tier, " --client=ALL-MACHINES"), (f"{tier.tier}-{tier.site}",)
            yield AcceptanceTest("storage", "site", tier.tier, "fio", command, subjects, limits)
    yield from _broken(plan)


def _fabric(plan: Plan, name: str, planes: list[FabricPlan], nodes: list[Node]) -> Iterator[AcceptanceTest]:
    """Yield the tests of a whole compute fabric at a site, over all its planes.

    Args:
        plan: the plan.
        name: the subject's name.
        planes: the planes of the fabric at the site.
        nodes: the servers, or those of one zone.
    """
    rate, _ = _uplink(plan, nodes)
    gpus = _gpus(nodes)
    ranks = collective_limits(gpus, f"{counted(gpus, 'GPU')} on {name}")
    bisection = ends = 0
    for plane in planes:
        bisection += plane.bisection
        ends += plane.endpoints
    # Half of the ends send half of their traffic across: ends / 2 x rate / 2 = bisection.
    exchange = min(rate / max(node.gpus for node in nodes), 4 * bisection / max(ends, 1))
    planned = f"{rate / 1e9:g} Gbps from each machine on {name}, bisection {bisection / 1e12:g} Tbps"
    bus = portion("bus", share("site-share"), rate / 8e9, planned)
    command = f"all_reduce_perf {LARGE} -g 1 on every GPU of the fabric"
    yield AcceptanceTest("collectives", "site", name, "nccl", command, (name,), (bus, *ranks))
    bus = portion("bus", share("exchange-share"), exchange / 8e9, planned)
    command = f"alltoall_perf {LARGE} -g 1 on every GPU of the fabric"
    yield AcceptanceTest("exchange", "site", name, "nccl", command, (name,), (bus, *ranks))


def _broken(plan: Plan) -> Iterator[AcceptanceTest]:
    """Yield for each site the test that counts the servers which break in the burn-in."""
    hours = int(figure(FILE, "burn-in").value or 0)
    source = (
        "419 interruptions in 54 days of 16,384 GPUs (arXiv 2407.21783, table 5), "
        f"Poisson over {hours} h, quantile {CONFIDENCE}"
    )
    command = "counted from the machines' burn-in"
    # A server without codes of faults has no burn-in that could be read, so it is not counted.
    members: dict[str, list[Node]] = {}
    for node in plan.nodes:
        at_site = members.setdefault(node.site, [])
        chip = accelerator_of(system(node.system))
        if chip is not None and chip.gpu_vendor.faults:
            at_site.append(node)
    for site, nodes in members.items():
        if not nodes:
            continue
        gpus = _gpus(nodes)
        planned = f"machines of {site} that last: {len(nodes):,} with {counted(gpus, 'GPU')}"
        limit = count("broken", poisson_spares(gpus, 1, hours), planned, source, least=False)
        names = tuple(node.name for node in nodes)
        yield AcceptanceTest("burn-in", "site", site, "count", command, (site,), (limit,), names)

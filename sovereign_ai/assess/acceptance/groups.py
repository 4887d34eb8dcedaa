"""The tests of what is more than one machine: rails, scalable units, fabrics, tiers and sites.

Machines of two zones do not reach each other where a fabric keeps zones apart, so there each zone's machines are tested by themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sovereign_ai.assess.acceptance.limits import FILE, LARGE, PERF, count, fio, portion, rates, share, whole
from sovereign_ai.assess.acceptance.tests import AcceptanceTest
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.spares import CONFIDENCE, poisson_spares


def _testable(plan: Plan, plane: FabricPlan) -> dict[str, list[Node]]:
    """Give the machines on a compute plane whose collectives can be read, by what is put behind the subject's name: their zone if need be."""
    hosts = {row[0] for row in plane.cables[: plane.node_leaf]}
    nodes = [node for node in plan.nodes if node.name in hosts and accelerator(system(node.system).accelerator).vendor in PERF]
    apart = {one.zone for one in plan.partitions if one.fabric == plane.fabric and one.kind != "none"}
    zones = {node.zone: f"-{node.zone}" if node.zone in apart else "" for node in nodes}
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(zones[node.zone] if len(zones) > 1 else "", []).append(node)
    return found


def rails(plan: Plan, plane: FabricPlan) -> Iterator[AcceptanceTest]:
    """Give the tests of one plane's rails."""
    for zone, nodes in _testable(plan, plane).items():
        if len(nodes) < 2:
            continue
        bus = portion("bus", share("rail-share"), plane.link / 8e9, f"a rail of {plane.name}, {plane.link / 1e9:g} Gbps a port")
        ranks = whole(len(nodes), f"{len(nodes)} machines on each rail of {plane.name}{zone}")
        command = f"NCCL_IB_HCA=NIC-OF-THE-RAIL all_reduce_perf {LARGE} -g 1 on the rail's GPU of every machine"
        subjects = tuple(f"{plane.name}-r{rail}{zone}" for rail in range(plane.rails))
        yield AcceptanceTest("collectives", "rail", plane.name, "nccl", command, subjects, (bus, *ranks))


def _uplink(plan: Plan, names: set[str]) -> tuple[int, int]:
    """Give the bits a second and the cables of the worst of some machines on the compute fabrics."""
    rate: Counter[str] = Counter()
    cables: Counter[str] = Counter()
    for plane in plan.fabrics:
        if plane.role == "compute":
            for host, _, _, _ in plane.cables[: plane.node_leaf]:
                if host in names:
                    rate[host] += plane.link
                    cables[host] += 1
    return min((rate[name] for name in names), default=0), min((cables[name] for name in names), default=0)


def units(plan: Plan, nodes: list[Node]) -> Iterator[AcceptanceTest]:
    """Give the tests of one pool's scalable units of more than one machine."""
    if accelerator(system(nodes[0].system).accelerator).vendor not in PERF:
        return
    members: defaultdict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        members[node.scalable_unit].append(node)
    rate, cables = _uplink(plan, {node.name for node in nodes})
    for size in sorted({len(unit) for unit in members.values()}):
        units = tuple(name for name, unit in members.items() if len(unit) == size)
        if size < 2 or not rate:
            continue
        gpus = sum(node.gpus for node in members[units[0]])
        ranks = whole(gpus, f"{gpus} GPUs in each unit of {size} machines")
        planned = f"{rate / 1e9:g} Gbps from each machine of {nodes[0].pool} ({cables} ports)"
        each = rate / 8e9 / nodes[0].gpus
        for name, part, full in (("collectives", "unit-share", rate / 8e9), ("exchange", "exchange-share", each)):
            program = "all_reduce_perf" if name == "collectives" else "alltoall_perf"
            limits = (portion("bus", share(part), full, planned), *ranks)
            group = nodes[0].pool
            yield AcceptanceTest(name, "unit", group, "nccl", f"{program} {LARGE} -g 1 on every GPU of the unit", units, limits)


def sites(plan: Plan) -> Iterator[AcceptanceTest]:
    """Give the tests of whole fabrics, tiers and sites."""
    fabrics: defaultdict[tuple[str, str], list[FabricPlan]] = defaultdict(list)
    for plane in plan.fabrics:
        if plane.role == "compute":
            fabrics[plane.fabric, plane.site].append(plane)
    for (name, site), planes in fabrics.items():
        for zone, nodes in _testable(plan, planes[0]).items():
            if len({node.scalable_unit for node in nodes}) > 1:
                yield from _fabric(plan, f"{name}-{site}{zone}", planes, nodes)
    for tier in plan.storage:
        if tier.read or tier.write:
            asked = tuple(rates(tier, tier.read, tier.write, "the aggregate rate", "read"))
            command = fio(tier, " --client=ALL-MACHINES")
            yield AcceptanceTest("storage", "site", tier.tier, "fio", command, (f"{tier.tier}-{tier.site}",), asked)
    yield from _broken(plan)


def _fabric(plan: Plan, name: str, planes: list[FabricPlan], nodes: list[Node]) -> Iterator[AcceptanceTest]:
    """Give the tests of a whole compute fabric at a site, over all its planes, or of one zone's machines on it."""
    rate, _ = _uplink(plan, {node.name for node in nodes})
    gpus = sum(node.gpus for node in nodes)
    ranks = whole(gpus, f"{gpus} GPUs on {name}")
    bisection, ends = sum(one.bisection for one in planes), sum(one.endpoints for one in planes)
    each = min(rate / max(node.gpus for node in nodes), 4 * bisection / max(ends, 1))
    planned = f"{rate / 1e9:g} Gbps from each machine on {name}, bisection {bisection / 1e12:g} Tbps"
    for test, part, full in (("collectives", "site-share", rate / 8e9), ("exchange", "exchange-share", each / 8e9)):
        program = "all_reduce_perf" if test == "collectives" else "alltoall_perf"
        limits = (portion("bus", share(part), full, planned), *ranks)
        yield AcceptanceTest(test, "site", name, "nccl", f"{program} {LARGE} -g 1 on every GPU of the fabric", (name,), limits)


def _broken(plan: Plan) -> Iterator[AcceptanceTest]:
    """Give for each site how many machines may break in the burn-in."""
    hours = int(figure(FILE, "burn-in").value or 0)
    for site in dict.fromkeys(node.site for node in plan.nodes):
        nodes = [node for node in plan.nodes if node.site == site and accelerator(system(node.system).accelerator).vendor == "nvidia"]
        if not nodes:
            continue
        gpus = sum(node.gpus for node in nodes)
        most = poisson_spares(gpus, 1, hours)
        source = f"419 interruptions in 54 days of 16,384 GPUs (arXiv 2407.21783, table 5), Poisson over {hours} h, quantile {CONFIDENCE}"
        limit = count("broken", most, f"machines of {site} that last: {len(nodes):,} with {gpus:,} GPUs", source, least=False)
        yield AcceptanceTest(
            "burn-in", "site", site, "count", "counted from the machines' burn-in", (site,), (limit,), tuple(node.name for node in nodes)
        )

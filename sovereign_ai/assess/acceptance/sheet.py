"""From plan to acceptance sheet: which tests, on what, with which limits.

How the limits follow:

* A machine: every GPU passes the long diagnostics; an all-reduce within it reaches a published limit of its
  accelerator, or else a share of the scale-up rate; it reads and writes each tier of its zone at the plan's rate;
  no error counter of its ports grows; the burn-in leaves no hardware Xid.
* A rail: an all-reduce over one GPU a machine through that rail's ports alone shows a share of the port's rate.
* A scalable unit and a fabric: an all-reduce shows a share of a machine's ports together, and an all-to-all a share of a
  GPU's port; over a whole fabric no more is asked than its bisection carries.
* A site: each tier gives its aggregate rates to all its machines at once; no more machines break in the burn-in than the
  counted rate of failures leaves likely.

Bus bandwidths are those of nccl-tests: comparable with a link's rate whatever the number of ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sovereign_ai.assess.acceptance.groups import rails, sites, units
from sovereign_ai.assess.acceptance.limits import FILE, LARGE, PERF, ROLES, count, fio, portion, rates, share, whole
from sovereign_ai.assess.acceptance.readers.kernel import BEGIN, END
from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Limit, said
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.catalog.accelerators import Accelerator, accelerator
from sovereign_ai.catalog.systems import System, system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.spec.factory import AIFactory

_BURN_IN = f"""echo '{BEGIN}' > /dev/kmsg; STRESS for HOURS h; echo '{END}' > /dev/kmsg; journalctl -k -o short-iso"""


def sheet(factory: AIFactory, plan: Plan) -> AcceptanceSheet:
    """Give every acceptance test of a factory."""
    pools: dict[str, list[Node]] = {}
    for node in plan.nodes:
        pools.setdefault(node.pool, []).append(node)
    ports = _ports(plan)
    tests = [test for nodes in pools.values() for test in _machines(plan, nodes, ports)]
    tests += [test for plane in plan.fabrics if plane.role == "compute" for test in rails(plan, plane)]
    tests += [test for nodes in pools.values() for test in units(plan, nodes)]
    tests += list(sites(plan))
    return AcceptanceSheet(factory.name, plan.digest, tuple(tests), tuple(_untested(pools)))


def _ports(plan: Plan) -> dict[str, int]:
    """Give machine to the ports that the plan cables on compute and storage fabrics."""
    found: Counter[str] = Counter()
    for plane in plan.fabrics:
        if plane.role in ROLES:
            found.update(row[0] for row in plane.cables[: plane.node_leaf])
    return dict(found)


def _machines(plan: Plan, nodes: list[Node], ports: dict[str, int]) -> Iterator[AcceptanceTest]:
    """Give the tests of one pool's machines."""
    pool, machine = nodes[0].pool, system(nodes[0].system)
    chip = accelerator(machine.accelerator)
    names = tuple(node.name for node in nodes)

    def test(name: str, tool: str, command: str, *limits: Limit) -> AcceptanceTest:
        return AcceptanceTest(name, "node", pool, tool, command, names, limits)

    if chip.vendor == "nvidia":
        level = figure(FILE, "diagnostics.level")
        bad = [
            count(one, 0, f"{machine.gpus} sound GPUs in each {machine.name}", said(level), least=False) for one in ("failed", "not run")
        ]
        gpus = count("gpus", machine.gpus, f"{machine.gpus} GPUs in each {machine.name}", "the catalogue", least=True)
        yield test("diagnostics", "dcgm", f"dcgmi diag -r {level.value} -j", gpus, *bad)
    if chip.vendor in PERF and (bus := _bus(machine, chip)) is not None:
        ranks = whole(machine.gpus, f"{machine.gpus} GPUs in each {machine.name}")
        yield test("collectives", "nccl", f"{PERF[chip.vendor]} {LARGE} -g {machine.gpus}", bus, *ranks)
    for tier in plan.storage:
        if tier.zone == nodes[0].zone and tier.site == nodes[0].site and (tier.per_node_read or tier.per_node_write):
            asked = rates(tier, tier.per_node_read, tier.per_node_write, "one machine's rate", "per_node_read")
            yield test(f"storage-{tier.tier}", "fio", fio(tier), *asked)
    yield from _links(plan, nodes, ports, test)
    if chip.vendor == "nvidia":
        hours = figure(FILE, "burn-in")
        value = float(hours.value or 0)
        length = Limit("hours", value, "h", least=True, planned="the burn-in's length", source=said(hours), low=hours.low, high=hours.high)
        xids = count("hardware", 0, "GPUs that last", "NVIDIA's Xid catalogue: 48, 64, 74, 79, 92, 94, 95", least=False)
        yield test("burn-in", "kernel", _BURN_IN.replace("HOURS", f"{value:g}"), length, xids)


def _bus(machine: System, chip: Accelerator) -> Limit | None:
    """Give the limit of an all-reduce in one machine; None where neither a limit nor a rate is known."""
    published = figures(FILE).get(f"bus.{chip.name}")
    if published is not None:
        planned = f"the scale-up network of {machine.name}" + (f", {chip.scale_up} a GPU" if chip.scale_up else "")
        return Limit("bus", float(published.value or 0), "GB/s", least=True, planned=planned, source=said(published))
    if chip.scale_up is None:
        return None
    return portion("bus", share("bus-share"), chip.scale_up.count / 1e9, f"the scale-up network of {machine.name}, {chip.scale_up} a GPU")


def _links(plan: Plan, nodes: list[Node], ports: dict[str, int], test: Callable[..., AcceptanceTest]) -> Iterator[AcceptanceTest]:
    """Give the test of the ports of a pool's machines, long enough to see the error rate that is asked."""
    here = {node.name for node in nodes}
    planes = [one for one in plan.fabrics if one.role in ROLES and any(row[0] in here for row in one.cables[: one.node_leaf])]
    if not planes:
        return
    rate = figure(FILE, "link.ber")
    slowest = min(plane.link for plane in planes)
    seconds = 3 / (float(rate.value or 0) * slowest)
    least = min(ports.get(node.name, 0) for node in nodes)
    none = said(figure(FILE, "link.errors"))
    kinds = {"infiniband" if plane.kind == "infiniband" else "ethernet" for plane in planes}
    asked = [
        word for kind, word in (("infiniband", "perfquery -x LID PORT"), ("ethernet", "(echo NAME; ethtool -S NAME)")) if kind in kinds
    ]
    command = f"{' and '.join(asked)} of every port, before and after {seconds / 3600:.1f} h of full load"
    cabled = f"{least} ports of each machine of {nodes[0].pool}"
    yield test(
        "links",
        "links",
        command,
        count("ports", least, cabled, "the plan's cables", least=True),
        count("errors", 0, f"{cabled} without errors", none, least=False),
        count("downs", 0, f"{cabled} that stay up", none, least=False),
        Limit("rate", float(rate.value or 0), "1", least=False, planned=f"the error rate of {cabled}", source=said(rate)),
    )


def _untested(pools: dict[str, list[Node]]) -> Iterator[str]:
    """Say what is left out, and why."""
    for pool, nodes in pools.items():
        vendor = accelerator(system(nodes[0].system).accelerator).vendor
        if vendor != "nvidia":
            yield f"pool {pool}: the diagnostics and burn-in of {vendor} have no reader here"
        if vendor not in PERF:
            yield f"pool {pool}: the collectives of {vendor} have no reader here"
    yield "ports of in-band and out-of-band fabrics: nothing loads them to their rate, so no error rate can be seen there"

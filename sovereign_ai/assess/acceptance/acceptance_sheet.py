"""The acceptance sheet of a plan: its tests, their subjects and their limits.

The limits:

* A server: every GPU passes the long diagnostics; an all-reduce within it reaches a published limit of its
  accelerator, or else a share of the scale-up rate; it reads and writes each tier of its zone at the plan's
  rate; no error counter of its ports grows; the burn-in leaves no hardware Xid.
* A rail: an all-reduce over one GPU of each server through that rail's ports alone reaches a share of the
  port's rate.
* A scalable unit and a fabric: an all-reduce reaches a share of the rate of a server's ports together, and an
  all-to-all a share of a GPU's port; over a whole fabric at most what its bisection carries.
* A site: each tier gives its aggregate rates to all its servers at once; no more servers break in the burn-in
  than is likely at the published rate of failures.

Bus bandwidths are those of nccl-tests: they compare with a link's rate whatever the number of ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sovereign_ai.assess.acceptance.groups import rails, sites, units
from sovereign_ai.assess.acceptance.limits import (
    FILE,
    LARGE,
    ROLES,
    collective_limits,
    count,
    fio,
    portion,
    rates,
    share,
)
from sovereign_ai.assess.acceptance.readers.kernel import BEGIN, END
from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Limit, source_text
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.catalog.accelerator import Accelerator, accelerator_of
from sovereign_ai.catalog.system import System, system
from sovereign_ai.catalog.vendors import Diagnostics, FaultCodes, Vendor
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan, StoragePlan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

_BURN_IN = (
    f"echo '{BEGIN}' > /dev/kmsg; STRESS for HOURS h; echo '{END}' > /dev/kmsg; journalctl -k -o short-iso"
)


def sheet(factory: AIFactory, plan: Plan) -> AcceptanceSheet:
    """Return every acceptance test of a factory."""
    pools: dict[str, list[Node]] = {}
    for node in plan.nodes:
        pools.setdefault(node.pool, []).append(node)
    ports = _ports(plan)
    # From the smallest subjects to the largest: a rail is worth testing once its servers pass.
    tests: list[AcceptanceTest] = []
    for nodes in pools.values():
        is_management = factory.pool(nodes[0].pool).is_management
        tests += _servers(plan, nodes, ports, () if is_management else plan.storage)
    for plane in plan.fabrics:
        if plane.role == "compute":
            tests += rails(plan, plane)
    for nodes in pools.values():
        tests += units(plan, nodes)
    tests += sites(plan)
    return AcceptanceSheet(factory.name, plan.digest, tuple(tests), tuple(_untested(pools)))


def _ports(plan: Plan) -> dict[str, int]:
    """Return the number of cabled ports on compute and storage fabrics, by server."""
    ports: Counter[str] = Counter()
    for plane in plan.fabrics:
        if plane.role in ROLES:
            ports.update(plane.host_links.lowers())
    return dict(ports)


@frozen_dataclass
class _Pool:
    """The servers of one pool, which are alike.

    Attributes:
        nodes: the servers.
        server: their system.
        chip: their accelerator; None where they have none.
    """

    nodes: list[Node]
    server: System
    chip: Accelerator | None

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.nodes[0].pool

    @property
    def gpus(self) -> str:
        """The GPUs of one server, in words."""
        return f"{counted(self.server.gpus, 'GPU')} in each {self.server.name}"

    def test(self, name: str, tool: str, command: str, *limits: Limit) -> AcceptanceTest:
        """Return a test of every server of the pool."""
        names = tuple(node.name for node in self.nodes)
        return AcceptanceTest(name, "node", self.name, tool, command, names, limits)


def _servers(
    plan: Plan, nodes: list[Node], ports: dict[str, int], tiers: Sequence[StoragePlan]
) -> Iterator[AcceptanceTest]:
    """Yield the tests of one pool's servers.

    Args:
        plan: the plan.
        nodes: the servers.
        ports: the number of cabled ports of each server.
        tiers: the tiers whose rates one server must reach; none where they do no tenant's work.
    """
    server = system(nodes[0].system)
    chip = accelerator_of(server)
    pool = _Pool(nodes, server, chip)
    vendor = chip.gpu_vendor if chip else None
    if vendor and vendor.diagnostics:
        yield _diagnose(pool, vendor.diagnostics)
    bus = _bus(server, chip) if chip and vendor and vendor.collectives else None
    if vendor and bus is not None:
        command = f"{vendor.collectives} {LARGE} -g {server.gpus}"
        yield pool.test("collectives", "nccl", command, bus, *collective_limits(server.gpus, pool.gpus))
    for tier in tiers:
        is_reached = tier.zone == nodes[0].zone and tier.site == nodes[0].site
        read, write = tier.per_node_read, tier.per_node_write
        if is_reached and (read or write):
            limits = rates(tier, read, write, "one machine's rate", "per_node_read")
            yield pool.test(f"storage-{tier.tier}", "fio", fio(tier), *limits)
    yield from _links(plan, pool, ports)
    if vendor and vendor.faults:
        yield _burn_in(pool, vendor, vendor.faults)


def _diagnose(pool: _Pool, diagnostics: Diagnostics) -> AcceptanceTest:
    """Return the test of the vendor's diagnostics."""
    level = figure(FILE, "diagnostics.level")
    sound = f"{counted(pool.server.gpus, 'sound GPU')} in each {pool.server.name}"
    bad = [count(metric, 0, sound, source_text(level), least=False) for metric in ("failed", "not run")]
    gpus = count("gpus", pool.server.gpus, pool.gpus, "the catalogue", least=True)
    command = diagnostics.command.format(level=level.value)
    return pool.test("diagnostics", diagnostics.tool, command, gpus, *bad)


def _burn_in(pool: _Pool, vendor: Vendor, faults: FaultCodes) -> AcceptanceTest:
    """Return the burn-in of GPUs whose driver reports faults by code."""
    hours = figure(FILE, "burn-in")
    value = float(hours.value or 0)
    length = Limit(
        "hours",
        value,
        "h",
        least=True,
        planned="the burn-in's length",
        source=source_text(hours),
        low=hours.low,
        high=hours.high,
    )
    codes = ", ".join(str(code) for code in sorted(faults.hardware))
    source = f"{vendor.title}'s {faults.word} catalogue: {codes}"
    broken = count("hardware", 0, "GPUs that last", source, least=False)
    return pool.test("burn-in", "kernel", _BURN_IN.replace("HOURS", f"{value:g}"), length, broken)


def _bus(server: System, chip: Accelerator) -> Limit | None:
    """Return the limit of an all-reduce in one server; None where neither a limit nor a rate is known."""
    network = f"the scale-up network of {server.name}"
    with_rate = f"{network}, {chip.scale_up} a GPU"
    published = figures(FILE).get(f"bus.{chip.name}")
    if published is not None:
        value = float(published.value or 0)
        planned = with_rate if chip.scale_up else network
        return Limit("bus", value, "GB/s", least=True, planned=planned, source=source_text(published))
    if chip.scale_up is None:
        return None
    return portion("bus", share("bus-share"), chip.scale_up.count / 1e9, with_rate)


def _links(plan: Plan, pool: _Pool, ports: dict[str, int]) -> Iterator[AcceptanceTest]:
    """Yield the test of the ports of a pool's servers, long enough to see the required error rate."""
    planes = _planes(plan, {node.name for node in pool.nodes})
    if not planes:
        return
    rate = figure(FILE, "link.ber")
    required = float(rate.value or 0)
    slowest = min(min((plane.link, *plane.host_rates.values())) for plane in planes)
    # Three over the bits is the bound at 95 % without an error (the rule of three); the reader uses the same.
    seconds = 3 / (required * slowest)
    least = min(ports.get(node.name, 0) for node in pool.nodes)
    none = source_text(figure(FILE, "link.errors"))
    commands: list[str] = []
    kinds = {plane.kind for plane in planes}
    if "infiniband" in kinds:
        commands.append("perfquery -x LID PORT")
    if kinds - {"infiniband"}:
        # ethtool prints no name, and the reader needs one above the counters.
        commands.append("(echo NAME; ethtool -S NAME)")
    how_long = f"before and after {seconds / 3600:.1f} h of full load"
    command = f"{' and '.join(commands)} of every port, {how_long}"
    cabled = f"{counted(least, 'port')} of each machine of {pool.name}"
    error_rate = f"the error rate of {cabled}"
    yield pool.test(
        "links",
        "links",
        command,
        count("ports", least, cabled, "the plan's cables", least=True),
        count("errors", 0, f"{cabled} without errors", none, least=False),
        count("downs", 0, f"{cabled} that stay up", none, least=False),
        Limit("rate", required, "1", least=False, planned=error_rate, source=source_text(rate)),
    )


def _planes(plan: Plan, names: set[str]) -> list[FabricPlan]:
    """Return the compute and storage planes with ports of some servers."""
    planes: list[FabricPlan] = []
    for plane in plan.fabrics:
        if plane.role not in ROLES:
            continue
        if not names.isdisjoint(plane.host_links.lowers()):
            planes.append(plane)
    return planes


def _untested(pools: dict[str, list[Node]]) -> Iterator[str]:
    """Yield what no test covers, and why."""
    for pool, nodes in pools.items():
        chip = accelerator_of(system(nodes[0].system))
        if chip is None:
            continue
        vendor = chip.gpu_vendor
        if not vendor.diagnostics or not vendor.faults:
            yield f"pool {pool}: the diagnostics and burn-in of {vendor.name} have no reader here"
        if not vendor.collectives:
            yield f"pool {pool}: the collectives of {vendor.name} have no reader here"
    yield (
        "ports of in-band and out-of-band fabrics: nothing loads them to their rate, "
        "so no error rate can be seen there"
    )

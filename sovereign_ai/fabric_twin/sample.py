"""The part of a plan that is twinned: planes of one site side by side, whole or in part.

Chosen are the first Ethernet plane that can be twinned, one more plane of its fabric, so that one can be lost
while the other lives, and the first plane of every other fabric of its site, which shows whether compute and
storage stay apart. Where they do not all fit, they share the machine (`reduce.py`). Where a share has no room
for two leaves a rail, the last plane is left out. What is left out is stated in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.assess import FabricReport, PlaneLoss, assess_fabrics, plane_losses
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest
from sovereign_ai.fabric_twin.reduce import Limits, limits, reduced, shares
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan, host_rails
from sovereign_ai.render.hosts import other_rails, table
from sovereign_ai.render.switches import (
    SwitchPorts,
    host_interface,
    port_maps,
    rail_addresses,
    zones_of,
)
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

ROLES = ("compute", "storage")
OF_ONE_FABRIC = 2
"""Planes of one fabric that are twinned at most: they are alike, and two show what the loss of one leaves."""


@frozen_dataclass
class HostPort:
    """One port of a host.

    Attributes:
        host: the host.
        port: its port by the plan's name.
        interface: its interface name.
        rail: its rail.
        zone: its zone; empty where the plan has none.
        address: its address with the prefix length, `10.64.0.66/27`.
        leaf: the leaf it is connected to.
        leaf_interface: the port there.
        table: its routing table on the host.
    """

    host: str
    port: str
    interface: str
    rail: int
    zone: str
    address: str
    leaf: str
    leaf_interface: str
    table: int

    @property
    def ip(self) -> str:
        """The address alone."""
        return self.address.partition("/")[0]


@frozen_dataclass
class PlanePart:
    """One plane of what is twinned.

    Attributes:
        plane: the plane, or the part of it that fits.
        switches: its switches with their ports.
        endpoints: every host port, in order of the plan's cables.
        rails: the address block of each rail.
        others: the ranges of the site's other planes, which a rail's address must not reach.
        summary: in words, what of the plane is represented.
    """

    plane: FabricPlan
    switches: tuple[SwitchPorts, ...]
    endpoints: tuple[HostPort, ...]
    rails: tuple[str, ...]
    others: tuple[str, ...]
    summary: str

    @property
    def name(self) -> str:
        """The plane's name."""
        return self.plane.name

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' names, each once, in order."""
        return _hosts(self.endpoints)

    def tier(self, tier: str) -> tuple[SwitchPorts, ...]:
        """Return the switches of a tier."""
        return tuple(switch for switch in self.switches if switch.switch.tier == tier)


@frozen_dataclass
class Sample:
    """What is twinned.

    Attributes:
        factory: the factory's name.
        parts: its planes.
        gpus: host to its GPUs; 0 for hosts that are no machines, such as storage servers.
        summary: in words, what is represented and what is not.
    """

    factory: str
    parts: tuple[PlanePart, ...]
    gpus: Mapping[str, int]
    summary: str

    @property
    def planes(self) -> tuple[str, ...]:
        """The planes' names."""
        return tuple(part.name for part in self.parts)

    @property
    def switches(self) -> tuple[SwitchPorts, ...]:
        """Every plane's switches."""
        switches: list[SwitchPorts] = []
        for part in self.parts:
            switches += part.switches
        return tuple(switches)

    @property
    def endpoints(self) -> tuple[HostPort, ...]:
        """Every plane's host ports."""
        endpoints: list[HostPort] = []
        for part in self.parts:
            endpoints += part.endpoints
        return tuple(endpoints)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' names, each once, in order."""
        return _hosts(self.endpoints)

    @property
    def cables(self) -> int:
        """The number of cables."""
        total = 0
        for part in self.parts:
            total += len(part.plane.cables)
        return total

    def gpus_of(self, hosts: Iterable[str]) -> int:
        """Return the number of GPUs of some hosts."""
        total = 0
        for host in hosts:
            total += self.gpus.get(host, 0)
        return total

    def beside(self, part: PlanePart) -> tuple[PlanePart, ...]:
        """Return the other planes."""
        return tuple(other for other in self.parts if other is not part)

    def sisters(self, part: PlanePart) -> tuple[PlanePart, ...]:
        """Return the other planes of the same fabric."""
        return tuple(other for other in self.beside(part) if other.plane.fabric == part.plane.fabric)


def switch_named(switches: Iterable[SwitchPorts], name: str) -> SwitchPorts:
    """Return the switch of a name."""
    return next(switch for switch in switches if switch.switch.name == name)


def _hosts(endpoints: Sequence[HostPort]) -> tuple[str, ...]:
    """Return the hosts of ports, each once, in order."""
    names: dict[str, None] = {}
    for end in endpoints:
        names[end.host] = None
    return tuple(names)


@frozen_dataclass
class Predictions:
    """The plan's predictions for what is twinned.

    Attributes:
        planes: plane to what it carries and what is lost with each part of it.
        lost: plane to what its fabric loses with it.
    """

    planes: Mapping[str, FabricReport]
    lost: Mapping[str, PlaneLoss]


def choose_sample(
    factory: AIFactory, plan: Plan, name: str | None = None, most: Limits | None = None
) -> Sample:
    """Choose what to twin.

    Args:
        factory: the description.
        plan: what follows from it.
        name: a plane's name, for that plane alone; left out, the tool chooses.
        most: what the machine can hold; left out, what this machine can.

    Raises:
        UsageError: no plane of that name.
        EnvironmentLacksError: no plane can be twinned, with the reason for each, or there is no room for a
            part of one.
    """
    names = [plane.name for plane in plan.fabrics]
    if not names or (name is not None and name not in names):
        hint = nearest(str(name), names)
        raise UsageError(Problem("unknown-plane", f"no plane is called {name!r}", hint=hint))
    room = most or limits()
    fit: list[FabricPlan] = []
    reasons: list[str] = []
    for plane in plan.fabrics:
        if name not in (None, plane.name):
            continue
        reason = _unfit(plan, plane)
        reasons.append(f"{plane.name}: {reason}")
        if not reason:
            fit.append(plane)
    if not fit:
        message = f"no plane can be twinned here: {'; '.join(reasons)}"
        hint = "`fabric check` judges every plane"
        raise EnvironmentLacksError(Problem("no-twin", message, hint=hint))
    return _sample(factory, plan, _beside(fit), room)


def _unfit(plan: Plan, plane: FabricPlan) -> str:
    """Return why a plane cannot be twinned; empty if it can."""
    if plane.kind == "infiniband":
        return "InfiniBand, and FRR speaks Ethernet"
    has_vrf = False
    for partition in plan.partitions:
        if partition.fabric == plane.fabric and partition.kind == "vrf":
            has_vrf = True
    if plane.role not in ROLES or has_vrf:
        return "its zones are VRFs, which the twin does not build"
    return ""


def _beside(fit: Sequence[FabricPlan]) -> list[FabricPlan]:
    """Return the first plane, the next of its fabric, and the first of each other fabric of its site."""
    first = fit[0]
    same_fabric: list[FabricPlan] = []
    others: dict[str, FabricPlan] = {}
    # From the last plane to the first, so that the first of each fabric is the one that stays.
    for plane in reversed(fit):
        if plane.site != first.site:
            continue
        if plane.fabric == first.fabric:
            same_fabric.insert(0, plane)
        else:
            others[plane.fabric] = plane
    return [*same_fabric[:OF_ONE_FABRIC], *reversed(others.values())]


def predict(found: Sample, plan: Plan) -> Predictions:
    """Return the plan's predictions for the part that is twinned.

    Args:
        found: the sample.
        plan: the plan it is of.
    """
    # Predictions are made for the reduced planes: those of the whole plan would be of other numbers.
    planes_of_parts = [part.plane for part in found.parts]
    part = replace(plan, fabrics=tuple(planes_of_parts))
    reports = assess_fabrics(part)
    planes = {report.plane: report for report in reports}
    lost = {loss.plane: loss for loss in plane_losses(part, reports)}
    return Predictions(planes, lost)


def _sample(factory: AIFactory, plan: Plan, chosen: Sequence[FabricPlan], most: Limits) -> Sample:
    """Return as many of the planes, or of their parts, as fit."""
    fitting = _fitting(chosen, zones_of(factory, plan), most)
    parts, texts = [], []
    # `fitting` may be shorter: planes from the end are left out.
    for whole, (plane, text) in zip(chosen, fitting, strict=False):
        parts.append(_part(factory, plan, whole, plane, text))
        texts.append(text)
    others = len(plan.fabrics) - len(parts)
    texts.append(f"{counted(others, 'other plane is', 'other planes are')} not in it")
    gpus = {node.name: node.gpus for node in plan.nodes}
    return Sample(factory.name, tuple(parts), gpus, "; ".join(texts))


def _fitting(
    chosen: Sequence[FabricPlan], zones: Mapping[str, str], most: Limits
) -> list[tuple[FabricPlan, str]]:
    """Return the first planes, whole or in part, as many as fit with at least two leaves a rail each.

    Where two do not fit, the first plane alone is reduced to what fits.
    """
    for count in range(len(chosen), 1, -1):
        try:
            fitting = _reduced(chosen[:count], zones, most)
        except ValueError:
            continue
        if _have_two_leaves_a_rail(chosen, fitting):
            return fitting
    try:
        return _reduced(chosen[:1], zones, most)
    except ValueError as error:
        hint = "free memory, or take a larger machine"
        raise EnvironmentLacksError(Problem("no-room", str(error), hint=hint)) from None


def _have_two_leaves_a_rail(chosen: Sequence[FabricPlan], fitting: Sequence[tuple[FabricPlan, str]]) -> bool:
    """Return whether each part has two leaves a rail, or as many as its plane has."""
    for whole, (part, _) in zip(chosen, fitting, strict=False):
        if part.leaf < min(2 * part.rails, whole.leaf):
            return False
    return True


def _reduced(
    planes: Sequence[FabricPlan], zones: Mapping[str, str], most: Limits
) -> list[tuple[FabricPlan, str]]:
    """Return planes, or their parts that fit, each with what it represents in words."""
    parts = []
    for plane, room in zip(planes, shares(planes, most), strict=True):
        parts.append(reduced(plane, zones, room))
    return parts


def _part(factory: AIFactory, plan: Plan, whole: FabricPlan, plane: FabricPlan, text: str) -> PlanePart:
    """Return one plane, or its part that fits, with its ports."""
    maps = port_maps(factory, plan, plane)
    blocks = {}
    for prefix in plan.prefixes:
        if prefix.use == "rail" and prefix.owner == plane.name:
            blocks[prefix.rail] = prefix.cidr
    return PlanePart(
        plane=plane,
        switches=maps,
        endpoints=_endpoints(factory, plan, whole, plane, maps, blocks),
        rails=tuple(cidr for _, cidr in sorted(blocks.items())),
        others=other_rails(plan, whole),
        summary=text,
    )


def _endpoints(
    factory: AIFactory,
    plan: Plan,
    whole: FabricPlan,
    plane: FabricPlan,
    maps: Sequence[SwitchPorts],
    blocks: Mapping[int, str],
) -> tuple[HostPort, ...]:
    """Return the host ports of a plane, or of its part that fits.

    Args:
        factory: the description.
        plan: what follows from it.
        whole: the plane as planned; a port's address depends on its place in it.
        plane: the plane, or its part that fits.
        maps: the plane's switches with their ports.
        blocks: rail to its address block.
    """
    zones, addresses = zones_of(factory, plan), rail_addresses(plan, whole)
    interfaces: dict[tuple[str, str], str] = {}
    for switch in maps:
        for port in switch.ports:
            interfaces[switch.switch.name, port.name] = port.interface
    endpoints = []
    for link, rail in zip(plane.host_links, host_rails(plane), strict=True):
        host, name = link.lower, link.lower_port
        if (host, name) not in addresses:
            continue
        length = blocks[rail].partition("/")[2]
        end = HostPort(
            host=host,
            port=name,
            interface=host_interface(name),
            rail=rail,
            zone=zones.get(host, ""),
            address=f"{addresses[host, name]}/{length}",
            leaf=link.upper,
            leaf_interface=interfaces[link.upper, link.upper_port],
            table=table(plane.role, name),
        )
        endpoints.append(end)
    return tuple(endpoints)

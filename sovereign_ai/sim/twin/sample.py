"""Which part of a plan is twinned: planes of one site side by side, whole if the machine can hold them, else their largest parts.

The first Ethernet plane that can be, with one more plane of its fabric, so that one can be lost while the other lives, and with the
first plane of every other fabric of its site that can be, so that it shows whether compute and storage stay apart. Where they do not all
fit, the room is shared evenly (`sovereign_ai.sim.twin.reduce`); where a share has no room for two leaves a rail, the last plane is left out.
What is left out is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sovereign_ai.assess.fabric import FabricReport, check
from sovereign_ai.assess.planes import PlaneLoss, plane_losses
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.hosts.network import elsewhere, table
from sovereign_ai.render.switches.ports import SwitchPorts, host_interface, port_maps, rail_addresses, zones_of
from sovereign_ai.sim.twin.reduce import Limits, limits, reduced, shares
from sovereign_ai.spec.factory import AIFactory

ROLES = ("compute", "storage")
OF_ONE_FABRIC = 2
"""Planes of one fabric that are twinned at most: they are alike, and two show what the loss of one leaves."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One port of a host.

    Attributes:
        host: the host.
        port: its port by the plan's name.
        interface: its interface name.
        rail: its rail.
        zone: its zone; empty where none is said.
        address: its address with the prefix length, `10.64.0.66/27`.
        leaf: the leaf it hangs at.
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
        """Give the address alone."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Part:
    """One plane of what is twinned.

    Attributes:
        plane: the plane, or the part of it that fits.
        switches: its switches with their ports.
        endpoints: every host port, in order of the plan's cables.
        rails: the address block of each rail.
        others: the ranges of the site's other planes, which a rail's address must not reach.
        said: in words, what of the plane is represented.
    """

    plane: FabricPlan
    switches: tuple[SwitchPorts, ...]
    endpoints: tuple[Endpoint, ...]
    rails: tuple[str, ...]
    others: tuple[str, ...]
    said: str

    @property
    def name(self) -> str:
        """Give the plane's name."""
        return self.plane.name

    @property
    def hosts(self) -> tuple[str, ...]:
        """Give the hosts' names, each once, in order."""
        return tuple(dict.fromkeys(one.host for one in self.endpoints))

    def tier(self, tier: str) -> tuple[SwitchPorts, ...]:
        """Give the switches of a tier."""
        return tuple(one for one in self.switches if one.switch.tier == tier)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is twinned.

    Attributes:
        factory: the factory's name.
        parts: its planes.
        gpus: host to its GPUs; 0 for what is no machine.
        said: in words, what is represented and what is not.
    """

    factory: str
    parts: tuple[Part, ...]
    gpus: Mapping[str, int]
    said: str

    @property
    def planes(self) -> tuple[str, ...]:
        """Give the planes' names."""
        return tuple(one.name for one in self.parts)

    @property
    def switches(self) -> tuple[SwitchPorts, ...]:
        """Give every plane's switches."""
        return tuple(one for part in self.parts for one in part.switches)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Give every plane's host ports."""
        return tuple(one for part in self.parts for one in part.endpoints)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Give the hosts' names, each once, in order."""
        return tuple(dict.fromkeys(one.host for one in self.endpoints))

    @property
    def cables(self) -> int:
        """Count the cables."""
        return sum(len(part.plane.cables) for part in self.parts)

    def beside(self, part: Part) -> tuple[Part, ...]:
        """Give the other planes."""
        return tuple(one for one in self.parts if one is not part)

    def sisters(self, part: Part) -> tuple[Part, ...]:
        """Give the other planes of the same fabric."""
        return tuple(one for one in self.beside(part) if one.plane.fabric == part.plane.fabric)


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the plan foretells of what is twinned.

    Attributes:
        planes: plane to what it carries and what is lost with each part of it.
        lost: plane to what its fabric loses with it.
    """

    planes: Mapping[str, FabricReport]
    lost: Mapping[str, PlaneLoss]


def sample(factory: AIFactory, plan: Plan, name: str | None = None, most: Limits | None = None) -> Sample:
    """Choose what to twin.

    Args:
        factory: the description.
        plan: what follows from it.
        name: a plane's name, for that plane alone; left out, the tool chooses.
        most: what the machine can hold; left out, what this one can.

    Raises:
        UsageError: no plane of that name.
        EnvironmentLacksError: no plane can be twinned, with the reason for each, or there is no room for a part of one.
    """
    planes = [one for one in plan.fabrics if name in (None, one.name)]
    if not planes:
        raise UsageError(
            Problem("unknown-plane", f"no plane is called {name!r}", hint=nearest(str(name), [one.name for one in plan.fabrics]))
        )
    room = most or limits()
    reasons = {one.name: _unfit(plan, one) for one in planes}
    fit = [one for one in planes if not reasons[one.name]]
    if not fit:
        text = "; ".join(f"{plane}: {reason}" for plane, reason in reasons.items())
        raise EnvironmentLacksError(Problem("no-twin", f"no plane can be twinned here: {text}", hint="`fabric check` judges every plane"))
    return _sample(factory, plan, _beside(fit), room)


def _unfit(plan: Plan, plane: FabricPlan) -> str:
    """Say why a plane cannot be twinned; empty if it can."""
    if plane.kind == "infiniband":
        return "InfiniBand, and FRR speaks Ethernet"
    if plane.role not in ROLES or any(one.kind == "vrf" for one in plan.partitions if one.fabric == plane.fabric):
        return "its zones are VRFs, which the twin does not build"
    return ""


def _beside(fit: Sequence[FabricPlan]) -> list[FabricPlan]:
    """Give the first plane, the next of its fabric, and the first of each other fabric of its site."""
    first = fit[0]
    here = [one for one in fit if one.site == first.site]
    others = {one.fabric: one for one in reversed(here) if one.fabric != first.fabric}
    return [one for one in here if one.fabric == first.fabric][:OF_ONE_FABRIC] + [others[name] for name in reversed(others)]


def predicted(found: Sample, plan: Plan) -> Foretold:
    """Give what the plan foretells of the part that is twinned.

    Args:
        found: the sample.
        plan: the plan it is of.
    """
    part = replace(plan, fabrics=tuple(one.plane for one in found.parts))
    reports = check(part)
    return Foretold({one.plane: one for one in reports}, {one.plane: one for one in plane_losses(part, reports)})


def _sample(factory: AIFactory, plan: Plan, chosen: Sequence[FabricPlan], most: Limits) -> Sample:
    """Give so many of the planes, or of their parts, as fit."""
    found = _fitting(chosen, zones_of(factory, plan), most)
    parts = tuple(_part(factory, plan, whole, *one) for whole, one in zip(chosen, found, strict=False))
    others = len(plan.fabrics) - len(parts)
    said = "; ".join([*(one.said for one in parts), f"{others} other planes are not in it"])
    return Sample(factory.name, parts, {node.name: node.gpus for node in plan.nodes}, said)


def _fitting(chosen: Sequence[FabricPlan], zones: Mapping[str, str], most: Limits) -> list[tuple[FabricPlan, str]]:
    """Give the first planes, as many as fit with at least two leaves a rail each, whole or in part; of one, what fits."""
    for count in range(len(chosen), 1, -1):
        try:
            found = _reduced(chosen[:count], zones, most)
        except ValueError:
            continue
        if all(part.leaf >= min(2 * part.rails, whole.leaf) for whole, (part, _) in zip(chosen, found, strict=False)):
            return found
    try:
        return _reduced(chosen[:1], zones, most)
    except ValueError as error:
        raise EnvironmentLacksError(Problem("no-room", str(error), hint="free memory, or take a larger machine")) from None


def _reduced(planes: Sequence[FabricPlan], zones: Mapping[str, str], most: Limits) -> list[tuple[FabricPlan, str]]:
    """Give planes, or their parts that fit, each with what is said of it."""
    return [reduced(one, zones, mine) for one, mine in zip(planes, shares(planes, most), strict=True)]


def _part(factory: AIFactory, plan: Plan, whole: FabricPlan, plane: FabricPlan, said: str) -> Part:
    """Give one plane, or its part that fits, with its ports."""
    zones, addresses = zones_of(factory, plan), rail_addresses(plan, whole)
    maps = port_maps(factory, plan, plane)
    rails = {one.switch.name: one.switch.rail for one in maps}
    interfaces = {(one.switch.name, port.name): port.interface for one in maps for port in one.ports}
    blocks = {one.rail: one.cidr for one in plan.prefixes if one.use == "rail" and one.owner == plane.name}
    endpoints = tuple(
        Endpoint(
            host=host,
            port=port,
            interface=host_interface(port),
            rail=rails[leaf],
            zone=zones.get(host, ""),
            address=f"{addresses[host, port]}/{blocks[rails[leaf]].partition('/')[2]}",
            leaf=leaf,
            leaf_interface=interfaces[leaf, leaf_port],
            table=table(plane.role, port),
        )
        for host, port, leaf, leaf_port in plane.cables[: plane.node_leaf]
        if (host, port) in addresses
    )
    return Part(plane, maps, endpoints, tuple(blocks[rail] for rail in sorted(blocks)), elsewhere(plan, whole), said)

"""Which part of a plan is twinned: the first Ethernet plane that can be, whole if the machine can hold it, else its largest part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sovereign_ai.assess.fabric import FabricReport, check
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.ports import SwitchPorts, host_interface, port_maps, rail_addresses, zones_of
from sovereign_ai.sim.twin.reduce import Limits, limits, reduced
from sovereign_ai.spec.factory import AIFactory

ROLES = ("compute", "storage")


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
    """

    host: str
    port: str
    interface: str
    rail: int
    zone: str
    address: str
    leaf: str
    leaf_interface: str

    @property
    def ip(self) -> str:
        """Give the address alone."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is twinned.

    Attributes:
        factory: the factory's name.
        plane: the plane, or the part of it that fits.
        switches: its switches with their ports.
        endpoints: every host port, in order of the plan's cables.
        rails: the address block of each rail.
        gpus: host to its GPUs; 0 for what is no machine.
        said: in words, what is represented and what is not.
    """

    factory: str
    plane: FabricPlan
    switches: tuple[SwitchPorts, ...]
    endpoints: tuple[Endpoint, ...]
    rails: tuple[str, ...]
    gpus: Mapping[str, int]
    said: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """Give the hosts' names, each once, in order."""
        return tuple(dict.fromkeys(one.host for one in self.endpoints))

    def tier(self, tier: str) -> tuple[SwitchPorts, ...]:
        """Give the switches of a tier."""
        return tuple(one for one in self.switches if one.switch.tier == tier)


def sample(factory: AIFactory, plan: Plan, name: str | None = None, most: Limits | None = None) -> Sample:
    """Choose what to twin.

    Args:
        factory: the description.
        plan: what follows from it.
        name: a plane's name; left out, the first plane that can be twinned.
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
    fit = next((one for one in planes if not reasons[one.name]), None)
    if fit is None:
        text = "; ".join(f"{plane}: {reason}" for plane, reason in reasons.items())
        raise EnvironmentLacksError(Problem("no-twin", f"no plane can be twinned here: {text}", hint="`fabric check` judges every plane"))
    try:
        return _sample(factory, plan, fit, room)
    except ValueError as error:
        raise EnvironmentLacksError(Problem("no-room", str(error), hint="free memory, or take a larger machine")) from None


def _unfit(plan: Plan, plane: FabricPlan) -> str:
    """Say why a plane cannot be twinned; empty if it can."""
    if plane.kind == "infiniband":
        return "InfiniBand, and FRR speaks Ethernet"
    if plane.role not in ROLES or any(one.kind == "vrf" for one in plan.partitions if one.fabric == plane.fabric):
        return "its zones are VRFs, which the twin does not build"
    return ""


def predicted(found: Sample, plan: Plan) -> FabricReport:
    """Give what the plan foretells of the part that is twinned.

    Args:
        found: the sample.
        plan: the plan it is of.
    """
    return check(replace(plan, fabrics=(found.plane,)))[0]


def _sample(factory: AIFactory, plan: Plan, whole: FabricPlan, most: Limits) -> Sample:
    """Give one plane, or its part that fits, as a sample."""
    zones, addresses = zones_of(factory, plan), rail_addresses(plan, whole)
    plane, said = reduced(whole, zones, most)
    maps = port_maps(factory, plan, plane)
    rails = {one.switch.name: one.switch.rail for one in maps}
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
            leaf_interface=next(one.interface for one in _map(maps, leaf).ports if one.name == leaf_port),
        )
        for host, port, leaf, leaf_port in plane.cables[: plane.node_leaf]
        if (host, port) in addresses
    )
    others = sum(one.name != plane.name for one in plan.fabrics)
    return Sample(
        factory=factory.name,
        plane=plane,
        switches=maps,
        endpoints=endpoints,
        rails=tuple(blocks[rail] for rail in sorted(blocks)),
        gpus={node.name: node.gpus for node in plan.nodes},
        said=f"{said}; {others} other planes are not in it",
    )


def _map(maps: tuple[SwitchPorts, ...], name: str) -> SwitchPorts:
    """Give one switch's ports."""
    return next(one for one in maps if one.switch.name == name)

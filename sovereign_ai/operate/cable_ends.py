"""The cables of a plan by the names that observers use for their ends.

A folder of observations has one file a device, named after it: `train-001.json` or
`compute-fra1-p0-leaf-r0-001.json` with `lldpctl -f json0 show neighbors`, `NAME.neigh.json` with `ip -j neigh
show`, `NAME.fdb.json` with `bridge -j fdb show`, `NAME.ports.json` with `ip -j link show`, and any number of
`*.txt` with `ibnetdiscover`. MAC and neighbour tables name a neighbour by its address alone, so they need the
table of addresses.

Interfaces are those of the plan (`swp7`, `compute0`); SONiC's (`Ethernet24`), a switch's own management port
(`eth0`, `mgmt0`, `Management1`) and an adapter's first port in a subnet are understood too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sovereign_ai.assess.observed import End
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches import (
    adapter,
    host_interface,
    interface,
    port_maps,
    port_number,
    split_parts,
)
from sovereign_ai.spec import AIFactory

MANAGEMENT_PORTS = (
    *("eth0", "mgmt0", "Management0", "Management1", "Management1/1", "Ma0", "Ma1", "Ma1/1"),
    *("em0", "fxp0", "vme", "me0", "re0:mgmt-0"),
)
"""Names of a switch's own management port: Linux, SONiC and Cumulus, NX-OS, EOS in full and in tables, Junos
and Junos Evolved.
"""

_MANAGEMENT = host_interface("out-of-band0")
"""The same port in the plan."""


@frozen_dataclass
class Expected:
    """What a plan's cables should look like to an observer.

    Attributes:
        planned: every end of every cable to its other end, both ways.
        devices: every device of the plan that has a port.
        aliases: other names of a port, as a switch system or a subnet has them, to the plan's.
        planes: each end to the name of its plane.
        racks: device to its rack; empty for a device that is in none.
        blind: ends that their device cannot report: ports of management controllers, PDUs and switches' own
            management.
        outside: ports of switches to the outside, at which the plan knows nothing.
    """

    planned: Mapping[End, End]
    devices: frozenset[str]
    aliases: Mapping[End, End]
    planes: Mapping[End, str]
    racks: Mapping[str, str]
    blind: frozenset[End]
    outside: frozenset[End] = frozenset()

    def is_free_management(self, end: End) -> bool:
        """Return whether an end is a switch's management port for which no cable is planned."""
        return end[1] == _MANAGEMENT and end not in self.planned

    def is_outside(self, near: End, far: End) -> bool:
        """Return whether a link leads from a port to the outside to what is no device of the plan."""
        return near in self.outside and far[0] not in self.devices

    def end(self, device: str, port: str) -> End:
        """Return an end by the plan's names; one that the plan does not know keeps its own."""
        # Devices may report their name with a domain.
        short, _, _ = device.partition(".")
        name = short if device not in self.devices and short in self.devices else device
        return self.aliases.get((name, port), (name, port))


def expected(factory: AIFactory, plan: Plan) -> Expected:
    """Return what the cables of a plan should look like."""
    planned: dict[End, End] = {}
    planes: dict[End, str] = {}
    aliases: dict[End, End] = {}
    blind: set[End] = set()
    outside: set[End] = set()
    for plane in plan.fabrics:
        for number, (near, far) in enumerate(_ends(plane)):
            # Hosts of the out-of-band network are management controllers, which run no LLDP daemon.
            if plane.role == "out-of-band" and number < plane.node_leaf:
                blind.add(near)
            planned[near], planned[far] = far, near
            planes[near] = planes[far] = plane.name
        outside.update((link.upper, interface(link.upper_port)) for link in plane.outside_links)
        if plane.kind == "infiniband":
            aliases |= _subnet_names(factory, plane)
        else:
            aliases |= _sonic_names(factory, plan, plane)
        for switch in plane.switches:
            for port in MANAGEMENT_PORTS:
                aliases[switch.name, port] = (switch.name, _MANAGEMENT)
    racks = {}
    for rack in plan.racks:
        for device in (*rack.devices, *rack.pdu_names):
            racks[device] = rack.name
    devices = frozenset(device for device, _ in planned)
    return Expected(planned, devices, aliases, planes, racks, frozenset(blind), frozenset(outside))


def _ends(plane: FabricPlan) -> Iterator[tuple[End, End]]:
    """Yield both ends of every cable, the lower first."""
    for link in plane.host_links:
        yield (link.lower, host_interface(link.lower_port)), (link.upper, interface(link.upper_port))
    for link in plane.switch_links:
        yield (link.lower, interface(link.lower_port)), (link.upper, interface(link.upper_port))


def _sonic_names(factory: AIFactory, plan: Plan, plane: FabricPlan) -> dict[End, End]:
    """Return SONiC's port names of a plane's switches."""
    names: dict[End, End] = {}
    for switch in port_maps(factory, plan, plane):
        name = switch.switch.name
        for port in switch.ports:
            sonic = switch.panel_of(port).port(port.name).name
            names[name, sonic] = (name, port.interface)
    return names


def _subnet_names(factory: AIFactory, plane: FabricPlan) -> dict[End, End]:
    """Return the names that `ibnetdiscover` uses for a plane's ports.

    Ports of switches have numbers; a host's port is port 1 of an adapter.
    """
    fabric = next(fabric for fabric in factory.fabrics if fabric.name == plane.fabric)
    names: dict[End, End] = {}
    parts = split_parts(plane, fabric.breakout)
    for link in plane.cables:
        number = str(port_number(link.upper_port, parts))
        names[link.upper, number] = (link.upper, interface(link.upper_port))
    for link in plane.host_links:
        name = host_interface(link.lower_port)
        names[adapter(link.lower, link.lower_port), "1"] = (link.lower, name)
        # rdma-ndd names an adapter after its host and its device; devices are named after the plan's ports.
        names[f"{link.lower} {name}", "1"] = (link.lower, name)
    for link in plane.switch_links:
        number = str(port_number(link.lower_port, parts))
        names[link.lower, number] = (link.lower, interface(link.lower_port))
    return names

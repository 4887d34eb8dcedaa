r"""An InfiniBand plane in ibsim's format: switches with their neighbours, and an adapter for each host port.

Nodes are described by the plan's names: switches by their own, adapters as `<host>-<port>`. GUIDs follow from
a node's place in the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches import (
    adapter,
    partitions_conf,
    port_counts,
    port_number,
    split_parts,
    zones_of,
)
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

MOST_PORTS = 255
"""Ports of one switch in ibsim."""
MOST_ADAPTERS = 10_000
"""Host ports of one twin.

7,168 of them took 25 s to SUBNET UP on two cores, and queries grow with their number.
"""
_APART = 16
"""From one adapter's GUIDs to the next: ibsim gives its port the GUID after the adapter's own."""
_SWITCHES, _ADAPTERS = 0x0002_C902_0000_0000, 0x0002_C903_0000_0000
"""First GUIDs, under the vendor's number that ibsim's own examples have."""
_FULL_MEMBER = 0x8000
"""The bit of a P_Key that makes a port a full member of its partition."""

End = tuple[str, int]
"""Node and port number."""


@frozen_dataclass
class Net:
    """What is twinned of an InfiniBand plane.

    Attributes:
        factory: the factory's name.
        plane: the plane.
        switches: switch to its GUID.
        ports: switch to its number of ports.
        adapters: adapter to the GUID of its port, in the order of the plan's cables.
        zones: adapter to its security zone; empty where it has none.
        links: every cable's two ends, the lower first.
        pkeys: zone to its P_Key with the full-member bit.
        manager: the adapter that OpenSM runs behind.
        partitions: `partitions.conf` as rendered, with the twin's GUIDs.
    """

    factory: str
    plane: FabricPlan
    switches: Mapping[str, int]
    ports: Mapping[str, int]
    adapters: Mapping[str, int]
    zones: Mapping[str, str]
    links: tuple[tuple[End, End], ...]
    pkeys: Mapping[str, int]
    manager: str
    partitions: str

    @property
    def summary(self) -> str:
        """What is twinned, in words."""
        ports_text = counted(len(self.adapters), "host port")
        nodes = f"{counted(len(self.switches), 'switch', 'switches')}, {ports_text}"
        return f"{self.plane.name}, whole: {nodes}, {counted(len(self.links), 'cable')}"

    def node_id(self, name: str) -> str:
        """Return ibsim's own name of a node, which may have 31 characters, from its GUID."""
        guid = self.switches.get(name)
        return f"H-{self.adapters[name] - 1:016x}" if guid is None else f"S-{guid:016x}"

    def leaf_of(self, name: str) -> str:
        """Return the leaf that an adapter is cabled to."""
        return next(upper[0] for lower, upper in self.links if lower[0] == name)


def net(factory: AIFactory, plan: Plan, plane: FabricPlan) -> Net:
    """Return the twin of a plane: all of it.

    Raises:
        EnvironmentLacksError: ibsim cannot hold it.
    """
    parts = _parts(factory, plane)
    ports = port_counts(plane, parts)
    problems = list(_excesses(plane, max(ports.values())))
    if problems:
        raise EnvironmentLacksError(problems)
    adapters: dict[str, int] = {}
    zones: dict[str, str] = {}
    guids: dict[tuple[str, str], str] = {}
    managers = []
    zone_of = zones_of(factory, plan)
    for number, link in enumerate(plane.host_links, 1):
        host, port = link.lower, link.lower_port
        name = adapter(host, port)
        adapters[name] = _ADAPTERS + number * _APART + 1
        zones[name] = zone_of.get(host, "")
        guids[host, port] = f"{adapters[name]:#018x}"
        if "-manager-" in host:
            managers.append(name)
    pkeys = {}
    for part in plan.partitions:
        if part.fabric == plane.fabric and part.kind == "p_key":
            pkeys[part.zone] = _FULL_MEMBER | part.number
    # Without a host of its own OpenSM runs behind the first adapter.
    manager = managers[0] if managers else next(iter(adapters))
    return Net(
        factory=factory.name,
        plane=plane,
        switches={switch.name: _SWITCHES + number for number, switch in enumerate(plane.switches, 1)},
        ports=ports,
        adapters=adapters,
        zones=zones,
        links=_links(plane, parts),
        pkeys=pkeys,
        manager=manager,
        partitions=partitions_conf(factory, plan, plane, guids),
    )


def _parts(factory: AIFactory, plane: FabricPlan) -> int:
    """Return the number of parts that the plane's switch ports are split into."""
    fabric = next(fabric for fabric in factory.fabrics if fabric.name == plane.fabric)
    return split_parts(plane, fabric.breakout)


def _excesses(plane: FabricPlan, ports: int) -> Iterator[Problem]:
    """Yield what of a plane, whose largest switch has so many ports, ibsim cannot hold."""
    if ports > MOST_PORTS:
        message = f"ibsim's switches have at most {MOST_PORTS} ports, {plane.name}'s have {ports}"
        yield Problem("twin-too-large", message)
    if plane.node_leaf > MOST_ADAPTERS:
        ports_text = counted(plane.node_leaf, "host port")
        message = f"{plane.name} has {ports_text}, a twin at most {MOST_ADAPTERS:,}"
        yield Problem("twin-too-large", message, hint="twin a smaller plane: --plane NAME")


def _links(plane: FabricPlan, parts: int) -> tuple[tuple[End, End], ...]:
    """Return both ends of every cable, the lower first."""
    links = []
    for link in plane.host_links:
        # Each port of a host is an adapter of its own, with one port.
        below = (adapter(link.lower, link.lower_port), 1)
        links.append((below, (link.upper, port_number(link.upper_port, parts))))
    for link in plane.switch_links:
        below = (link.lower, port_number(link.lower_port, parts))
        links.append((below, (link.upper, port_number(link.upper_port, parts))))
    return tuple(links)


def net_file(net: Net) -> str:
    """Return the net file."""
    return "".join(_lines(net))


def _lines(net: Net) -> Iterator[str]:
    """Yield the net file's lines: switches with both ends' ports, then adapters."""
    ports: dict[str, dict[int, End]] = {}
    for name in net.switches:
        ports[name] = {}
    above: dict[str, End] = {}
    for lower, upper in net.links:
        lower_node, lower_port = lower
        upper_node, upper_port = upper
        ports[upper_node][upper_port] = lower
        if lower_node in ports:
            ports[lower_node][lower_port] = upper
        else:
            above[lower_node] = upper
    yield "vendid=0x2c9\ndevid=0xd2f2\n"
    for name, guid in net.switches.items():
        yield f"sysimgguid={guid:#x}\nswitchguid={guid:#x}({guid:x})\n"
        yield f'Switch\t{net.ports[name]} "{net.node_id(name)}"\t# "{name}"\n'
        for number in sorted(ports[name]):
            yield _port(net, f"[{number}]", ports[name][number])
        yield "\n"
    for name, guid in net.adapters.items():
        yield f"sysimgguid={guid - 1:#x}\ncaguid={guid - 1:#x}\n"
        yield f'Ca\t1 "{net.node_id(name)}"\t# "{name}"\n'
        yield _port(net, f"[1({guid:016x})]", above[name]) + "\n"


def _port(net: Net, near: str, far: End) -> str:
    """Return a port's line."""
    node, number = far
    # ibsim reads local identifier and width from the comment, and warns where they are missing.
    return f'{near}\t"{net.node_id(node)}"[{number}]\t# "{node}" lid 0 4xSDR\n'

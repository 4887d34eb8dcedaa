"""The plan's devices and cables as an InfraGraph: `infrastructure.json`, and the plan's names for its nodes.

InfraGraph (version 3.1.0 of its PyPI package, read 2026-11-27) knows kinds of devices with components, a
number of instances of each, and edges between slices of their components; it expands them into a graph. Here
a kind is a pool, a storage tier at a site, or one tier of a plane's switches. Members are counted from 0 in
the plan's order, and `annotations.json` has the name and rack of each.

* Port `N` of a switch is `port[N-1]`, and `N/M`, split in p parts, `port[(N-1)*p + M-1]`. A host's ports are
  components by role, counted from 0 as in their names.
* Inside a machine a compute port is joined to the accelerators of its rail. The rest is joined to one `host`,
  since a plan does not know which bus a port is on.
* A rack-scale NVLink domain is a device of its own, with the switches of the rack as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import orjson

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import System, system
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import racks_of
from sovereign_ai.plan.fabric import Cable, Cables, FabricPlan, host_rails, rails_beside
from sovereign_ai.render.interop.cabling import gpus_of_rail

_PORT = re.compile(r"^(.*?)(\d+)(?:/(\d+))?$")
_SWITCH_PORT = "port"
_DOMAIN = "nvlink-domain"
_STEPS = ((1, 0), (0, 1))
"""To the same port of the next device, and to the next port of the same device."""


@cache
def _port(name: str) -> tuple[str, int, int]:
    """Return a port's component, its number from 0, and its part from 0.

    >>> _port("compute3/2"), _port("33/1"), _port("in-band0")
    (('compute', 3, 1), ('port', 32, 0), ('in-band', 0, 0))
    """
    component, number, part = _PORT.findall(name)[0]
    # Servers count their ports from 0, and switches from 1; parts are counted from 1 on both.
    first = 0 if component else 1
    return component or _SWITCH_PORT, int(number) - first, int(part or 1) - 1


class _CableEnd(NamedTuple):
    """One end of a cable.

    Attributes:
        kind: the kind of the device.
        component: the component of the port.
        device: the number of the device in its kind.
        port: the number of the port in its component.
    """

    kind: str
    component: str
    device: int
    port: int

    def moved(self, step: tuple[int, int], times: int = 1) -> _CableEnd:
        """Return the end some steps further; a step is a number of devices and one of ports."""
        return _CableEnd(
            self.kind, self.component, self.device + step[0] * times, self.port + step[1] * times
        )


@dataclass(slots=True)
class _DeviceKind:
    """A kind of device.

    Attributes:
        description: what it is.
        ports: ports that one of them has at the least, whether cabled or not; 0 where that is not known.
        machine: the catalogue's row; None for what is no machine of a pool.
        members: racks of its devices, by name.
        parts: component to the most parts of one of its ports.
        numbers: component to how many ports it has, parts not counted.
        rails: a compute port's name to the accelerators that use it.
    """

    description: str
    ports: int = 0
    machine: System | None = None
    members: list[str] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    rails: dict[str, list[int]] = field(default_factory=dict)

    def add_port(self, name: str) -> None:
        """Count a port."""
        component, number, part = _port(name)
        self.numbers[component] = max(number + 1, self.numbers.get(component, 0))
        self.parts[component] = max(part + 1, self.parts.get(component, 1))

    def index(self, name: str) -> tuple[str, int]:
        """Return a port's component, and its number in that."""
        component, number, part = _port(name)
        return component, number * self.parts[component] + part

    def components(self) -> dict[str, int]:
        """Return component to how many there are in a device."""
        counts: dict[str, int] = {}
        for component, numbers in sorted(self.numbers.items()):
            counts[component] = numbers * self.parts[component]
        if _SWITCH_PORT in counts:
            counts[_SWITCH_PORT] = max(counts[_SWITCH_PORT], self.ports)
        return counts


class _DeviceKinds:
    """The kinds of devices of a plan, and the place of each device in them."""

    def __init__(self, plan: Plan) -> None:
        self.kinds: dict[str, _DeviceKind] = {}
        self._places: dict[str, tuple[str, int]] = {}
        for node in plan.nodes:
            row = system(node.system)
            self._add(node.name, node.pool, _DeviceKind(row.name, machine=row))
        for tier in plan.storage:
            for server in tier.servers:
                self._add(server, f"{tier.tier}-{tier.site}", _DeviceKind("storage server"))
        for plane in plan.fabrics:
            self._add_switches(plane)
        for rack in plan.racks:
            for pdu in rack.pdu_names:
                self._add(pdu, f"{rack.site}-rack-pdu", _DeviceKind("rack PDU"))
        for plane in plan.fabrics:
            self._add_managers(plane)

    def add_ports(self, plan: Plan) -> None:
        """Add the ports of every cable."""
        for plane in plan.fabrics:
            self._add_ports(plane, rails_beside(plane, plan.fabrics))

    def _add(self, device: str, name: str, kind: _DeviceKind) -> None:
        """Add a device to a kind, which is made for the first of it."""
        kind = self.kinds.setdefault(name, kind)
        self._places[device] = (name, len(kind.members))
        kind.members.append(device)

    def _add_switches(self, plane: FabricPlan) -> None:
        """Add the switches of a plane."""
        for switch in plane.switches:
            ports = plane.radix if switch.tier == "leaf" else plane.spine_radix or plane.radix
            if switch.tier == "border":
                ports = plane.border_ports
            kind = _DeviceKind(f"{switch.tier} switch of {plane.name}", ports=ports)
            self._add(switch.name, f"{plane.name}-{switch.tier}", kind)

    def _add_managers(self, plane: FabricPlan) -> None:
        """Add what no other part of a plan lists: a plane's fabric managers, and what is outside."""
        for host in plane.host_links.lowers():
            if host not in self._places:
                self._add(host, f"{plane.name}-manager", _DeviceKind("fabric manager"))
        for name in dict.fromkeys(plane.outside_links.lowers()):
            self._add(name, name, _DeviceKind("whatever is outside"))

    def _add_ports(self, plane: FabricPlan, rails: int) -> None:
        """Add the ports of a plane's cables, and the accelerators of its rails, of so many of the fabric."""
        used: set[tuple[str, str]] = set()
        for cable in plane.cables:
            used.add((self._places[cable.lower][0], cable.lower_port))
            used.add((self._places[cable.upper][0], cable.upper_port))
        for name, port in used:
            self.kinds[name].add_port(port)
        if plane.role != "compute":
            return
        for link, plane_rail in zip(plane.host_links, host_rails(plane), strict=True):
            kind = self._kind_of(link.lower)
            if kind.machine is not None and link.lower_port not in kind.rails:
                rail = plane.first_rail + plane_rail
                kind.rails[link.lower_port] = gpus_of_rail(kind.machine.gpus, rail, rails)

    def _kind_of(self, device: str) -> _DeviceKind:
        """Return the kind of a device."""
        return self.kinds[self._places[device][0]]

    def end(self, device: str, port: str) -> _CableEnd:
        """Return one end of a cable."""
        name, number = self._places[device]
        component, index = self.kinds[name].index(port)
        return _CableEnd(name, component, number, index)


def infrastructure(plan: Plan) -> str:
    """Return `infrastructure.json`: kinds, instances and edges of all fabrics of a plan."""
    inventory = _DeviceKinds(plan)
    inventory.add_ports(plan)
    devices, instances = [], []
    for name, kind in inventory.kinds.items():
        devices.append(_device(name, kind))
        instances.append({"name": name, "device": name, "count": len(kind.members)})
    links: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for plane in plan.fabrics:
        for tier, cables, rate in (
            *_host_tiers(plane),
            ("switches", plane.switch_links, plane.uplink or plane.link),
            ("outside", plane.outside_links, plane.outside_link),
        ):
            if cables:
                link = f"{plane.name}-{tier}"
                links.append(_link(link, "gigabits_per_second", rate / 10**9))
                edges += _edges(inventory, cables, link)
    domains = _domain_edges(plan)
    if domains:
        switch = {"name": "switch", "choice": "switch", "count": 1}
        domain = {"name": _DOMAIN, "description": "NVLink of a rack", "components": [switch]}
        devices.append({**domain, "links": [], "edges": []})
        instances.append({"name": _DOMAIN, "device": _DOMAIN, "count": len(domains)})
        links.append({"name": _DOMAIN})
        edges += domains
    document = {
        "name": plan.factory,
        "devices": devices,
        "instances": instances,
        "links": links,
        "edges": edges,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def node_annotations(plan: Plan) -> str:
    """Return `annotations.json`: the name and rack of each device, for InfraGraph's `annotate_graph`."""
    racks = racks_of(plan.racks)
    rows = []
    for name, kind in _DeviceKinds(plan).kinds.items():
        for number, member in enumerate(kind.members):
            attributes = [{"attribute": "name", "value": member}]
            if member in racks:
                attributes.append({"attribute": "rack", "value": racks[member].name})
            rows.append({"name": f"{name}[{number}]", "attributes": attributes})
    return orjson.dumps({"nodes": rows}, option=orjson.OPT_INDENT_2).decode() + "\n"


def _link(name: str, unit: str, value: float) -> dict[str, Any]:
    """Return a link with its rate, of one direction."""
    return {"name": name, "physical": {"bandwidth": {"choice": unit, unit: value}}}


def _device(name: str, kind: _DeviceKind) -> dict[str, Any]:
    """Return a kind of device: its components, and what joins them inside."""
    is_switch = _SWITCH_PORT in kind.numbers
    centre = "asic" if is_switch else "host"
    components = [{"name": centre, "choice": "switch" if is_switch else "cpu", "count": 1}]
    links: list[dict[str, Any]] = [{"name": "inside"}]
    edges = []
    for component, count in kind.components().items():
        choice = "port" if is_switch else "nic"
        components.append({"name": component, "choice": choice, "count": count})
        edges.append(_inner_edge(f"{centre}[0]", f"{component}[0:{count}]"))
    machine = kind.machine
    chip = accelerator_of(machine) if machine is not None else None
    if machine is not None and chip is not None:
        gpus = f"xpu[0:{machine.gpus}]"
        components.append({"name": "xpu", "choice": "xpu", "count": machine.gpus})
        edges.append(_inner_edge("host[0]", gpus))
        for port, numbers in kind.rails.items():
            component, index = kind.index(port)
            for number in numbers:
                edges.append(_inner_edge(f"xpu[{number}]", f"{component}[{index}]"))
        both_ways = chip.scale_up
        # Across machines NVLink is a device of its own.
        if both_ways is not None and not machine.nvlink_domain_nodes:
            components.append({"name": "scale-up", "choice": "switch", "count": 1})
            links.append(_link("scale-up", "gigabytes_per_second", both_ways.count / 2 / 10**9))
            edges.append(_inner_edge("scale-up[0]", gpus, "scale-up"))
    return {
        "name": name,
        "description": kind.description,
        "components": components,
        "links": links,
        "edges": edges,
    }


def _inner_edge(first: str, second: str, link: str = "inside") -> dict[str, Any]:
    """Return an edge inside a device, from each component of one slice to each of the other."""
    return {
        "ep1": {"component": first},
        "ep2": {"component": second},
        "scheme": "many2many",
        "link": link,
    }


def _host_tiers(plane: FabricPlan) -> Iterator[tuple[str, Cables, int]]:
    """Yield the links of a plane's hosts by their rate; the first is the fabric's, and named so."""
    if not plane.host_rates:
        yield "hosts", plane.host_links, plane.link
        return
    by_rate: dict[int, list[Cable]] = {}
    for cable in plane.host_links:
        by_rate.setdefault(plane.host_rate(cable.lower), []).append(cable)
    for rate, members in by_rate.items():
        yield f"hosts-{rate // 10**9}g", Cables(members), rate


def _edges(inventory: _DeviceKinds, cables: Cables, link: str) -> Iterator[dict[str, Any]]:
    """Yield the edges of cables; cables that follow each other evenly are one edge."""
    run: _CableRun | None = None
    for cable in cables:
        lower = inventory.end(cable.lower, cable.lower_port)
        upper = inventory.end(cable.upper, cable.upper_port)
        if run is None or not run.takes(lower, upper):
            if run is not None:
                yield run.edge(link)
            run = _CableRun(lower, upper)
    if run is not None:
        yield run.edge(link)


@dataclass(slots=True)
class _CableRun:
    """Cables whose ends both go from device to device, or from port to port.

    Attributes:
        lower: the lower end of the first cable.
        upper: its upper end.
        steps: how the ends move from cable to cable; empty while there is one cable.
        count: how many cables.
        following: both ends of the cable that would continue the run; None while there is one cable.
    """

    lower: _CableEnd
    upper: _CableEnd
    steps: tuple[tuple[int, int], ...] = ()
    count: int = 1
    following: tuple[_CableEnd, _CableEnd] | None = None

    def takes(self, lower: _CableEnd, upper: _CableEnd) -> bool:
        """Return whether a cable continues the run; it is in it then."""
        if self.following is None:
            if lower[:2] != self.lower[:2] or upper[:2] != self.upper[:2]:
                return False
            steps = (_step(self.lower, lower), _step(self.upper, upper))
            if steps[0] not in _STEPS or steps[1] not in _STEPS:
                return False
            self.steps = steps
        elif self.following != (lower, upper):
            return False
        self.count += 1
        self.following = (lower.moved(self.steps[0]), upper.moved(self.steps[1]))
        return True

    def edge(self, link: str) -> dict[str, Any]:
        """Return the run as an edge between two slices, whose members are joined one to one."""
        steps = self.steps or ((0, 1), (0, 1))
        return {
            "ep1": self._slice(self.lower, steps[0]),
            "ep2": self._slice(self.upper, steps[1]),
            "scheme": "one2one",
            "link": link,
        }

    def _slice(self, end: _CableEnd, step: tuple[int, int]) -> dict[str, str]:
        """Return one end of the run as a slice."""
        last = end.moved(step, self.count - 1)
        return {
            "instance": f"{end.kind}[{end.device}:{last.device + 1}]",
            "component": f"{end.component}[{end.port}:{last.port + 1}]",
        }


def _step(first: _CableEnd, second: _CableEnd) -> tuple[int, int]:
    """Return how many devices and ports lie between two ends."""
    return second.device - first.device, second.port - first.port


def _domain_edges(plan: Plan) -> list[dict[str, Any]]:
    """Return the edges from the accelerators of machines to the switches of their rack-scale domain."""
    domains: dict[str, list[_CableEnd]] = {}
    positions: dict[str, int] = {}
    for node in plan.nodes:
        position = positions.setdefault(node.pool, 0)
        positions[node.pool] += 1
        if node.nvlink_domain:
            end = _CableEnd(node.pool, "xpu", position, node.gpus)
            domains.setdefault(node.nvlink_domain, []).append(end)
    edges = []
    for number, ends in enumerate(domains.values()):
        first, last = ends[0], ends[-1]
        # The machines of a domain follow each other in their pool.
        edge = {
            "ep1": {
                "instance": f"{first.kind}[{first.device}:{last.device + 1}]",
                "component": f"xpu[0:{first.port}]",
            },
            "ep2": {"instance": f"{_DOMAIN}[{number}]", "component": "switch[0]"},
            "scheme": "many2many",
            "link": _DOMAIN,
        }
        edges.append(edge)
    return edges

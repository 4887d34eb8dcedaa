"""Port maps: the peer of each port of each switch, its zone, and the address behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import FIRST_HOST, Partition, Plan, Prefix, format_address
from sovereign_ai.plan.fabric import FabricPlan, Switch, host_rails, outside_of, ports_of
from sovereign_ai.render.switches.announcements import Announcements
from sovereign_ai.render.switches.front_panel import FrontPanel, front_panel, panel_behind
from sovereign_ai.spec import AIFactory, Fabric


@frozen_dataclass
class Port:
    """One cabled port of a switch.

    Attributes:
        name: the plan's name, `7` or split `3/2`.
        interface: the name of Linux-based switch systems, `swp7` or `swp3s1`.
        peer: the device at the other end.
        peer_port: its port by the plan's name.
        host: whether the peer is a node, a storage server or a fabric manager.
        outside: whether the peer is outside of the fabric; it has no zone, and the port is shut until
            somebody takes it into use.
        partner: whether the peer is the other switch of a pair below spines; the port is up, and has neither
            a session nor a zone (see `FabricPlan.routed_links`).
        zone: the security zone of the host; empty between switches and where the description names none.
        address: the IPv4 address behind it; empty between switches and where the plan has none.
    """

    name: str
    interface: str
    peer: str
    peer_port: str
    host: bool
    zone: str
    address: str
    outside: bool = False
    partner: bool = False


@frozen_dataclass
class SwitchPorts:
    """One switch with its ports.

    Attributes:
        switch: the switch.
        plane: its plane.
        ports: its cabled ports: hosts first, then those to a partner, up, and to the outside, in order of the
            plan's cables.
        partitions: zone name to its partition of this fabric; none on a border leaf.
        gateways: range of its hosts' addresses to the gateway's address in it.
        panel: how SONiC names and wires its ports; of a leaf, those to hosts at the slowest rate.
        fabric_panel: the same of its ports to other switches, which may be split otherwise.
        host_panels: the same of ports to hosts by their rate, where a leaf has several.
        outside_panel: the same of its ports to the outside.
        announcements: what the switches of its plane announce.
    """

    switch: Switch
    plane: FabricPlan
    ports: tuple[Port, ...]
    partitions: Mapping[str, Partition]
    gateways: Mapping[str, str]
    panel: FrontPanel
    fabric_panel: FrontPanel
    host_panels: Mapping[int, FrontPanel]
    outside_panel: FrontPanel
    announcements: Announcements = field(repr=False, compare=False)

    @property
    def fabric(self) -> tuple[Port, ...]:
        """Return the ports that lead to switches with which routes are exchanged."""
        inner = [port for port in self.ports if not port.host and not port.outside]
        return tuple(port for port in inner if not port.partner)

    @property
    def zoned_fabric(self) -> tuple[Port, ...]:
        """Return the ports that lead to switches with zones, which border leaves are not."""
        borders = self.announcements.borders
        return tuple(port for port in self.fabric if port.peer not in borders)

    def panel_of(self, port: Port) -> FrontPanel:
        """Return the panel that a port is on."""
        if port.outside:
            return self.outside_panel
        if not port.host:
            return self.fabric_panel
        return self.host_panels.get(self.rate_of(port), self.panel)

    def rate_of(self, port: Port) -> int:
        """Return the bits a second of a port's link."""
        if port.outside:
            return self.plane.outside_link
        return self.plane.host_rate(port.peer) if port.host else self.plane.uplink or self.plane.link

    @property
    def zones(self) -> tuple[Partition, ...]:
        """Return the partitions of the fabric that keep zones apart, by number."""
        isolating = [part for part in self.partitions.values() if part.kind != "none"]
        isolating.sort(key=_partition_number)
        return tuple(isolating)

    def partition(self, port: Port) -> Partition | None:
        """Return the partition that a host port belongs to; None in the fabric's default."""
        part = self.partitions.get(port.zone)
        if part is None or part.kind == "none":
            return None
        return part

    def to_data(self) -> dict[str, Any]:
        """Return the port map as plain data."""
        rows = []
        for port in self.ports:
            row = self._port_data(port)
            rows.append(row)
        switch = self.switch
        return {
            "switch": switch.name,
            "tier": switch.tier,
            "rail": switch.rail,
            "loopback": switch.loopback,
            "asn": switch.asn,
            "ports": rows,
        }

    def _port_data(self, port: Port) -> dict[str, Any]:
        """Return one port as plain data."""
        row: dict[str, Any] = {
            "name": port.name,
            "interface": port.interface,
            "peer": port.peer,
            "peer_port": port.peer_port,
            "zone": port.zone,
            "address": port.address,
        }
        part = self.partition(port)
        if part is not None:
            row["isolation"] = part.kind
            row["number"] = part.number
            row["vlan"] = part.vlan
        row["role"] = _role(port)
        row["sonic"] = self.panel_of(port).port(port.name).name
        return row


def _role(port: Port) -> str:
    """Return what a port is for, in a word."""
    if port.outside:
        return "outside"
    if port.partner:
        return "partner"
    return "host" if port.host else "fabric"


def _partition_number(part: Partition) -> int:
    """Return the key that sorts partitions by number."""
    return part.number


# The names of a plan's ports are few, and each occurs on every switch.
@cache
def interface(port: str) -> str:
    """Return the interface name of a switch's port in Linux: split ports count their parts from 0."""
    whole, _, part = port.partition("/")
    if not part:
        return f"swp{whole}"
    return f"swp{whole}s{int(part) - 1}"


@cache
def host_interface(port: str) -> str:
    """Return the interface name of a node's port in Linux: `compute0`, in the second plane `compute0p2`."""
    return port.replace("/", "p")


def zones_of(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Return node or storage server to security zone; those without a declared zone are left out."""
    zones = {}
    for node in plan.nodes:
        zones[node.name] = node.zone
    for tier in plan.storage:
        zones.update(dict.fromkeys(tier.servers, tier.zone))
    declared = set()
    for zone in factory.zones:
        declared.add(zone.name)
    return {name: zone for name, zone in zones.items() if zone in declared}


def rail_addresses(plan: Plan, plane: FabricPlan) -> dict[tuple[str, str], str]:
    """Return (host, port) to its address in its rail's block, by the order of the rail's cables.

    In a block address 1 is the gateway, and the node in position p has p + 2, as the plan states.
    """
    first_addresses: dict[int, int] = {}
    for prefix in plan.prefixes:
        if prefix.use == "rail" and prefix.owner == plane.name:
            network = IPv4Network(prefix.cidr)
            first_addresses[prefix.rail] = int(network.network_address) + FIRST_HOST
    used: defaultdict[int, int] = defaultdict(int)
    addresses: dict[tuple[str, str], str] = {}
    for link, rail in zip(plane.host_links, host_rails(plane), strict=True):
        host, port = link.lower, link.lower_port
        # Fabric managers are on the rail's leaf, and have no address in its block.
        if rail not in first_addresses or f"{plane.name}-manager-" in host:
            continue
        addresses[host, port] = format_address(first_addresses[rail] + used[rail])
        used[rail] += 1
    return addresses


def host_addresses(plan: Plan, plane: FabricPlan) -> dict[tuple[str, str], str]:
    """Return (host, port) to its address on a plane.

    The address is that of its rail on compute and storage fabrics, and else the node's own in-band or BMC
    address.
    """
    if plane.role in ("compute", "storage"):
        return rail_addresses(plan, plane)
    own: dict[str, str] = {}
    for node in plan.nodes:
        own[node.name] = node.address if plane.role == "in-band" else node.bmc
    addresses: dict[tuple[str, str], str] = {}
    for link in plane.host_links:
        address = own.get(link.lower)
        if address:
            addresses[link.lower, link.lower_port] = address
    return addresses


def blocks(plan: Plan, plane: FabricPlan) -> tuple[Prefix, ...]:
    """Return the blocks that the addresses of a plane's hosts are from."""
    if plane.role in ("compute", "storage"):
        rails = [prefix for prefix in plan.prefixes if prefix.use == "rail"]
        return tuple(prefix for prefix in rails if prefix.owner == plane.name)
    use = "nodes" if plane.role == "in-band" else "bmc"
    pools = set()
    for node in plan.nodes:
        pools.add(node.pool)
    at_site = [prefix for prefix in plan.prefixes if prefix.use == use and prefix.site == plane.site]
    return tuple(prefix for prefix in at_site if prefix.owner in pools)


def port_maps(factory: AIFactory, plan: Plan, plane: FabricPlan) -> tuple[SwitchPorts, ...]:
    """Return every switch of a plane with its ports, in the plan's order."""
    ports = _ports_by_switch(factory, plan, plane)
    partitions = {}
    for part in plan.partitions:
        if part.fabric == plane.fabric:
            partitions[part.zone] = part
    gateways: dict[str, str] = {}
    for block in blocks(plan, plane):
        network = IPv4Network(block.cidr)
        gateways[str(network)] = format_address(int(network.network_address) + 1)
    fabric = next(fabric for fabric in factory.fabrics if fabric.name == plane.fabric)
    panels = {tier: _panels(fabric, tier) for tier in ("leaf", "spine", "core")}
    outside_panels: dict[str, FrontPanel] = {}
    # A twin has border leaves, and nothing for their links to the outside to end at.
    for tier in ("leaf", "spine", "core", "border") if plane.outside or plane.border else ():
        if (pair := _outside_panels(fabric, plane, tier)) is not None:
            outside_panels[tier] = pair[0]
            panels.setdefault(tier, pair)
    announcements = Announcements(plane, _announced_hosts(plane, ports, partitions), tuple(gateways))
    host_panels = _host_panels(fabric)
    maps: list[SwitchPorts] = []
    for switch in plane.switches:
        switch_ports = tuple(ports[switch.name])
        panel, fabric_panel = panels[switch.tier]
        # A border leaf knows no zone: its links lead out of the fabric.
        own_partitions = {} if switch.tier == "border" else partitions
        maps.append(
            SwitchPorts(
                switch,
                plane,
                switch_ports,
                own_partitions,
                gateways,
                panel,
                fabric_panel,
                host_panels,
                outside_panels.get(switch.tier, panel),
                announcements,
            )
        )
    return tuple(maps)


def _panels(fabric: Fabric, tier: str) -> tuple[FrontPanel, FrontPanel]:
    """Return the panels of a switch's ports to hosts and to other switches."""
    ports, model = ports_of(fabric), fabric.switch_of(tier)
    # The plan's rate is that of a part; a panel's is that of the whole port.
    if tier != "leaf":
        panel = front_panel(model, ports.uplink * ports.spine_breakout, ports.spine_breakout)
        return panel, panel
    panel = front_panel(model, ports.link * ports.breakout, ports.breakout)
    if ports.extra:
        return panel, panel_behind(panel, ports.cages, ports.uplink)
    return panel, front_panel(model, ports.uplink * ports.uplink_breakout, ports.uplink_breakout)


def _outside_panels(fabric: Fabric, plane: FabricPlan, tier: str) -> tuple[FrontPanel, FrontPanel] | None:
    """Return the panels of a switch's ports to the outside and to other switches; None where it has none."""
    ports = ports_of(fabric)
    outside = outside_of(fabric, ports)
    if outside is None or outside.tier != tier:
        return None
    model = fabric.switch_of(tier)
    if outside.ports is not None:
        ports = outside.ports
        panel = front_panel(model, ports.link * ports.breakout, ports.breakout)
        if ports.extra:
            return panel, panel_behind(panel, ports.cages, ports.uplink)
        return panel, front_panel(model, ports.uplink * ports.uplink_breakout, ports.uplink_breakout)
    _, fabric_panel = _panels(fabric, tier)
    if outside.from_uplinks:
        panel = front_panel(model, ports.link * ports.breakout, ports.breakout)
        whole = plane.outside_link * outside.parts
        return panel_behind(panel, ports.cages, whole, outside.parts), fabric_panel
    return front_panel(model, plane.outside_link * outside.parts, outside.parts), fabric_panel


def _host_panels(fabric: Fabric) -> dict[int, FrontPanel]:
    """Return the panel of a leaf's ports to hosts of each rate; none where all hosts have one."""
    panels: dict[int, FrontPanel] = {}
    if len(fabric.host_links) == 1:
        return panels
    ports, model = ports_of(fabric), fabric.switch_of("leaf")
    whole = ports.link * ports.breakout
    for link in fabric.host_links:
        rate = link.count // fabric.planes
        panels[rate] = front_panel(model, whole, whole // rate)
    return panels


def _announced_hosts(
    plane: FabricPlan, ports: Mapping[str, Iterable[Port]], partitions: Mapping[str, Partition]
) -> dict[str, dict[str, list[str]]]:
    """Return leaf to routing table to the addresses of the hosts that it announces there.

    The default table is the empty text. Hosts of segments are announced by their MAC addresses alone.
    """
    announced: dict[str, dict[str, list[str]]] = {}
    for switch in plane.switches:
        tables: defaultdict[str, list[str]] = defaultdict(list)
        for port in ports[switch.name]:
            part = partitions.get(port.zone)
            if not port.address or (part is not None and part.kind == "vni"):
                continue
            table = port.zone if part is not None and part.kind == "vrf" else ""
            tables[table].append(port.address)
        announced[switch.name] = dict(tables)
    return announced


def _ports_by_switch(factory: AIFactory, plan: Plan, plane: FabricPlan) -> defaultdict[str, list[Port]]:
    """Return switch to its cabled ports, in the order of the plane's cables."""
    zones = zones_of(factory, plan)
    addresses = host_addresses(plan, plane)
    ports: defaultdict[str, list[Port]] = defaultdict(list)
    for link in plane.host_links:
        host, port = link.lower, link.lower_port
        zone = zones.get(host, "")
        address = addresses.get((host, port), "")
        host_port = _port(link.upper_port, host, port, zone=zone, address=address, host=True)
        ports[link.upper].append(host_port)
    for number, link in enumerate(plane.switch_links):
        upper_port = _port(link.upper_port, link.lower, link.lower_port)
        lower_port = _port(link.lower_port, link.upper, link.upper_port)
        # Those of pairs below spines come first.
        if number < plane.partners:
            upper_port = replace(upper_port, partner=True)
            lower_port = replace(lower_port, partner=True)
        ports[link.upper].append(upper_port)
        ports[link.lower].append(lower_port)
    for link in plane.outside_links:
        outside_port = _port(link.upper_port, link.lower, link.lower_port)
        ports[link.upper].append(replace(outside_port, outside=True))
    return ports


def _port(
    name: str, peer: str, peer_port: str, *, zone: str = "", address: str = "", host: bool = False
) -> Port:
    """Return a switch's port by the plan's name; without a host, zone and address are empty."""
    return Port(name, interface(name), peer, peer_port, host, zone, address)


def gateway(device: SwitchPorts, address: str) -> str:
    """Return the gateway of the block that an address is from; empty if it is from none."""
    number = _number(address)
    for cidr, gateway_address in device.gateways.items():
        base, _, bits = cidr.partition("/")
        shift = 32 - int(bits)
        if _number(base) >> shift == number >> shift:
            return gateway_address
    return ""


def _number(address: str) -> int:
    """Return an IPv4 address as a number."""
    # `ipaddress` is many times slower, and a large plan has 100,000 addresses.
    first, second, third, fourth = map(int, address.split("."))
    return first << 24 | second << 16 | third << 8 | fourth

"""Port maps: which port of which switch leads where, in which zone, with which address behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from sovereign_ai.plan.addresses import FIRST_HOST, Partition, Prefix, text
from sovereign_ai.plan.fabric import FabricPlan, Switch
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True)
class Port:
    """One cabled port of a switch.

    Attributes:
        name: the plan's name, `7` or split `3/2`.
        interface: the name of Linux-based switch systems, `swp7` or `swp3s1`.
        peer: the device at the other end.
        peer_port: its port by the plan's name.
        host: whether the peer is a machine, a storage server or a manager.
        zone: the security zone of the machine; empty between switches and where nobody said one.
        address: the IPv4 address behind it; empty between switches and where the plan gives none.
    """

    name: str
    interface: str
    peer: str
    peer_port: str
    host: bool
    zone: str
    address: str


@dataclass(frozen=True, slots=True)
class SwitchPorts:
    """One switch with its ports.

    Attributes:
        switch: the switch.
        plane: its plane.
        ports: its cabled ports: hosts first, then up, in order of the plan's cables.
        partitions: zone name to its partition of this fabric.
        gateways: host routes aside, the gateway address of each block of its hosts.
    """

    switch: Switch
    plane: FabricPlan
    ports: tuple[Port, ...]
    partitions: Mapping[str, Partition]
    gateways: Mapping[str, str]

    @property
    def fabric(self) -> tuple[Port, ...]:
        """Give the ports that lead to switches."""
        return tuple(port for port in self.ports if not port.host)

    @property
    def zones(self) -> tuple[Partition, ...]:
        """Give the partitions of the fabric that keep zones apart, by number."""
        return tuple(sorted((one for one in self.partitions.values() if one.kind != "none"), key=lambda one: one.number))

    def partition(self, port: Port) -> Partition | None:
        """Give the partition a host port belongs to; None in the fabric's default."""
        one = self.partitions.get(port.zone)
        return None if one is None or one.kind == "none" else one

    def to_data(self) -> dict[str, Any]:
        """Give the port map as plain data."""
        rows = []
        for port in self.ports:
            part = self.partition(port)
            isolation = {} if part is None else {"isolation": part.kind, "number": part.number, "vlan": part.vlan}
            plain = {name: getattr(port, name) for name in ("name", "interface", "peer", "peer_port", "zone", "address")}
            rows.append({**plain, **isolation, "role": "host" if port.host else "fabric"})
        one = self.switch
        return {"switch": one.name, "tier": one.tier, "rail": one.rail, "loopback": one.loopback, "asn": one.asn, "ports": rows}


@cache
def interface(port: str) -> str:
    """Give the interface name of a port: split ports count their parts from 0."""
    whole, _, part = port.partition("/")
    return f"swp{whole}s{int(part) - 1}" if part else f"swp{whole}"


@cache
def host_interface(port: str) -> str:
    """Give the interface name of a machine's port as Linux takes it: `compute0`, and `compute0p2` for the second plane."""
    return port.replace("/", "p")


def zones_of(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Give machine or storage server to security zone."""
    found = {node.name: node.zone for node in plan.nodes}
    for tier in plan.storage:
        found.update(dict.fromkeys(tier.servers, tier.zone))
    declared = {zone.name for zone in factory.zones}
    return {name: zone for name, zone in found.items() if zone in declared}


def rail_addresses(plan: Plan, plane: FabricPlan) -> dict[tuple[str, str], str]:
    """Give (host, port) to its address in its rail's block, by the order of the rail's cables.

    In a block address 1 is the gateway and the machine in position p has p + 2, as the plan says.
    """
    blocks = {one.rail: one for one in plan.prefixes if one.use == "rail" and one.owner == plane.name}
    rails = {one.name: one.rail for one in plane.switches}
    taken: defaultdict[int, int] = defaultdict(int)
    found = {}
    for host, port, leaf, _ in plane.cables[: plane.node_leaf]:
        rail = rails[leaf]
        if rail not in blocks or f"{plane.name}-manager-" in host:
            continue
        network = IPv4Network(blocks[rail].cidr)
        found[host, port] = text(int(network.network_address) + FIRST_HOST + taken[rail])
        taken[rail] += 1
    return found


def host_addresses(plan: Plan, plane: FabricPlan) -> dict[tuple[str, str], str]:
    """Give (host, port) to its address on a plane: of its rail, else the machine's own in-band or BMC address."""
    if plane.role in ("compute", "storage"):
        return rail_addresses(plan, plane)
    own = {node.name: node.address if plane.role == "in-band" else node.bmc for node in plan.nodes}
    return {(host, port): own[host] for host, port, _, _ in plane.cables[: plane.node_leaf] if own.get(host)}


def blocks(plan: Plan, plane: FabricPlan) -> tuple[Prefix, ...]:
    """Give the blocks that a plane's hosts have their addresses from."""
    if plane.role in ("compute", "storage"):
        return tuple(one for one in plan.prefixes if one.use == "rail" and one.owner == plane.name)
    use = "nodes" if plane.role == "in-band" else "bmc"
    pools = {node.pool for node in plan.nodes}
    return tuple(one for one in plan.prefixes if one.use == use and one.site == plane.site and one.owner in pools)


def port_maps(factory: AIFactory, plan: Plan, plane: FabricPlan) -> tuple[SwitchPorts, ...]:
    """Give every switch of a plane with its ports, in the plan's order."""
    zones = zones_of(factory, plan)
    addresses = host_addresses(plan, plane)
    ports: defaultdict[str, list[Port]] = defaultdict(list)
    for number, (lower, lower_port, upper, upper_port) in enumerate(plane.cables):
        host = number < plane.node_leaf
        zone, address = (zones.get(lower, ""), addresses.get((lower, lower_port), "")) if host else ("", "")
        ports[upper].append(Port(upper_port, interface(upper_port), lower, lower_port, host, zone, address))
        if not host:
            ports[lower].append(Port(lower_port, interface(lower_port), upper, upper_port, host, "", ""))
    partitions = {one.zone: one for one in plan.partitions if one.fabric == plane.fabric}
    networks = [IPv4Network(block.cidr) for block in blocks(plan, plane)]
    gateways = {str(network): text(int(network.network_address) + 1) for network in networks}
    return tuple(SwitchPorts(one, plane, tuple(ports[one.name]), partitions, gateways) for one in plane.switches)


def gateway(one: SwitchPorts, address: str) -> str:
    """Give the gateway of the block that an address is from; empty if it is from none."""
    number = _number(address)
    for cidr, found in one.gateways.items():
        base, _, bits = cidr.partition("/")
        if _number(base) >> (32 - int(bits)) == number >> (32 - int(bits)):
            return found
    return ""


def _number(address: str) -> int:
    """Read an IPv4 address as a number; much quicker than the standard library for 100,000 of them."""
    first, second, third, fourth = map(int, address.split("."))
    return first << 24 | second << 16 | third << 8 | fourth

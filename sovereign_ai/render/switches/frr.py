"""The routing daemons' configuration of one switch, as FRR's `vtysh -f` reads it.

* One BGP session a cable, by interface, so that a cable's loss moves its share of the flows alone.
* BFD at 3 x 300 ms tells of a neighbour that is silent with its link up.
* `no zebra nexthop kernel enable`: with next-hop groups FRR 8.4 may leave one path in the kernel
  after a link comes back while it still tells of all of them.
* Hosts have no session: what stands at a host port is a route of the leaf, so no host can announce anything.
* Spines pass EVPN routes on with the next hop of the leaf, which FRR does for EVPN over eBGP by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.plan.addresses import Partition
from sovereign_ai.render.switches.ports import SwitchPorts, gateway

BFD_MILLISECONDS, BFD_MISSED = 300, 3
MOST_PATHS = 128
"""Equal-cost paths kept at most; FRR's own build limit may be lower (Debian: 256)."""


def frr(one: SwitchPorts) -> str:
    """Give `frr.conf`.

    Raises:
        ValueError: the switch is an InfiniBand one, which has no routing daemon.
    """
    if one.plane.kind == "infiniband":
        message = f"{one.switch.name} is an InfiniBand switch; its side is partitions and a topology file"
        raise ValueError(message)
    return "\n".join([*_head(one), *_interfaces(one), *_tables(one), *_named(), *_routers(one)]) + "\n"


def uses(one: SwitchPorts, kind: str) -> tuple[Partition, ...]:
    """Give the partitions of a kind that this fabric has."""
    return tuple(part for part in one.zones if part.kind == kind)


def _head(one: SwitchPorts) -> Iterator[str]:
    """Give what stands first."""
    yield from ("frr defaults datacenter", f"hostname {one.switch.name}", "service integrated-vtysh-config")
    yield from ("log syslog informational", "no zebra nexthop kernel enable", "!")


def _interfaces(one: SwitchPorts) -> Iterator[str]:
    """Give loopback, links and, on routed fabrics, the gateway on every host port."""
    yield from ("interface lo", f" ip address {one.switch.loopback}/32", "exit", "!")
    for port in one.ports:
        yield f"interface {port.interface}"
        yield f" description {port.peer}:{port.peer_port}"
        part = one.partition(port)
        if not port.host:
            yield from (" ipv6 nd ra-interval 10", " no ipv6 nd suppress-ra")
        elif port.address and (part is None or part.kind == "vrf"):
            yield f" ip address {gateway(one, port.address)}/32"
        yield from ("exit", "!")
    for part in uses(one, "vrf"):
        for port in one.fabric:
            yield from (f"interface {port.interface}.{part.vlan}", " ipv6 nd ra-interval 10", " no ipv6 nd suppress-ra", "exit", "!")


def _tables(one: SwitchPorts) -> Iterator[str]:
    """Give the host routes: each host port's address, in its zone's table."""
    yield from (f"ip route {port.address}/32 {port.interface}" for port in one.ports if port.address and one.partition(port) is None)
    for part in uses(one, "vrf"):
        yield f"vrf {part.zone}"
        for port in one.ports:
            if port.address and port.zone == part.zone:
                yield f" ip route {port.address}/32 {port.interface}"
        yield from ("exit-vrf", "!")


def _routers(one: SwitchPorts) -> Iterator[str]:
    """Give the BGP instances: the underlay, and one a VRF."""
    overlay = bool(uses(one, "vni"))
    yield from _router(one, f"router bgp {one.switch.asn}", [port.interface for port in one.fabric])
    yield "  redistribute connected route-map LOOPBACK"
    if any(port.address and one.partition(port) is None for port in one.ports):
        yield "  redistribute static"
    yield from (f"  maximum-paths {MOST_PATHS}", " exit-address-family", " !")
    if overlay:
        yield from (" address-family l2vpn evpn", "  neighbor FABRIC activate")
        if one.switch.tier == "leaf":
            yield "  advertise-all-vni"
        yield from (" exit-address-family", " !")
    yield from ("exit", "!")
    for part in uses(one, "vrf"):
        names = [f"{port.interface}.{part.vlan}" for port in one.fabric]
        yield from _router(one, f"router bgp {one.switch.asn} vrf {part.zone}", names)
        yield from ("  redistribute static", f"  maximum-paths {MOST_PATHS}")
        yield from (" exit-address-family", "exit", "!")


def _router(one: SwitchPorts, head: str, interfaces: list[str]) -> Iterator[str]:
    """Give a BGP instance's sessions, and the head of its IPv4 family, which the caller goes on with and ends."""
    yield from (head, f" bgp router-id {one.switch.loopback}", " no bgp ebgp-requires-policy", " no bgp default ipv4-unicast")
    yield from (" bgp bestpath as-path multipath-relax", " neighbor FABRIC peer-group", " neighbor FABRIC remote-as external")
    yield from (" neighbor FABRIC advertisement-interval 0", " neighbor FABRIC timers 3 9", " neighbor FABRIC timers connect 2")
    yield from (" neighbor FABRIC bfd", " neighbor FABRIC bfd profile fabric")
    yield from (f" neighbor {name} interface peer-group FABRIC" for name in interfaces)
    yield from (" !", " address-family ipv4 unicast", "  neighbor FABRIC activate")


def _named() -> Iterator[str]:
    """Give what the instances refer to."""
    yield from ("route-map LOOPBACK permit 10", " match interface lo", "exit", "!")
    yield from ("bfd", " profile fabric", f"  detect-multiplier {BFD_MISSED}", f"  receive-interval {BFD_MILLISECONDS}")
    yield from (f"  transmit-interval {BFD_MILLISECONDS}", " exit", "exit", "!")

"""The routing daemons' configuration of one switch, as FRR's `vtysh -f` reads it.

* One BGP session a cable, by interface, so that a cable's loss moves its share of the flows alone.
* BFD at 3 x 300 ms detects a neighbour that is silent with its link up.
* Hosts have no session: a host's address is a route of the leaf, so no host can announce anything.
* Spines pass EVPN routes on with the next hop of the leaf, which FRR does for EVPN over eBGP by itself.
* Packets of a session must come from the other end of its cable (TTL security, RFC 5082).
* From each neighbour are accepted the single addresses that the plan has behind it, by a route map: FRR asks
  a neighbour for its routes again when a route map's list changes, and not when a filter's own list does. Of
  EVPN, routes of MAC addresses and of broadcasts alone are accepted, and no prefixes.
* FRR 8.4 has no limit on EVPN routes (`maximum-prefix` of `l2vpn evpn`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sovereign_ai.render.switches.announcements import Accepted, shared
from sovereign_ai.render.switches.names import LinuxNames, PortNames, uses
from sovereign_ai.render.switches.ports import Port, SwitchPorts, gateway

BFD_MILLISECONDS, BFD_MISSED = 300, 3
MOST_PATHS = 128
"""Equal-cost paths kept at most; FRR's own build limit may be lower (Debian: 256)."""
_END = ("exit", "!")
"""The end of an interface, a route map or a router."""
_UNNUMBERED = (" ipv6 nd ra-interval 10", " no ipv6 nd suppress-ra")
"""Router advertisements: a peer of an unnumbered session learns the link-local address from them."""
_BFD_PROFILE = (
    "bfd",
    " profile fabric",
    f"  detect-multiplier {BFD_MISSED}",
    f"  receive-interval {BFD_MILLISECONDS}",
    f"  transmit-interval {BFD_MILLISECONDS}",
    " exit",
    "exit",
    "!",
)


def frr(device: SwitchPorts, names: PortNames | None = None) -> str:
    """Return `frr.conf`.

    Args:
        device: the switch.
        names: what the switch system calls its interfaces; left out, those of Linux (`swp7`).

    Raises:
        ValueError: the switch is an InfiniBand one, which has no routing daemon.
    """
    if device.plane.kind == "infiniband":
        message = f"{device.switch.name} is an InfiniBand switch; its side is partitions and a topology file"
        raise ValueError(message)
    names = names or LinuxNames()
    lines = [
        *_head(device),
        *_interfaces(device, names),
        *_host_routes(device, names),
        *_route_maps(device, names),
        *_inbound_policies(device, names),
        *_BFD_PROFILE,
        *_routers(device, names),
    ]
    return "\n".join(lines) + "\n"


def _head(device: SwitchPorts) -> Iterator[str]:
    """Yield the lines of the whole daemon."""
    yield "frr defaults datacenter"
    yield f"hostname {device.switch.name}"
    yield "service integrated-vtysh-config"
    yield "log syslog informational"
    # With next-hop groups FRR 8.4 may leave one path in the kernel after a link comes back, while it still
    # reports all.
    yield "no zebra nexthop kernel enable"
    yield "!"


def _interfaces(device: SwitchPorts, names: PortNames) -> Iterator[str]:
    """Yield loopback, links and, on routed fabrics, the host ports with the gateway's address."""
    if names.sets_addresses:
        yield "interface lo"
        yield f" ip address {device.switch.loopback}/32"
        yield from _END
    for port in device.ports:
        if (port.host or port.outside) and not names.sets_addresses:
            continue
        yield f"interface {names.port(device, port)}"
        yield f" description {port.peer}:{port.peer_port}"
        part = device.partition(port)
        if port.outside:
            # In no zone and without an address: nothing may come in before somebody has decided what may.
            yield " shutdown"
        elif not port.host and not port.partner:
            yield from _UNNUMBERED
        elif port.address and (part is None or part.kind == "vrf"):
            yield f" ip address {gateway(device, port.address)}/32"
        yield from _END
    for part in uses(device, "vrf"):
        for port in device.zoned_fabric:
            yield f"interface {names.subinterface(device, port, part)}"
            yield from _UNNUMBERED
            yield from _END


def _host_routes(device: SwitchPorts, names: PortNames) -> Iterator[str]:
    """Yield the host routes: each host port's address, in its zone's table."""
    for port in device.ports:
        if port.address and device.partition(port) is None:
            yield f"ip route {port.address}/32 {names.host_side(device, port)}"
    for part in uses(device, "vrf"):
        yield f"vrf {names.vrf(part)}"
        for port in device.ports:
            if port.address and port.zone == part.zone:
                yield f" ip route {port.address}/32 {names.host_side(device, port)}"
        yield "exit-vrf"
        yield "!"


def _route_maps(device: SwitchPorts, names: PortNames) -> Iterator[str]:
    """Yield the route map that permits the switch's loopbacks alone to be announced."""
    loopbacks = [names.loopback]
    for part in uses(device, "vrf"):
        loopback = names.vrf_loopback(device, part)
        if loopback:
            loopbacks.append(loopback)
    for number, loopback in enumerate(loopbacks, 1):
        # Numbers in tens leave room for an entry in between.
        yield f"route-map LOOPBACK permit {number * 10}"
        yield f" match interface {loopback}"
        yield from _END


def _inbound_policies(device: SwitchPorts, names: PortNames) -> Iterator[str]:
    """Yield what is accepted from neighbours: for each a prefix list, and the route map that asks it."""
    policies: dict[str, Accepted] = {}
    for table in ("", *(part.zone for part in uses(device, "vrf"))):
        for port in device.zoned_fabric if table else device.fabric:
            accepted = _accepted(device, names, port, table)
            policies[accepted.name] = accepted
    for accepted in policies.values():
        yield from _prefix_list(accepted)
        yield f"route-map {accepted.name} permit 10"
        yield f" match ip address prefix-list {accepted.name}"
        yield from _END
    if uses(device, "vni"):
        for number, route_type in ((10, "macip"), (20, "multicast")):
            yield f"route-map SEGMENTS permit {number}"
            yield f" match evpn route-type {route_type}"
            yield from _END


def _prefix_list(accepted: Accepted) -> Iterator[str]:
    """Yield a prefix list; an address that it does not name is refused."""
    head = f"ip prefix-list {accepted.name} seq"
    number = 0
    for action, ranges in (("deny", accepted.refused), ("permit", accepted.permitted)):
        for cidr in ranges:
            number += 10
            # Single addresses alone: a range, such as a default route, would draw others' traffic.
            length = "" if cidr.endswith("/32") else " ge 32"
            yield f"{head} {number} {action} {cidr}{length}"
    if not accepted.permitted:
        # To FRR a list without an entry permits everything.
        yield f"{head} {number + 10} deny any"
    yield "!"


def _accepted(device: SwitchPorts, names: PortNames, port: Port, table: str) -> Accepted:
    """Return what is accepted from the neighbour at a port, in a routing table."""
    return device.announcements.accepted(
        device.switch, port.peer, table, vrf_loopbacks=bool(table) and names.vrf_loopbacks
    )


def _routers(device: SwitchPorts, names: PortNames) -> Iterator[str]:
    """Yield the BGP instances: the underlay, and one a VRF."""
    head = f"router bgp {device.switch.asn}"
    sessions = {}
    for port in device.fabric:
        sessions[names.port(device, port)] = _accepted(device, names, port, "")
    yield from _router(device, head, sessions)
    yield "  redistribute connected route-map LOOPBACK"
    if any(port.address and device.partition(port) is None for port in device.ports):
        yield "  redistribute static"
    yield f"  maximum-paths {MOST_PATHS}"
    yield " exit-address-family"
    yield " !"
    if uses(device, "vni"):
        yield " address-family l2vpn evpn"
        yield "  neighbor FABRIC activate"
        yield "  neighbor FABRIC route-map SEGMENTS in"
        # Spines pass EVPN routes on with the next hop of the leaf; they have no segment of their own.
        if device.switch.tier == "leaf":
            yield "  advertise-all-vni"
        yield " exit-address-family"
        yield " !"
    yield from _END
    for part in uses(device, "vrf"):
        sessions = {}
        for port in device.zoned_fabric:
            subinterface = names.subinterface(device, port, part)
            sessions[subinterface] = _accepted(device, names, port, part.zone)
        yield from _router(device, f"{head} vrf {names.vrf(part)}", sessions)
        if names.vrf_loopback(device, part):
            yield "  redistribute connected route-map LOOPBACK"
        yield "  redistribute static"
        yield f"  maximum-paths {MOST_PATHS}"
        yield " exit-address-family"
        yield from _END


def _router(device: SwitchPorts, head: str, sessions: Mapping[str, Accepted]) -> Iterator[str]:
    """Yield a BGP instance with its sessions and an open IPv4 family, which the caller ends.

    Args:
        device: the switch.
        head: the line that opens the instance.
        sessions: interface to what is accepted from the neighbour behind it.
    """
    yield head
    yield f" bgp router-id {device.switch.loopback}"
    # Since FRR 7.4 an external session without a policy exchanges no routes (RFC 8212).
    yield " no bgp ebgp-requires-policy"
    yield " no bgp default ipv4-unicast"
    # Paths over different spines have different AS paths of one length: all of them are used.
    yield " bgp bestpath as-path multipath-relax"
    yield " neighbor FABRIC peer-group"
    yield " neighbor FABRIC remote-as external"
    # A packet that a router has passed on has a lower TTL than the 255 that both ends send.
    yield " neighbor FABRIC ttl-security hops 1"
    yield " neighbor FABRIC advertisement-interval 0"
    yield " neighbor FABRIC timers 3 9"
    yield " neighbor FABRIC timers connect 2"
    yield " neighbor FABRIC bfd"
    yield " neighbor FABRIC bfd profile fabric"
    for name in sessions:
        yield f" neighbor {name} interface peer-group FABRIC"
    yield " !"
    yield " address-family ipv4 unicast"
    yield "  neighbor FABRIC activate"
    alike = shared(sessions)
    for name, accepted in ({"FABRIC": alike} if alike else sessions).items():
        yield f"  neighbor {name} maximum-prefix {accepted.most}"
        yield f"  neighbor {name} route-map {accepted.name} in"

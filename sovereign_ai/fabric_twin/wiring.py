"""Cables and addresses of the twin: the work of a technician and of a host's installer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sovereign_ai.fabric_twin.namespace import batch, sysctl
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart, Sample
from sovereign_ai.render.hosts.network import LOOKUP_PRIORITY, UNREACHABLE_PRIORITY
from sovereign_ai.render.switches.links import HOST_MTU
from sovereign_ai.render.switches.ports import host_interface, interface

_HOST = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    # Several rails share a segment: each port answers ARP for its own address only, and sends from it.
    "net.ipv4.conf.all.arp_ignore": "1",
    "net.ipv4.conf.all.arp_announce": "2",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    # No host forwards others' traffic; a new namespace would where this machine does.
    "net.ipv4.ip_forward": "0",
    # The group that may open ICMP sockets without privileges.
    "net.ipv4.ping_group_range": "0 0",
}


def wire(sample: Sample, prefix: str) -> None:
    """Make namespaces, lay every cable of the plan, and bring hosts up.

    Switches are brought up by the playbook that configures them.
    """
    switches = [switch.switch.name for switch in sample.switches]
    batch(f"netns add {prefix}{device}" for device in (*switches, *sample.hosts))
    # Before any cable: the `default` settings count for interfaces that are made later.
    for host in sample.hosts:
        sysctl(prefix + host, _HOST)
    batch(cable(prefix, *ends) for ends in _cables(sample))
    for switch in switches:
        batch(["link set lo up"], prefix + switch)
    lines: defaultdict[str, list[str]] = defaultdict(lambda: ["link set lo up"])
    for part in sample.parts:
        for end in part.endpoints:
            lines[end.host] += host_link(part, end)
    for host, commands in lines.items():
        batch(commands, prefix + host)


def _cables(sample: Sample) -> Iterator[tuple[str, str, str, str]]:
    """Yield each cable's ends as (device, interface, device, interface)."""
    known = {(end.host, end.port) for end in sample.endpoints}
    for part in sample.parts:
        for number, (lower, lower_port, upper, upper_port) in enumerate(part.plane.cables):
            if number >= part.plane.node_leaf:
                yield lower, interface(lower_port), upper, interface(upper_port)
            elif (lower, lower_port) in known:
                yield lower, host_interface(lower_port), upper, interface(upper_port)


def cable(prefix: str, lower: str, lower_interface: str, upper: str, upper_interface: str) -> str:
    """Return the command that lays one cable."""
    near = f"link add name {lower_interface} netns {prefix}{lower} type veth"
    return f"{near} peer name {upper_interface} netns {prefix}{upper}"


def host_link(part: PlanePart, end: HostPort) -> Iterator[str]:
    """Yield the commands that address a host's port, as its network files do.

    The rules let it answer by the port whose address was pinged.
    """
    yield f"link set {end.interface} mtu {HOST_MTU} up"
    yield f"addr add {end.address} dev {end.interface}"
    for block in part.rails:
        yield f"route add {block} dev {end.interface} src {end.ip} table {end.table}"
    yield f"rule add from {end.ip} lookup {end.table} priority {LOOKUP_PRIORITY}"
    yield from apart(part, end)


def apart(part: PlanePart, end: HostPort, verb: str = "add") -> Iterator[str]:
    """Yield the commands that keep a port out of the other planes; with `del`, those that let it in."""
    for block in part.others:
        yield f"rule {verb} from {end.ip} to {block} unreachable priority {UNREACHABLE_PRIORITY}"

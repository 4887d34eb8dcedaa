"""Cables and addresses of the twin: the work of a technician and of a host's installer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sovereign_ai.fabric_twin.namespace import batch, sysctl
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart, Sample
from sovereign_ai.plan.fabric import Cable
from sovereign_ai.render.hosts import LOOKUP_PRIORITY, UNREACHABLE_PRIORITY
from sovereign_ai.render.switches import HOST_MTU, host_interface, interface

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
    batch(cable(prefix, ends) for ends in _cables(sample))
    for switch in switches:
        batch(["link set lo up"], prefix + switch)
    lines: defaultdict[str, list[str]] = defaultdict(lambda: ["link set lo up"])
    for part in sample.parts:
        for end in part.endpoints:
            lines[end.host] += host_link(part, end)
    for host, commands in lines.items():
        batch(commands, prefix + host)


def _cables(sample: Sample) -> Iterator[Cable]:
    """Yield each cable with interfaces as its ports."""
    known = {(end.host, end.port) for end in sample.endpoints}
    for part in sample.parts:
        for link in part.plane.host_links:
            if (link.lower, link.lower_port) in known:
                yield Cable(
                    link.lower, host_interface(link.lower_port), link.upper, interface(link.upper_port)
                )
        for link in part.plane.switch_links:
            yield Cable(link.lower, interface(link.lower_port), link.upper, interface(link.upper_port))


def cable(prefix: str, ends: Cable) -> str:
    """Return the command that lays one cable, whose ports are interfaces."""
    near = f"link add name {ends.lower_port} netns {prefix}{ends.lower} type veth"
    return f"{near} peer name {ends.upper_port} netns {prefix}{ends.upper}"


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

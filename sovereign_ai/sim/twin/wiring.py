"""Cables and addresses of the twin: what a technician and the host's installer would do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sovereign_ai.render.hosts.network import END, LOOK
from sovereign_ai.render.switches.links import HOST_MTU
from sovereign_ai.render.switches.ports import host_interface, interface
from sovereign_ai.sim.twin.namespace import batch, sysctl
from sovereign_ai.sim.twin.sample import Endpoint, Part, Sample

_HOST = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.ipv4.conf.all.arp_ignore": "1",
    "net.ipv4.conf.all.arp_announce": "2",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ping_group_range": "0 0",
}
"""Several rails in one segment: each port answers for its own address only, and sends from it; and no host carries others' traffic, which
a new namespace would where this machine does."""


def wire(sample: Sample, prefix: str) -> None:
    """Make namespaces, lay every cable of the plan, and bring hosts up; switches are brought up by what configures them."""
    devices = [one.switch.name for one in sample.switches] + list(sample.hosts)
    batch(f"netns add {prefix}{device}" for device in devices)
    for host in sample.hosts:
        sysctl(prefix + host, _HOST)
    batch(cable(prefix, *row) for row in _cables(sample))
    for one in sample.switches:
        batch(["link set lo up"], prefix + one.switch.name)
    lines: defaultdict[str, list[str]] = defaultdict(lambda: ["link set lo up"])
    for part in sample.parts:
        for end in part.endpoints:
            lines[end.host] += host_link(part, end)
    for host, mine in lines.items():
        batch(mine, prefix + host)


def _cables(sample: Sample) -> Iterator[tuple[str, str, str, str]]:
    """Give each cable's ends as (device, interface, device, interface)."""
    known = {(end.host, end.port) for end in sample.endpoints}
    for part in sample.parts:
        for number, (lower, lower_port, upper, upper_port) in enumerate(part.plane.cables):
            if number >= part.plane.node_leaf:
                yield lower, interface(lower_port), upper, interface(upper_port)
            elif (lower, lower_port) in known:
                yield lower, host_interface(lower_port), upper, interface(upper_port)


def cable(prefix: str, lower: str, lower_interface: str, upper: str, upper_interface: str) -> str:
    """Give the command that lays one cable."""
    return f"link add name {lower_interface} netns {prefix}{lower} type veth peer name {upper_interface} netns {prefix}{upper}"


def host_link(part: Part, end: Endpoint) -> Iterator[str]:
    """Give the commands that address a host's port, as its network files do: it answers by the port whose address was asked."""
    yield f"link set {end.interface} mtu {HOST_MTU} up"
    yield f"addr add {end.address} dev {end.interface}"
    yield from (f"route add {block} dev {end.interface} src {end.ip} table {end.table}" for block in part.rails)
    yield f"rule add from {end.ip} lookup {end.table} priority {LOOK}"
    yield from apart(part, end)


def apart(part: Part, end: Endpoint, verb: str = "add") -> Iterator[str]:
    """Give the commands that keep a port out of the other planes, or with `del` those that let it into them."""
    yield from (f"rule {verb} from {end.ip} to {block} unreachable priority {END}" for block in part.others)

"""Who is at the other end of every cable, asked as LLDP does, and held against the plan.

Every device sends one LLDP frame (IEEE 802.1AB: chassis, port, time to live) out of each of its
ports, to the address that no bridge passes on; what each port hears is what it is cabled to.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sovereign_ai.sim.twin.namespace import within
from sovereign_ai.sim.twin.sample import Sample

_KIND = 0x88CC
_NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
_CHASSIS, _PORT, _LIFE, _END = 1, 2, 3, 0
_LOCAL, _INTERFACE_NAME = 7, 5
Port = tuple[str, str]
"""Device and interface."""


@dataclass(frozen=True, slots=True)
class Miswire:
    """A port that does not meet what the plan says.

    Attributes:
        port: device and interface.
        planned: what it should meet.
        seen: what it meets; None if it hears nobody.
    """

    port: Port
    planned: Port
    seen: Port | None

    def __str__(self) -> str:
        """Say it in words."""
        seen = "hears nobody" if self.seen is None else f"meets {' '.join(self.seen)}"
        return f"{' '.join(self.port)} should meet {' '.join(self.planned)} and {seen}"


def frame(device: str, interface: str, source: bytes) -> bytes:
    """Give one LLDP frame.

    >>> heard(frame("leaf-1", "swp1", bytes(6)))
    ('leaf-1', 'swp1')
    """
    parts = ((_CHASSIS, bytes([_LOCAL]) + device.encode()), (_PORT, bytes([_INTERFACE_NAME]) + interface.encode()))
    body = b"".join(struct.pack("!H", kind << 9 | len(value)) + value for kind, value in (*parts, (_LIFE, b"\0\x78"), (_END, b"")))
    return _NEAREST_BRIDGE + source + struct.pack("!H", _KIND) + body


def heard(data: bytes) -> Port | None:
    """Read device and interface from a frame; None if it is no whole LLDP frame of that sort."""
    found: dict[int, str] = {}
    at = 14
    while at + 2 <= len(data):
        (head,) = struct.unpack_from("!H", data, at)
        kind, length = head >> 9, head & 511
        if kind == _END:
            break
        found[kind] = data[at + 3 : at + 2 + length].decode(errors="replace")
        at += 2 + length
    return (found[_CHASSIS], found[_PORT]) if {_CHASSIS, _PORT} <= found.keys() else None


def neighbours(prefix: str, ports: Mapping[str, list[str]], seconds: float = 3.0) -> dict[Port, Port]:
    """Let every device speak once on each port and give what each port hears.

    Args:
        prefix: the twin's prefix.
        ports: device to its interfaces.
        seconds: how long to listen at most; it ends once every port has heard somebody.
    """
    sockets = {device: within(prefix + device, _open) for device in ports}
    found: dict[Port, Port] = {}
    try:
        with selectors.DefaultSelector() as selector:
            for device, one in sockets.items():
                selector.register(one, selectors.EVENT_READ, device)
            for device, names in ports.items():
                for name in names:
                    _say(sockets[device], device, name)
            until = time.monotonic() + seconds
            while time.monotonic() < until and len(found) < sum(map(len, ports.values())):
                for key, _ in selector.select(0.1):
                    _listen(sockets[key.data], key.data, found)
    finally:
        for one in sockets.values():
            one.close()
    return found


def _open() -> socket.socket:
    """Open a socket that hears LLDP on every port of a namespace."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_KIND))
    one.settimeout(0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return one


def _say(one: socket.socket, device: str, name: str) -> None:
    """Send one frame; a port that is down says nothing."""
    try:
        one.sendto(frame(device, name, bytes.fromhex("020000000001")), (name, _KIND))
    except OSError:
        return


def _listen(one: socket.socket, device: str, found: dict[Port, Port]) -> None:
    """Take what has come, but not what the device itself has sent."""
    while True:
        try:
            data, address = one.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError:
            continue
        peer = heard(data)
        if peer is not None and address[2] != socket.PACKET_OUTGOING and peer[0] != device:
            found[device, address[0]] = peer


def planned(sample: Sample) -> dict[Port, Port]:
    """Give what each port should meet, by the plan's cables."""
    interfaces = {(one.switch.name, port.name): port.interface for one in sample.switches for port in one.ports}
    found: dict[Port, Port] = {}
    for one in sample.switches:
        for port in one.fabric:
            found[one.switch.name, port.interface] = (port.peer, interfaces[port.peer, port.peer_port])
    for end in sample.endpoints:
        found[end.host, end.interface] = (end.leaf, end.leaf_interface)
        found[end.leaf, end.leaf_interface] = (end.host, end.interface)
    return found


def miswires(sample: Sample, prefix: str) -> list[Miswire]:
    """Find every port that does not meet what the plan says."""
    wanted = planned(sample)
    ports: dict[str, list[str]] = {}
    for device, interface in wanted:
        ports.setdefault(device, []).append(interface)
    seen = neighbours(prefix, ports)
    return [Miswire(port, peer, seen.get(port)) for port, peer in sorted(wanted.items()) if seen.get(port) != peer]

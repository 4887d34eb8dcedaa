"""Discovery of the neighbour at every port by LLDP, and comparison with the plan.

Every device sends one LLDP frame (IEEE 802.1AB: chassis, port, time to live) out of each of its ports, to an
address that no bridge forwards. What a port hears is what it is cabled to.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Mapping

from sovereign_ai.fabric_twin.namespace import within
from sovereign_ai.fabric_twin.sample import Sample
from sovereign_ai.frozen_dataclass import frozen_dataclass

_KIND = 0x88CC
_NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
_SOURCE = bytes.fromhex("020000000001")
_CHASSIS, _PORT, _LIFE, _END = 1, 2, 3, 0
# Subtypes: a locally assigned chassis identifier, and a port identifier that is an interface's name.
_LOCAL, _INTERFACE_NAME = 7, 5
_HEADER_BYTES = 14
"""Bytes of an Ethernet header: two addresses and the type."""
_TWO_MINUTES = b"\0\x78"
Port = tuple[str, str]
"""Device and interface."""


@frozen_dataclass
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
        """Return it in words."""
        seen = "hears nobody" if self.seen is None else f"meets {' '.join(self.seen)}"
        return f"{' '.join(self.port)} should meet {' '.join(self.planned)} and {seen}"


def frame(device: str, interface: str, source: bytes) -> bytes:
    """Return one LLDP frame.

    >>> parse_frame(frame("leaf-1", "swp1", bytes(6)))
    ('leaf-1', 'swp1')
    """
    fields = (
        (_CHASSIS, bytes([_LOCAL]) + device.encode()),
        (_PORT, bytes([_INTERFACE_NAME]) + interface.encode()),
        (_LIFE, _TWO_MINUTES),
        (_END, b""),
    )
    body = b""
    for kind, value in fields:
        # The head of a field: seven bits of type, nine of length.
        body += struct.pack("!H", kind << 9 | len(value)) + value
    return _NEAREST_BRIDGE + source + struct.pack("!H", _KIND) + body


def parse_frame(data: bytes) -> Port | None:
    """Return the device and interface of a frame; None if it is no whole LLDP frame of that sort."""
    texts: dict[int, str] = {}
    at = _HEADER_BYTES
    while at + 2 <= len(data):
        (head,) = struct.unpack_from("!H", data, at)
        kind, length = head >> 9, head & 511
        if kind == _END:
            break
        # The byte after the head is the subtype.
        value = data[at + 3 : at + 2 + length]
        texts[kind] = value.decode(errors="replace")
        at += 2 + length
    if _CHASSIS not in texts or _PORT not in texts:
        return None
    return texts[_CHASSIS], texts[_PORT]


def neighbours(prefix: str, ports: Mapping[str, list[str]], seconds: float = 3.0) -> dict[Port, Port]:
    """Let every device send once on each port, and return what each port hears.

    Args:
        prefix: the twin's prefix.
        ports: device to its interfaces.
        seconds: how long to listen at most; it ends once every port has heard somebody.
    """
    sockets = {device: within(prefix + device, _open) for device in ports}
    total = 0
    for names in ports.values():
        total += len(names)
    seen: dict[Port, Port] = {}
    try:
        with selectors.DefaultSelector() as selector:
            for device, receiver in sockets.items():
                selector.register(receiver, selectors.EVENT_READ, device)
            for device, names in ports.items():
                for name in names:
                    _send(sockets[device], device, name)
            until = time.monotonic() + seconds
            while time.monotonic() < until and len(seen) < total:
                for key, _ in selector.select(0.1):
                    _receive(sockets[key.data], key.data, seen)
    finally:
        for receiver in sockets.values():
            receiver.close()
    return seen


def _open() -> socket.socket:
    """Open a socket that hears LLDP on every port of a namespace."""
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_KIND))
    receiver.settimeout(0)
    # A frame from every port of a large switch comes within milliseconds, before any is read.
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return receiver


def _send(sender: socket.socket, device: str, name: str) -> None:
    """Send one frame; a port that is down sends none."""
    try:
        sender.sendto(frame(device, name, _SOURCE), (name, _KIND))
    except OSError:
        return


def _receive(receiver: socket.socket, device: str, seen: dict[Port, Port]) -> None:
    """Read all frames that have come, but not those that the device itself has sent."""
    while True:
        try:
            data, address = receiver.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError:
            continue
        peer = parse_frame(data)
        # A packet socket sees outgoing frames too.
        if peer is not None and address[2] != socket.PACKET_OUTGOING and peer[0] != device:
            seen[device, address[0]] = peer


def planned(sample: Sample) -> dict[Port, Port]:
    """Return what each port should meet, by the plan's cables."""
    interfaces: dict[Port, str] = {}
    for switch in sample.switches:
        for port in switch.ports:
            interfaces[switch.switch.name, port.name] = port.interface
    peers: dict[Port, Port] = {}
    for switch in sample.switches:
        for port in switch.fabric:
            peers[switch.switch.name, port.interface] = (port.peer, interfaces[port.peer, port.peer_port])
    for end in sample.endpoints:
        peers[end.host, end.interface] = (end.leaf, end.leaf_interface)
        peers[end.leaf, end.leaf_interface] = (end.host, end.interface)
    return peers


def miswires(sample: Sample, prefix: str) -> list[Miswire]:
    """Return every port that does not meet what the plan says."""
    wanted = planned(sample)
    ports: dict[str, list[str]] = {}
    for device, interface in wanted:
        ports.setdefault(device, []).append(interface)
    seen = neighbours(prefix, ports)
    wrong = []
    for port, peer in sorted(wanted.items()):
        if seen.get(port) != peer:
            wrong.append(Miswire(port, peer, seen.get(port)))
    return wrong

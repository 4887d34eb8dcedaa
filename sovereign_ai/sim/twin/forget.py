"""Neighbours taken out of hosts' tables one by one, over netlink (RFC 3549): a program for each host and time would take seconds.

The kernel keeps 1,024 neighbours for all namespaces together, also those that do not answer; whoever has asked some hundreds makes room.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress

_DELETE, _REQUEST, _ADDRESS = 29, 1, 1
_HEAD = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ATTRIBUTE = struct.Struct("=HH4s")


def opened(interfaces: Iterable[str]) -> tuple[socket.socket, dict[str, int]]:
    """Open a host's netlink socket, in the caller's namespace, and give it with the number of each of some interfaces."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE), {one: socket.if_nametoindex(one) for one in interfaces}


def message(index: int, ip: str) -> bytes:
    """Give the request that takes one IPv4 neighbour out of an interface's table.

    >>> message(3, "10.0.0.1").hex()[8:16], len(message(3, "10.0.0.1"))
    ('1d000100', 36)
    """
    body = _NEIGHBOUR.pack(socket.AF_INET, 0, 0, index, 0, 0, 0) + _ATTRIBUTE.pack(_ATTRIBUTE.size, _ADDRESS, socket.inet_aton(ip))
    return _HEAD.pack(_HEAD.size + len(body), _DELETE, _REQUEST, 0, 0) + body


def forget(links: Mapping[str, tuple[socket.socket, Mapping[str, int]]], known: Iterable[tuple[str, str, str]]) -> None:
    """Take neighbours out of tables; one that is not there is no error.

    Args:
        links: host to its socket and the numbers of its interfaces.
        known: host, interface and the neighbour's address.
    """
    for host, interface, ip in known:
        one, numbers = links[host]
        one.send(message(numbers[interface], ip))
        with suppress(BlockingIOError):  # the kernel answers errors alone, such as of one that is not there, and at once
            one.recv(4096, socket.MSG_DONTWAIT)

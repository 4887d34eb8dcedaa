"""Removal of single neighbours from hosts' tables over netlink (RFC 3549).

The kernel keeps 1,024 neighbours for all namespaces together, those that do not answer included, so whoever
pings some hundreds of hosts must make room. A process of `ip` for each host and time would take seconds.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress

# RTM_DELNEIGH, NLM_F_REQUEST and NDA_DST of <linux/rtnetlink.h>, <linux/netlink.h> and <linux/neighbour.h>.
_DELETE, _REQUEST, _ADDRESS = 29, 1, 1
# The native layouts of `struct nlmsghdr`, `struct ndmsg`, and `struct rtattr` with an IPv4 address.
_HEAD = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ATTRIBUTE = struct.Struct("=HH4s")


def opened(interfaces: Iterable[str]) -> tuple[socket.socket, dict[str, int]]:
    """Open a netlink socket in the caller's namespace.

    Returns:
        The socket, and the index of each of the interfaces.
    """
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    indices = {name: socket.if_nametoindex(name) for name in interfaces}
    return link, indices


def message(index: int, ip: str) -> bytes:
    """Return the request that removes one IPv4 neighbour from an interface's table.

    >>> message(3, "10.0.0.1").hex()[8:16], len(message(3, "10.0.0.1"))
    ('1d000100', 36)
    """
    neighbour = _NEIGHBOUR.pack(socket.AF_INET, 0, 0, index, 0, 0, 0)
    address = _ATTRIBUTE.pack(_ATTRIBUTE.size, _ADDRESS, socket.inet_aton(ip))
    body = neighbour + address
    head = _HEAD.pack(_HEAD.size + len(body), _DELETE, _REQUEST, 0, 0)
    return head + body


def forget(
    links: Mapping[str, tuple[socket.socket, Mapping[str, int]]], known: Iterable[tuple[str, str, str]]
) -> None:
    """Remove neighbours from tables; one that is not there is no error.

    Args:
        links: host to its socket and the indices of its interfaces.
        known: host, interface and the neighbour's address.
    """
    for host, interface, ip in known:
        link, indices = links[host]
        link.send(message(indices[interface], ip))
        # Without NLM_F_ACK the kernel replies to failures only, such as a neighbour that is not there, and at
        # once. The reply is read, for it would fill the socket's buffer.
        with suppress(BlockingIOError):
            link.recv(4096, socket.MSG_DONTWAIT)

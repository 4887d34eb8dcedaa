"""Requests that remove neighbours, and the order in which replies are read."""

from __future__ import annotations

import socket
import struct

from sovereign_ai.fabric_twin.neighbour_flush import forget, message, opened


class Link:
    """A netlink socket that notes what is sent, and has an error to read after each request or none."""

    def __init__(self, *, fails: bool) -> None:
        self.sent: list[bytes] = []
        self.read = 0
        self.fails = fails

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def recv(self, _size: int, flags: int) -> bytes:
        assert flags == socket.MSG_DONTWAIT
        if not self.fails:
            raise BlockingIOError
        self.read += 1
        return b"error"


def test_a_request_states_its_own_length_and_its_neighbour() -> None:
    data = message(7, "10.64.0.66")
    length, kind, flags = struct.unpack_from("=IHH", data)
    assert (length, kind, flags) == (len(data), 29, 1)
    assert struct.unpack_from("=i", data, 20) == (7,)
    assert data.endswith(socket.inet_aton("10.64.0.66"))


def test_each_neighbour_is_removed_on_its_own_host_and_interface() -> None:
    sound, failing = Link(fails=False), Link(fails=True)
    links = {"a": (sound, {"compute0": 3}), "b": (failing, {"compute1": 4})}
    forget(links, [("a", "compute0", "10.0.0.1"), ("b", "compute1", "10.0.0.2")])  # type: ignore[arg-type]
    assert sound.sent == [message(3, "10.0.0.1")]
    assert failing.sent == [message(4, "10.0.0.2")]
    assert failing.read == 1


def test_a_host_s_socket_comes_with_the_index_of_each_interface() -> None:
    link, indices = opened(["lo"])
    link.close()
    assert indices == {"lo": socket.if_nametoindex("lo")}

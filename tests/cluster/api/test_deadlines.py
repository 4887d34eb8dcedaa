"""Sockets that keep to the clock of their request."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import time
from types import SimpleNamespace

import pytest

from sovereign_ai.cluster.api import deadlines
from sovereign_ai.cluster.api.deadlines import BoundedSocket, Clock, ReadVerdict, timed

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a reset."""


def test_a_connection_that_is_reset_before_the_handshake_leaves_no_socket_open() -> None:
    context = ssl.create_default_context()
    context.sslsocket_class = BoundedSocket
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _address = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        peer.close()
        time.sleep(0.05)  # the reset has to arrive
        with pytest.raises(ConnectionResetError):
            context.wrap_socket(client, server_hostname="127.0.0.1")
    # A socket that is still open warns when it is collected, and warnings are errors here.
    gc.collect()


def test_an_answer_that_comes_byte_by_byte_is_ended_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No read of it ever times out, so that only the clock can end it."""
    now = [0.0]

    def one_byte(*_arguments: object) -> int:
        now[0] += 0.001
        return 1

    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(ssl.SSLSocket, "recv_into", one_byte)
    context = ssl.create_default_context()
    context.sslsocket_class = BoundedSocket
    left, right = socket.socketpair()
    clock = Clock(0.0, 2.0, 60.0, lambda: True, is_repeatable=True)
    client = context.wrap_socket(left, do_handshake_on_connect=False, server_hostname="h")
    with right, client, timed(clock), pytest.raises(TimeoutError):
        sum(client.recv_into(bytearray(1)) for _ in range(10_000))
    assert clock.verdict is ReadVerdict.SLOW
    assert now[0] < 2.5, "bytes at a useless rate hardly extend it"

"""Sockets that keep to the clock of their request."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import time

import pytest

from sovereign_ai.cluster.api.deadlines import BoundedSocket

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

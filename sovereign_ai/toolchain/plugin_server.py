"""Serve one Pulumi plugin on loopback: print the port, answer the engine, and end when the engine does.

The engine starts a plugin with its own address as an argument, reads a port from the first line of
output, and holds the other end of standard input: when that closes, the engine is gone.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]

LARGEST_MESSAGE = 400 * 1024 * 1024
"""Bytes of one message, as the SDK allows."""
CHANNEL = [("grpc.max_receive_message_length", LARGEST_MESSAGE), ("grpc.max_send_message_length", LARGEST_MESSAGE)]


def engine_in(arguments: Sequence[str]) -> str:
    """Give the engine's address among a plugin's arguments; empty if there is none."""
    return next((word for word in reversed(arguments) if not word.startswith("-")), "")


def serve(register: Callable[[Any], None], end: Callable[[], None], *, grace: float = 1.0) -> None:
    """Serve on a free loopback port, print it, and stay until the engine goes or asks.

    Args:
        register: adds the service to the server.
        end: called once at the end, before the server stops; ends what calls are still at work on.
        grace: seconds that running calls then have.
    """
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=CHANNEL)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_until_end_of_input, args=(done,), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    done.wait()
    end()
    server.stop(grace=grace).wait()


def _until_end_of_input(done: threading.Event) -> None:
    """Set the event when the engine closes its end."""
    while os.read(0, 4096):
        pass
    done.set()

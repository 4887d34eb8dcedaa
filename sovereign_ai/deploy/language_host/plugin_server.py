"""Serve one Pulumi plugin on loopback: print the port, answer the engine, and end when the engine does.

The engine starts a plugin with its own address as an argument, reads a port from the first line of
output, and holds the other end of standard input: when that closes, the engine is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.deploy.language_host.owner_only import listen

LARGEST_MESSAGE = 400 * 1024 * 1024
"""Bytes of one message, as the SDK allows."""
CHANNEL = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
]


def engine_address(arguments: Sequence[str]) -> str:
    """Return the engine's address among a plugin's arguments; empty if there is none."""
    return next((word for word in reversed(arguments) if not word.startswith("-")), "")


def serve(
    register: Callable[[Any], None],
    end: Callable[[], None],
    *,
    grace: float = 1.0,
    interceptors: Sequence[Any] = (),
) -> None:
    """Serve on a free loopback port, print it, and stay until the engine ends or requests an end.

    Args:
        register: adds the service to the server.
        end: called once at the end, before the server stops; ends the work of running calls.
        grace: seconds that running calls have then.
        interceptors: gRPC interceptors, the outermost first.
    """
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=CHANNEL, interceptors=interceptors)
    register(server)
    port = listen(server.add_insecure_port)
    server.start()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    # Only a pipe is the engine's; a terminal or a file would end at once, or never.
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_until_end_of_input, args=(done.set,), daemon=True).start()
    # The engine waits for this line, and connects only after it.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    done.wait()
    end()
    server.stop(grace=grace).wait()


def serve_async(register: Callable[[Any], None], *, grace: float = 1.0) -> None:
    """Serve methods that are coroutines, all on one event loop; otherwise as `serve` does.

    Args:
        register: adds the service to the server.
        grace: seconds that running calls have at the end.
    """
    asyncio.run(_serve_async(register, grace))


async def _serve_async(register: Callable[[Any], None], grace: float) -> None:
    """Serve on the running loop until the engine ends or requests an end."""
    server = grpc.aio.server(options=CHANNEL)
    register(server)
    port = listen(server.add_insecure_port)
    await server.start()
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        gone = partial(loop.call_soon_threadsafe, done.set)
        threading.Thread(target=_until_end_of_input, args=(gone,), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await done.wait()
    await server.stop(grace)


def _until_end_of_input(gone: Callable[[], object]) -> None:
    """Report when the engine closes its end."""
    while os.read(0, 4096):
        pass
    gone()

"""Listen on loopback in the network namespace of a node's container, from a process on the host.

init = wait_for("lab-control-plane", print, stop)
listening = listen(init, 10270)
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable

from sovereign_ai.cluster.kind.containers import Init, init_of
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.toolchain.container_engine import Docker

_LOOK_SECONDS = 1.0
_BACKLOG = 64
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def wait_for(container: str, say: Callable[[str], object], stop: threading.Event) -> Init | None:
    """Wait until a container runs, and return its first process; None if `stop` is set before.

    Raises:
        EnvironmentLacksError: no container engine answers.
    """
    init = init_of(Docker(), container)
    if init is None:
        say(f"waiting for the container {container}")
    while init is None and not stop.wait(_LOOK_SECONDS):
        init = init_of(Docker(), container)
    return init


def listen(init: Init, port: int) -> socket.socket:
    """Open a listening socket on loopback in a container's network; nothing else of this process enters it.

    Raises:
        OSError: the container has ended, another socket listens there, or this process is not root.
    """
    made: list[socket.socket | OSError] = []

    def enter() -> None:  # a network belongs to a thread, and this one ends with its work
        try:
            network = os.open(f"/proc/{init.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                if _LIBC.setns(network, _CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            finally:
                os.close(network)
            made.append(socket.create_server((LOOPBACK, port), backlog=_BACKLOG))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]

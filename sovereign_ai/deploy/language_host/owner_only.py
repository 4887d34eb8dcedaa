"""Serve a loopback port to processes of this process's own account only.

A port on 127.0.0.1 is open to every account of the machine, and Pulumi's plugin protocol has neither
credentials nor Unix sockets: a plugin prints a port number, and the engine calls it. So the gRPC server
listens on a Unix socket whose name is removed at once, and this module accepts on the port in its place.
Before a byte is read, the kernel's socket tables (`/proc/self/net/tcp` and `tcp6`) name the account that
opened the other end. A connection is passed on only where that is the account of this process; every doubt
ends it: no entry, two entries that differ, a state other than ESTABLISHED, an account that cannot be named
apart from unmapped ones.

Only the standard library is imported, since interpreters that lack this package load the file by its path.

    protect(grpc)                            # every server made from here on, also by the Pulumi SDK
    port = listen(server.add_insecure_port)  # or a single one
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import os
import secrets
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple  # noqa: UP035 - an older interpreter may load this file

LOOPBACK = "127.0.0.1"
_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_ESTABLISHED = 1
"""TCP_ESTABLISHED in the kernel's include/net/tcp_states.h. A socket in TIME_WAIT (6) is listed as root's."""
_LOOKS = 5
"""Reads of the tables before an entry counts as missing: one can be skipped while its neighbours change."""
_LOOK_AGAIN_SECONDS = 0.01
_ACCEPT_AGAIN_SECONDS = 0.1
"""Pause after a failed accept, as when there are no file descriptors left."""
_BACKLOG = 128
_CHUNK = 1 << 18


class FileEntry(NamedTuple):
    """What the kernel lists of a TCP socket.

    Attributes:
        state: its state in the kernel's numbers.
        uid: account that made it; 0 where the kernel knows none.
        inode: its number; 0 where no process holds it.
    """

    state: int
    uid: int
    inode: int


def entries(
    local: tuple[str, int], remote: tuple[str, int], tables: tuple[Path, ...] = _TABLES
) -> list[FileEntry]:
    """Return every socket of this network namespace with these two ends, IPv4 and IPv4-mapped alike.

    Raises:
        OSError: a table cannot be read.
        ValueError: a table has another layout.
    """
    wanted = (_plain(local), _plain(remote))
    matching = []
    for table in tables:
        if table.name == "tcp6" and not table.exists():
            continue  # the kernel has no IPv6
        with table.open(encoding="ascii") as lines:
            next(lines)
            for line in lines:
                fields = line.split()
                # The port alone sorts out nearly every line, at a small part of the cost of a whole address.
                if int(fields[1].rpartition(":")[2], 16) != local[1]:
                    continue
                if (_address(fields[1]), _address(fields[2])) == wanted:
                    matching.append(FileEntry(int(fields[3], 16), int(fields[7]), int(fields[9])))
    return matching


def _plain(end: tuple[str, int]) -> tuple[str, int]:
    """Return an end with its address in one form; an IPv4-mapped address is the IPv4 address."""
    address = ipaddress.ip_address(end[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), end[1]


def _address(field: str) -> tuple[str, int]:
    """Read `0100007F:1F90`: 32-bit words in the machine's byte order, in hexadecimal."""
    words, _, port = field.rpartition(":")
    numbers = [int(words[at : at + 8], 16) for at in range(0, len(words), 8)]
    packed = struct.pack(f"={len(numbers)}I", *numbers)
    return _plain((str(ipaddress.ip_address(packed)), int(port, 16)))


def own_account() -> int | None:
    """Return this process's effective uid.

    None if the kernel lists accounts that it cannot name under the same number.
    """
    uid = os.geteuid()
    try:
        unnamed = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
        # In the first user namespace every account has a number of its own, the overflow uid included.
        maps_all_ids = Path("/proc/self/uid_map").read_text(encoding="ascii").split() == [
            "0",
            "0",
            "4294967295",
        ]
    except (OSError, ValueError):
        return None
    return uid if uid != unnamed or maps_all_ids else None


def is_own(connection: socket.socket, tables: tuple[Path, ...] = _TABLES) -> bool:
    """Return whether the other end of an accepted connection was opened by this process's own account."""
    own = own_account()
    if own is None:
        return False
    try:
        here, there = connection.getsockname()[:2], connection.getpeername()[:2]
        listed: list[FileEntry] = []
        for look in range(_LOOKS):
            if look:
                time.sleep(_LOOK_AGAIN_SECONDS)  # noqa: TID251 - the number of looks is the limit
            if listed := entries(there, here, tables):
                break
        # Only a connection that is still established has kept its two ends to itself until now. After a reset
        # another account's socket can have the same ends, and the table may have shown that one.
        still = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except (OSError, ValueError, IndexError, StopIteration):
        return False
    theirs = [entry.state == _ESTABLISHED and entry.uid == own and entry.inode != 0 for entry in listed]
    return bool(theirs) and all(theirs) and still == _ESTABLISHED


def listen(
    add_port: Callable[[str], int], port: int = 0, check: Callable[[socket.socket], bool] = is_own
) -> int:
    """Let a gRPC server listen on a port of 127.0.0.1 for this account alone, and return the port.

    Args:
        add_port: the server's `add_insecure_port`, which gets the address of a Unix socket.
        port: the port; 0 for any.
        check: decides about an accepted connection.

    Raises:
        OSError: the port or the socket cannot be listened on.
    """
    behind = _behind(add_port)
    listener = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    threading.Thread(target=_accept, args=(listener, behind, check), daemon=True).start()
    return int(listener.getsockname()[1])


def protect(grpc: Any) -> None:
    """Let every gRPC server that is made from now on serve its loopback ports to this account alone."""
    for module in (grpc, getattr(grpc, "aio", None)):
        if module is not None and not hasattr(module.server, "owner_only"):
            module.server = _protected(module.server)


def _protected(make: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function that makes servers."""

    @functools.wraps(make)
    def made(*args: Any, **options: Any) -> Any:
        server = make(*args, **options)
        plain = server.add_insecure_port

        def add_insecure_port(address: str) -> int:
            port = _loopback_port(address)
            return int(plain(address)) if port is None else listen(plain, port)

        server.add_insecure_port = add_insecure_port
        return server

    made.owner_only = True  # type: ignore[attr-defined]
    return made


def _loopback_port(address: str | bytes) -> int | None:
    """Return the port of an address on this machine's loopback; None for any other address."""
    text = address.decode() if isinstance(address, bytes) else address
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        return int(port) if is_loopback else None
    except ValueError:
        return None  # a Unix socket, a name, or no port at all


def _behind(add_port: Callable[[str], int]) -> int:
    """Let the server listen on a Unix socket and remove its name.

    Return a descriptor by which to connect to it.
    """
    # gRPC removes the path once more when it stops, and by then the descriptor in it may mean another folder.
    name = secrets.token_hex(8)
    folder = tempfile.mkdtemp(prefix="owner-only-")  # of mode 0700
    try:
        # The path is short, however deep the folder lies: a socket's address has at most 107 bytes (unix(7)).
        at = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            add_port(f"unix:/proc/self/fd/{at}/{name}")
            return os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=at)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=at)
            os.close(at)
    finally:
        Path(folder).rmdir()


def _accept(listener: socket.socket, behind: int, check: Callable[[socket.socket], bool]) -> None:
    """Accept for ever; pass on what is this account's, and reset the rest."""
    is_logged = False
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            time.sleep(_ACCEPT_AGAIN_SECONDS)  # noqa: TID251 - a pause after an error, not a wait
            continue
        if check(connection):
            try:
                _pass_on(connection, behind)
            except (
                OSError,
                RuntimeError,
            ) as error:  # no descriptor or no thread is left, or the server has stopped
                connection.close()
                _log(f"dropped a connection: {error}")
            continue
        with contextlib.suppress(
            OSError
        ):  # a reset leaves nothing behind, whereas a close would go through TIME_WAIT
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        if not is_logged:  # whoever is refused must not be able to fill the log
            is_logged = True
            _log("refused a connection from another account of this machine; further ones are not logged")


def _pass_on(connection: socket.socket, behind: int) -> None:
    """Join a connection with a new one to the server behind."""
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"/proc/self/fd/{behind}")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _Joint(connection, server).start()
    except BaseException:
        server.close()
        raise


class _Joint:
    """Two sockets, each of which gets what the other one sends."""

    def __init__(self, first: socket.socket, second: socket.socket) -> None:
        self._ends = (first, second)
        self._guard = threading.Lock()
        self._running = 2

    def start(self) -> None:
        """Copy both ways, each in a thread, until both have ended."""
        for source, sink in (self._ends, self._ends[::-1]):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Copy until the source ends, and let the sink know.

        Where a socket fails, end the other way as well.
        """
        try:
            while data := source.recv(_CHUNK):
                sink.sendall(data)
            self._shutdown((sink, socket.SHUT_WR))
        except OSError:
            self._shutdown((source, socket.SHUT_RDWR), (sink, socket.SHUT_RDWR))
        with self._guard:
            self._running -= 1
            if not self._running:
                for end in self._ends:
                    end.close()

    @staticmethod
    def _shutdown(*ways: tuple[socket.socket, int]) -> None:
        """Shut sockets down that may be so already."""
        for end, how in ways:
            with contextlib.suppress(OSError):
                end.shutdown(how)


def _log(line: str) -> None:
    """Write a line where the engine shows it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")

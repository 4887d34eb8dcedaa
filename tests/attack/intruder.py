"""What another account tries: it reaches for listeners, Unix sockets, files and processes, and reports what
it got.

Run by the account itself, from a text on the command line, since it may be unable to read this file: the
standard library alone, the task as JSON on standard input, the report as JSON on standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_SECONDS = 1.5
_AT_ONCE = 24
_PATHS = (
    "/",
    "/healthz",
    "/readyz",
    "/livez",
    "/version",
    "/metrics",
    "/configz",
    "/debug/pprof/",
    "/api/v1/secrets",
    "/answer",
    "/logs",
)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MOST_BYTES = 1 << 22


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write an HTTP/2 frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def grpc_call(path: str, message: bytes) -> bytes:
    """Write a whole gRPC call: settings, headers as literals of HPACK, one message."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "127.0.0.1",
        "te": "trailers",
    }
    headers["content-type"] = "application/grpc"
    block = b"".join(
        b"\0" + b"".join(bytes((len(text),)) + text.encode() for text in pair) for pair in headers.items()
    )
    data = b"\0" + struct.pack(">I", len(message)) + message
    return _PREFACE + _frame(4, 0, 0, b"") + _frame(1, 4, 1, block) + _frame(0, 1, 1, data)


def _talk(
    port: int,
    said: bytes,
    family: int = socket.AF_INET,
    host: str = "127.0.0.1",
    *,
    patience: float = _SECONDS,
    held: float = _SECONDS,
) -> str:
    """Say something, and give what came back as text; empty if nothing did.

    The first answer is waited for with patience; after one, the connection is held for seconds of silence.
    """
    heard = b""
    try:
        with socket.socket(family) as connection:
            connection.settimeout(patience)
            connection.connect((host, port))
            connection.sendall(said)
            while len(heard) < 4096 and (piece := connection.recv(4096)):
                heard += piece
                connection.settimeout(held)
    except OSError:
        pass
    return heard.decode("latin-1")


def _statuses(port: int) -> dict[str, int]:
    """Ask for paths over TLS without a certificate.

    Path to status, nothing where there is no answer at all.
    """
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    found = {}
    for path in _PATHS:
        with (
            contextlib.suppress(OSError, ValueError, IndexError),
            socket.create_connection(("127.0.0.1", port), _SECONDS) as plain,
            tls.wrap_socket(plain) as connection,
        ):
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            found[path] = int(connection.recv(4096).split()[1])
    return found


def listeners(
    ports: list[int], calls: list[tuple[str, str]], patience: float = _SECONDS, held: float = _SECONDS
) -> dict[str, Any]:
    """Try every port: in clear, as HTTP/2 with each call, by the IPv4-mapped address, and over TLS without a
    certificate.

    A program that a call starts ends when the call does: `held` keeps it open for some seconds of silence.
    """
    said = {path: grpc_call(path, bytes.fromhex(message)) for path, message in calls}
    said["GET"] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    settings = _PREFACE + _frame(4, 0, 0, b"")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        in_clear = {
            (port, how): pool.submit(_talk, port, text, patience=patience, held=held)
            for port in ports
            for how, text in said.items()
        }
        for port in ports:
            in_clear[port, "mapped"] = pool.submit(
                _talk, port, settings, socket.AF_INET6, "::ffff:127.0.0.1", patience=patience
            )
        over_tls = {port: pool.submit(_statuses, port) for port in ports}
    found: dict[str, Any] = {str(port): {"clear": {}, "tls": over_tls[port].result()} for port in ports}
    for (port, how), heard in in_clear.items():
        if heard.result():
            found[str(port)]["clear"][how] = heard.result()
    return found


def sockets(paths: list[str]) -> list[str]:
    """Give the Unix sockets that can be connected to; a path that begins with @ is an abstract one."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect("\0" + path[1:] if path.startswith("@") else path)
            found.append(path)
    return found


def files(roots: list[str], sought: list[str]) -> dict[str, list[str]]:
    """Walk folders; give what can be read, what can be written, and what holds a text that is sought."""
    found: dict[str, list[str]] = {"listed": [], "read": [], "written": [], "holding": []}
    texts = [text.encode() for text in sought]
    todo = [Path(root) for root in roots]
    while todo:
        path = todo.pop()
        if path.is_symlink():
            continue
        try:
            is_folder = path.is_dir()
        except OSError:
            continue
        if is_folder:
            with contextlib.suppress(OSError):
                todo += list(path.iterdir())
                found["listed"].append(str(path))
            with contextlib.suppress(OSError):
                (path / "left-by-another").touch(exist_ok=False)
                found["written"].append(str(path))
                (path / "left-by-another").unlink()
            continue
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            found["written"].append(str(path))
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(_MOST_BYTES)
            found["read"].append(str(path))
            found["holding"] += [str(path)] * any(text in data for text in texts)
    return found


def processes(pids: list[int], sought: list[str]) -> dict[str, list[str]]:
    """Look into processes; give what shows a text that is sought, and what ought to be closed and is not."""
    found: dict[str, list[str]] = {"holding": [], "open": []}
    texts = [text.encode() for text in sought]
    for pid in pids:
        for name in (
            "cmdline",
            "comm",
            "status",
            "environ",
            "mem",
            "maps",
            "auxv",
            "stack",
            "io",
            "fd",
            "cwd",
            "root",
        ):
            path = Path("/proc", str(pid), name)
            is_private = name not in {"cmdline", "comm", "status"}
            try:
                if name in {"fd", "cwd", "root"}:
                    data = str(list(path.iterdir())).encode()
                elif name == "mem":
                    with path.open("rb") as file:
                        data = file.read(0)
                else:
                    data = path.read_bytes()
            except OSError:
                continue
            found["open"] += [str(path)] * is_private
            found["holding"] += [str(path)] * any(text in data for text in texts)
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            found["open"].append(f"kill {pid}")
    return found


if __name__ == "__main__":
    tried = {"listeners": listeners, "sockets": sockets, "files": files, "processes": processes}
    task = json.load(sys.stdin)
    json.dump({name: tried[name](**arguments) for name, arguments in task.items()}, sys.stdout)

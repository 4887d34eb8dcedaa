"""A proxy in front of a real API server that breaks what it is told to break, and nothing else.

It ends TLS on loopback under an authority of its own, and speaks to the server with the administrator's
certificate. Clients come through a kubeconfig that is rewritten to the proxy. A fault says which requests it
meets, by method, path and number, so that a failure is made again by the same list of faults.

    with FaultProxy(kubeconfig, folder) as proxy:
        proxy.arm(Fault("status", status=503, retry_after="1", first=3))
        ...
        assert proxy.met
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import orjson
import yaml

from sovereign_ai.cluster.pki import Leaf, authority, sign
from sovereign_ai.cluster.tls import load_pair

Kind = Literal[
    "status",  # answer `status` with a Status object
    "latency",  # wait `seconds`, then forward
    "reset-before",  # reset the connection, nothing forwarded
    "lost-reply",  # forward, then reset in place of the reply
    "half-close",  # end our side of the connection without a reply, and keep the other open
    "silent",  # take the request and never answer
    "trickle",  # forward, and send the reply a byte each `seconds`
    "truncated",  # forward, and cut the reply in its middle
    "garbled",  # forward, and replace the reply's body by `body`
    "cut-watch",  # forward, and end a stream after its first piece
]
Connecting = Literal["tls-alert", "no-handshake", "hang-up"]
"""Faults of a connection: an alert in place of the handshake, no handshake at all, an end at once."""
_NOT_FORWARDED = frozenset({"status", "reset-before", "half-close", "silent"})
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "trailer"}
)
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_MESSAGES = {
    401: "Unauthorized",
    403: 'things is forbidden: User "jane" cannot do this to resource "things" in API group "" at the cluster scope',  # noqa: E501 - one literal text
    429: "Too many requests, please try again later.",
    500: "Internal error occurred: etcdserver: request timed out",
    503: "the server is currently unable to handle the request",
    504: "Timeout: request did not complete within the allotted timeout",
}
TOKEN = "not-a-secret"  # noqa: S105 - it opens nothing
"""What clients present; no message may ever show it."""
_ALERT = bytes([21, 3, 3, 0, 2, 2, 80])
"""A fatal internal_error alert (RFC 8446, section 6)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks.

    Attributes:
        kind: how.
        method: regular expression that the whole method matches.
        path: regular expression that is searched in the path with its query.
        first: the number of the first request that it meets, among those that match, from one.
        times: how many it meets from there on; None for all until it is disarmed.
        status: the HTTP status of `status`.
        retry_after: the header that goes with it; empty for none.
        message: the message of the Status object; empty for the usual one.
        seconds: how long `latency` waits, or between two bytes of `trickle`.
        body: what `garbled` answers.
        content_type: how `garbled` calls it.
    """

    kind: Kind
    method: str = ".*"
    path: str = ""
    first: int = 1
    times: int | None = 1
    status: int = 500
    retry_after: str = ""
    message: str = ""
    seconds: float = 0.5
    body: bytes = b"<html>sign in</html>"
    content_type: str = "text/html"

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those that are counted."""
        return re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None

    def holds(self, number: int) -> bool:
        """Tell whether it meets the request of this number."""
        return number >= self.first and (self.times is None or number < self.first + self.times)


@dataclass(slots=True)
class _Armed:
    """A fault and how many requests it has seen."""

    fault: Fault
    seen: int = 0


@dataclass(slots=True)
class _Head:
    """The head of a request."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(slots=True)
class _Trouble:
    """What is armed for connections."""

    kind: Connecting
    times: int | None = None


class FaultProxy:
    """Listens on loopback until it is stopped.

    Attributes:
        kubeconfig: leads to the proxy; its user has a token, as on a cluster of a provider's.
        requests: method and path of each request, in the order in which they came.
        met: the request that each fault met.

    Args:
        kubeconfig: the administrator's, of the real server.
        folder: where the proxy keeps its authority and its kubeconfig.
        token: what its clients present; it is not forwarded.
        lifetime: how long its certificate is valid; negative for one that has expired.
    """

    def __init__(
        self, kubeconfig: Path, folder: Path, token: str = TOKEN, lifetime: timedelta = timedelta(days=1)
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._upstream = _Upstream(kubeconfig)
        self._authority = authority(folder, "proxy-ca")
        self._tls = self._server_context(lifetime)
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._trouble: _Trouble | None = None
        self._due: tuple[int, Callable[[], object]] | None = None
        self._open: set[socket.socket] = set()
        self._freed = threading.Event()
        self._stopped = False
        self.requests: list[tuple[str, str]] = []
        self.met: list[tuple[Fault, str, str]] = []
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        self.kubeconfig = folder / "kubeconfig"
        self._write_kubeconfig(folder, token)

    def _server_context(self, lifetime: timedelta) -> ssl.SSLContext:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.set_alpn_protocols(["http/1.1"])
        pair = sign(self._authority, Leaf("proxy", "proxy", server=True), lifetime)
        load_pair(tls, pair.certificate, pair.key)
        return tls

    def _write_kubeconfig(self, folder: Path, token: str) -> None:
        ca = base64.b64encode((folder / "proxy-ca.crt").read_bytes()).decode()
        server = f"https://127.0.0.1:{self.port}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxied",
            "clusters": [
                {"name": "proxied", "cluster": {"server": server, "certificate-authority-data": ca}}
            ],
            "contexts": [{"name": "proxied", "context": {"cluster": "proxied", "user": "jane"}}],
            "users": [{"name": "jane", "user": {"token": token}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self.kubeconfig.chmod(0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # What a test says.

    def arm(self, *faults: Fault) -> None:
        """Have these faults meet requests from now on, besides those that are armed."""
        with self._lock:
            self._armed += [_Armed(fault) for fault in faults]

    def connections(self, kind: Connecting, times: int | None = None) -> None:
        """Have connections fail before a request can be sent, and end those that are open."""
        with self._lock:
            self._trouble = _Trouble(kind, times)
        self._reset_all()

    def at(self, number: int, act: Callable[[], object]) -> None:
        """Do something once so many requests have come."""
        with self._lock:
            self._due = (number, act)

    def disarm(self) -> None:
        """Break nothing more; what was held back without an answer is dropped."""
        with self._lock:
            self._armed, self._trouble, self._due = [], None, None
        self._freed.set()
        self._freed = threading.Event()

    def forget(self) -> None:
        """Count requests and faults from zero."""
        with self._lock:
            self.requests, self.met = [], []

    def lead_to(self, kubeconfig: Path) -> None:
        """Forward to another server from now on, as if another cluster had taken the address."""
        self._upstream = _Upstream(kubeconfig)
        self._reset_all()

    def close(self) -> None:
        """Refuse connections, as a server does that is not running, and reset those that are open."""
        if self._listener is not None:
            # A blocked accept keeps the socket alive in the kernel: it has to be woken.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._reset_all()

    def open(self) -> None:
        """Listen on the same port as before."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self._stopped = True
        self.close()
        self.disarm()

    # How it does it.

    def _reset_all(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _reset(connection)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _connection_trouble(self) -> Connecting | None:
        with self._lock:
            trouble = self._trouble
            if trouble is None or trouble.times == 0:
                return None
            if trouble.times is not None:
                trouble.times -= 1
            return trouble.kind

    def _serve(self, plain: socket.socket) -> None:
        """Serve one connection until one side ends it."""
        trouble = self._connection_trouble()
        connection: socket.socket = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if trouble is not None:
                self._spoil(plain, trouble)
                return
            connection = self._tls.wrap_socket(plain, server_side=True)
            with self._lock:
                self._open.add(connection)
            with self._upstream.connection() as upstream, connection.makefile("rb") as reader:
                while (head := _read_head(reader)) is not None:
                    if not self._answer(connection, head, upstream):
                        return
        except (OSError, HTTPException, ValueError):
            return
        finally:
            with self._lock:
                self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def _spoil(self, plain: socket.socket, trouble: Connecting) -> None:
        if trouble == "tls-alert":
            plain.recv(4096)
            plain.sendall(_ALERT)
        elif trouble == "no-handshake":
            self._freed.wait(600)
        elif trouble == "hang-up":
            _reset(plain)

    def _fault(self, head: _Head) -> Fault | None:
        """Count a request, and give the first armed fault that meets it."""
        with self._lock:
            self.requests.append((head.method, head.path))
            due = self._due if self._due and len(self.requests) >= self._due[0] else None
            self._due = None if due else self._due
        if due:
            due[1]()
        with self._lock:
            found = None
            for armed in self._armed:
                if not armed.fault.matches(head.method, head.path):
                    continue
                armed.seen += 1
                if found is None and armed.fault.holds(armed.seen):
                    found = armed.fault
            if found is not None:
                self.met.append((found, head.method, head.path))
            return found

    def _answer(self, connection: socket.socket, head: _Head, upstream: HTTPSConnection) -> bool:
        """Answer one request; False where the connection is at its end."""
        fault = self._fault(head)
        if fault is not None and fault.kind in _NOT_FORWARDED:
            return self._unforwarded(connection, fault)
        if fault is not None and fault.kind == "latency":
            time.sleep(fault.seconds)
        answer = _forward(upstream, head)
        if fault is None or fault.kind in {"latency", "cut-watch"}:
            return _relay(connection, answer, pieces=1 if fault and fault.kind == "cut-watch" else None)
        return self._spoilt(connection, fault, answer)

    def _unforwarded(self, connection: socket.socket, fault: Fault) -> bool:
        """Break a request before the server has seen it."""
        if fault.kind == "status":
            connection.sendall(_status_answer(fault))
            return True
        if fault.kind == "reset-before":
            _reset(connection)
        elif fault.kind == "half-close":
            connection.shutdown(socket.SHUT_WR)
            self._freed.wait(30)
        else:
            self._freed.wait(600)
        return False

    def _spoilt(self, connection: socket.socket, fault: Fault, answer: HTTPResponse) -> bool:
        """Break an answer that the server has given."""
        body = answer.read()
        if fault.kind == "garbled":
            headers = [("Content-Type", fault.content_type)] if fault.content_type else []
            connection.sendall(_plain(answer.status, headers, fault.body))
            return True
        whole = _plain(answer.status, answer.getheaders(), body)
        if fault.kind == "lost-reply":
            _reset(connection)
        elif fault.kind == "truncated":
            connection.sendall(whole[: -max(1, len(body) // 2)])
        else:
            self._trickle(connection, whole, fault.seconds)
        return False

    def _trickle(self, connection: socket.socket, whole: bytes, seconds: float) -> None:
        """Send an answer byte by byte."""
        for byte in whole:
            connection.sendall(bytes([byte]))
            if self._freed.wait(seconds) or self._stopped:
                return


@dataclass(slots=True)
class _Upstream:
    """The real server, and the administrator's certificate."""

    kubeconfig: Path
    host: str = field(init=False)
    port: int = field(init=False)
    tls: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        data = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = data["clusters"][0]["cluster"], data["users"][0]["user"]
        address = urlsplit(cluster["server"])
        assert address.hostname is not None
        assert address.port is not None
        self.host, self.port = address.hostname, address.port
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        parts = (base64.b64decode(user[key]) for key in ("client-certificate-data", "client-key-data"))
        load_pair(self.tls, *parts)

    @contextlib.contextmanager
    def connection(self) -> Iterator[HTTPSConnection]:
        made = HTTPSConnection(self.host, self.port, context=self.tls, timeout=120)
        try:
            yield made
        finally:
            made.close()


def _reset(connection: socket.socket) -> None:
    """End a connection so that its other side sees a reset and not an end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError, ValueError):
        # The file that reads from it holds the descriptor open: it is closed below TLS.
        socket.close(connection.detach())


def _read_head(reader: Any) -> _Head | None:
    """Read one request; None at the end of the connection."""
    first = reader.readline(65537).decode("latin-1").split()
    if len(first) < 2:
        return None
    headers: list[tuple[str, str]] = []
    while (line := reader.readline(65537).decode("latin-1").rstrip("\r\n")) != "":
        key, _, value = line.partition(":")
        headers.append((key.strip(), value.strip()))
    head = _Head(first[0], first[1], headers)
    if (length := head.header("content-length")) != "":
        head.body = reader.read(int(length))
    elif "chunked" in head.header("transfer-encoding").lower():
        head.body = b"".join(_chunks(reader))
    return head


def _chunks(reader: Any) -> Iterator[bytes]:
    """Read a body that comes in pieces."""
    for _ in itertools.count():
        size = int(reader.readline().split(b";")[0], 16)
        piece = reader.read(size)
        reader.readline()
        if size == 0:
            return
        yield piece


def _forward(upstream: HTTPSConnection, head: _Head) -> HTTPResponse:
    """Send a request on, in the administrator's name."""
    headers = {
        key: value
        for key, value in head.headers
        if key.lower() not in _HOP_BY_HOP | {"authorization", "host"}
    }
    for attempt in range(2):
        try:
            upstream.request(head.method, head.path, head.body or None, headers)
            return upstream.getresponse()
        except (OSError, HTTPException):
            upstream.close()
            if attempt or head.method == "POST":
                raise
    raise AssertionError  # the second attempt returns or raises


def _relay(connection: socket.socket, answer: HTTPResponse, pieces: int | None = None) -> bool:
    """Send an answer back as it comes; False where it was ended early."""
    if answer.getheader("Transfer-Encoding") != "chunked":
        connection.sendall(_plain(answer.status, answer.getheaders(), answer.read()))
        return True
    connection.sendall(
        _head_of(answer.status, [*_kept(answer.getheaders()), ("Transfer-Encoding", "chunked")])
    )
    for number in itertools.count(1):
        piece = answer.read1(65536)
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        if not piece:
            return True
        if number == pieces:
            return False
    return False


def _kept(headers: Any) -> list[tuple[str, str]]:
    return [(key, value) for key, value in headers if key.lower() not in _HOP_BY_HOP]


def _plain(status: int, headers: Any, body: bytes) -> bytes:
    """Write an answer of known length."""
    return _head_of(status, [*_kept(headers), ("Content-Length", str(len(body)))]) + body


def _head_of(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} Broken", *(f"{key}: {value}" for key, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _status_answer(fault: Fault) -> bytes:
    """Write an answer with a Status object, as an API server does."""
    message = fault.message or _MESSAGES.get(fault.status, f"broken with {fault.status}")
    body: Mapping[str, object] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(fault.status, ""),
        "code": fault.status,
    }
    headers = [("Content-Type", "application/json")]
    if fault.retry_after:
        headers.append(("Retry-After", fault.retry_after))
    return _plain(fault.status, headers, orjson.dumps(body))

"""The operator as a listener: TLS on loopback, for the API server's questions and the supervisor's health check.

Who calls must show a certificate of the cluster's authority, and must be one of these two. Each question is
written to the log with its answer, and nothing else of it.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import orjson

from sovereign_ai.cluster.identities import AUTHORIZATION, CLUSTER_CA, SUPERVISOR
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.process import socket_address
from sovereign_ai.cluster.state import Place
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.records import records

_SECONDS = 5.0
_MOST_BYTES = 1 << 20
_CALLERS = {"/answer": f"sovereign-ai:{AUTHORIZATION.removesuffix('-client')}", "/healthz": f"sovereign-ai:{SUPERVISOR}"}
"""Path to the common name that may call it."""

Clock = Callable[[], datetime]


class Service(ThreadingHTTPServer):
    """Answers on one port of loopback until it is shut down."""

    daemon_threads = True

    def __init__(self, where: Place, port: int, clock: Clock, say: Callable[[str], object], listening: socket.socket | None = None) -> None:
        """Listen.

        Args:
            where: the plane.
            port: on which port of this machine's loopback.
            clock: gives the moment that counts, UTC.
            say: takes a line for the log.
            listening: a socket that listens already, somewhere else; the port is not looked at then.
        """
        self.where, self.clock, self.say = where, clock, say
        self._tls = server_context(where.pki)
        super().__init__((LOOPBACK, port), _Handler, bind_and_activate=listening is None)
        if listening is not None:
            self.socket.close()
            self.socket = listening

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the handshake is the handler's, so that a slow caller keeps nobody waiting."""
        connection, address = super().get_request()
        connection.settimeout(_SECONDS)
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that fails is its caller's business; no traceback is written for it."""


class Life(socketserver.ThreadingUnixStreamServer):
    """Says to its supervisor that the process lives, on a Unix socket, where the service itself listens out of its reach.

    Args:
        path: the socket, in a folder that is the user's alone.
    """

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        """Listen."""
        path.unlink(missing_ok=True)
        with socket_address(path) as address:
            super().__init__(address, _Alive)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has gone already."""


class _Alive(socketserver.BaseRequestHandler):
    """One who asks."""

    def handle(self) -> None:
        """Say it."""
        self.request.sendall(b"alive\n")


def server_context(pki: Path) -> ssl.SSLContext:
    """Give TLS 1.3 that insists on a certificate of the cluster's authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(pki / f"{CLUSTER_CA}.crt")
    tls.load_cert_chain(pki / "operator-server.crt", pki / "operator-server.key")
    return tls


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    def setup(self) -> None:
        """Shake hands first."""
        cast("ssl.SSLSocket", self.request).do_handshake()
        super().setup()

    def do_GET(self) -> None:
        """Say that the operator lives."""
        if self._may("/healthz"):
            self._send(200, b"ok", "text/plain")

    def do_POST(self) -> None:
        """Answer a question."""
        if not self._may("/answer"):
            return
        service = cast("Service", self.server)
        try:
            length = int(self.headers.get("Content-Length") or 0)
            review = orjson.loads(self.rfile.read(length)) if 0 < length <= _MOST_BYTES else None
        except ValueError:
            review = None
        if not isinstance(review, dict):
            self._send(400, b"no review", "text/plain")
            return
        found, _ = records(service.where)
        given = decide(review, found, service.clock())
        service.say(f"honoured {given.honoured}" if given.honoured else f"not honoured: {given.why}")
        self._send(200, orjson.dumps(given.to_review()), "application/json")

    def _may(self, path: str) -> bool:
        """Tell whether this caller may ask for this path; answer if not."""
        certificate = cast("ssl.SSLSocket", self.request).getpeercert() or {}
        names = [
            value
            for part in cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
            for key, value in part
            if key == "commonName"
        ]
        asked = self.path.partition("?")[0].rstrip("/")
        if asked == path and names == [_CALLERS[path]]:
            return True
        self._send(403 if asked in _CALLERS else 404, b"", "text/plain")
        return False

    def _send(self, status: int, body: bytes, kind: str) -> None:
        """Send an answer and end the connection."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Write no line for a request; what was decided is said elsewhere."""

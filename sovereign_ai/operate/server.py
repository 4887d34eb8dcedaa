"""The operator's server: TLS on loopback, for the API server's queries and the supervisor's health check.

A caller must present a certificate of the cluster's authority whose common name is that of the API server's
authorization client or of the supervisor. Each decision is written to the log; the query itself is not.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import orjson

from sovereign_ai.cluster import AUTHORIZATION, CLUSTER_CA, LOOPBACK, SUPERVISOR, ClusterDir, socket_address
from sovereign_ai.errors import UsageError
from sovereign_ai.files import REVIEW, parse_json
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.records import read_records

_SECONDS = 5.0
"""How long a caller may be silent, in the handshake too."""
MOST_CONNECTIONS = 256
"""Connections at the same time; the API server keeps a few open. Each has a thread."""
_CALLERS = {
    "/answer": f"sovereign-ai:{AUTHORIZATION.removesuffix('-client')}",
    "/healthz": f"sovereign-ai:{SUPERVISOR}",
}
"""Path to the common name that may call it."""

Clock = Callable[[], datetime]


class OperatorServer(ThreadingHTTPServer):
    """Answers on one port of loopback until it is shut down.

    Attributes:
        cluster_dir: the control plane's folder.
        clock: returns the current moment, UTC.
        say: called with a line for the log.
    """

    daemon_threads = True

    def __init__(
        self,
        cluster_dir: ClusterDir,
        port: int,
        clock: Clock,
        say: Callable[[str], object],
        listening: socket.socket | None = None,
    ) -> None:
        """Listen.

        Args:
            cluster_dir: the control plane's folder.
            port: the port of this machine's loopback.
            clock: returns the current moment, UTC.
            say: called with a line for the log.
            listening: a socket that listens already, in another network; `port` is ignored then.
        """
        self.cluster_dir, self.clock, self.say = cluster_dir, clock, say
        self._tls = server_context(cluster_dir.pki)
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((LOOPBACK, port), _Handler, bind_and_activate=listening is None)
        if listening is not None:
            # The base class always makes one.
            self.socket.close()
            self.socket = listening

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        connection.settimeout(_SECONDS)
        # The handler does the handshake, in its own thread: here a slow caller would block all others.
        secured = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return secured, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in a thread of its own; close it at once where there are too many."""
        if not self._room.acquire(blocking=False):
            request.close()
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection, and make room for another at its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write no traceback for a connection that fails: that is its caller's problem."""


class LivenessServer(socketserver.ThreadingUnixStreamServer):
    """Shows on a Unix socket that the process lives, where the supervisor cannot reach the service itself."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        """Listen.

        Args:
            path: the socket, in a folder that only the user can enter.
        """
        path.unlink(missing_ok=True)
        with socket_address(path) as address:
            super().__init__(address, _Alive)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write no traceback for a probe that has gone already."""


class _Alive(socketserver.BaseRequestHandler):
    """One probe of the supervisor."""

    timeout_seconds = 5.0

    def handle(self) -> None:
        """Read what the probe sends, then answer it."""
        # A socket that is closed before the probe has written fails the probe with EPIPE, one that is
        # closed with unread bytes with ECONNRESET: both would report a healthy operator as dead.
        self.request.settimeout(self.timeout_seconds)
        if self.request.recv(4096):
            self.request.sendall(b"alive\n")


def server_context(pki: Path) -> ssl.SSLContext:
    """Return TLS 1.3 that requires a certificate of the cluster's authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(pki / f"{CLUSTER_CA}.crt")
    tls.load_cert_chain(pki / "operator-server.crt", pki / "operator-server.key")
    return tls


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    def setup(self) -> None:
        """Do the TLS handshake first."""
        cast("ssl.SSLSocket", self.request).do_handshake()
        super().setup()

    def do_GET(self) -> None:
        """Report that the operator lives."""
        if self._may("/healthz"):
            self._send(200, b"ok", "text/plain")

    def do_POST(self) -> None:
        """Answer a query."""
        if not self._may("/answer"):
            return
        server = cast("OperatorServer", self.server)
        try:
            length = int(self.headers.get("Content-Length") or 0)
            # A longer body is not read at all, and refused as one that cannot be parsed.
            raw = self.rfile.read(length) if 0 < length <= REVIEW.most_bytes else b""
            review = parse_json(raw, "review", REVIEW).data
        except (ValueError, UsageError):
            review = None
        if not isinstance(review, dict):
            self._send(400, b"no review", "text/plain")
            return
        grants, _ = read_records(server.cluster_dir)
        answer = decide(review, grants, server.clock())
        server.say(f"honoured {answer.honoured}" if answer.honoured else f"not honoured: {answer.why}")
        self._send(200, orjson.dumps(answer.to_review()), "application/json")

    def _may(self, path: str) -> bool:
        """Return whether this caller may request this path; refuse it if not."""
        requested = self.path.partition("?")[0].rstrip("/")
        # The list of names is compared whole: a certificate with two of them is nobody's.
        if requested == path and self._common_names() == [_CALLERS[path]]:
            return True
        self._send(403 if requested in _CALLERS else 404, b"", "text/plain")
        return False

    def _common_names(self) -> list[str]:
        """Return the common names in the caller's certificate."""
        certificate = cast("ssl.SSLSocket", self.request).getpeercert() or {}
        subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
        names = []
        for part in subject:
            for key, value in part:
                if key == "commonName":
                    names.append(value)
        return names

    def _send(self, status: int, body: bytes, kind: str) -> None:
        """Send an answer and end the connection."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Write no line for a request: `do_POST` logs the decision."""

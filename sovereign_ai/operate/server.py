"""The operator's server: TLS on loopback, for the API server's queries and the supervisor's health check.

A caller must present a certificate of the cluster's authority whose common name is that of the API server's
authorization client or of the supervisor. Each decision is written to the log; the query itself is not.
"""

from __future__ import annotations

import socket
import socketserver
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import orjson

from sovereign_ai.cluster import (
    AUTHORIZATION,
    CLUSTER_CA,
    SUPERVISOR,
    CertificateHandler,
    CertificateServer,
    ClusterDir,
    server_context,
    socket_address,
)
from sovereign_ai.errors import UsageError
from sovereign_ai.files import REVIEW, parse_json
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.records import listed_approvers, read_records

_CALLERS = {
    "/answer": f"sovereign-ai:{AUTHORIZATION.removesuffix('-client')}",
    "/healthz": f"sovereign-ai:{SUPERVISOR}",
}
"""Path to the common name that may call it."""

Clock = Callable[[], datetime]


class OperatorServer(CertificateServer):
    """Answers on one port of loopback until it is shut down.

    Attributes:
        cluster_dir: the control plane's folder.
        clock: returns the current moment, UTC.
        say: called with a line for the log.
    """

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
        tls = server_context(cluster_dir.pki, CLUSTER_CA, "operator-server")
        super().__init__(port, _Handler, tls, listening)


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


class _Handler(CertificateHandler):
    """One request."""

    callers = _CALLERS

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Report that the operator lives."""
        if self.may("/healthz"):
            self.send(200, b"ok", "text/plain")

    def do_POST(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Answer a query."""
        if not self.may("/answer"):
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
            self.send(400, b"no review", "text/plain")
            return
        grants, _ = read_records(server.cluster_dir)
        listed, _ = listed_approvers(server.cluster_dir)
        answer = decide(review, grants, listed, server.clock())
        server.say(f"honoured {answer.honoured}" if answer.honoured else f"not honoured: {answer.why}")
        self.send(200, orjson.dumps(answer.to_review()), "application/json")

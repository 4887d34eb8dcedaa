"""A server on loopback that answers holders of a certificate alone: TLS 1.3, each path for one caller.

A handler names who may request which of its paths.

    server = CertificateServer(port, Answers, server_context(pki, CLUSTER_CA, "operator-server"))
    server.serve_forever()
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast

from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.tls import load_files
from sovereign_ai.files import CLUSTER, read

SILENT_SECONDS = 5.0
"""How long a caller may be silent, in the handshake too."""
MOST_CONNECTIONS = 256
"""Connections at the same time; callers keep a few open. Each has a thread."""


def server_context(pki: Path, authority: str, server: str) -> ssl.SSLContext:
    """Return TLS 1.3 that requires a certificate of an authority.

    Args:
        pki: the folder of certificates and keys.
        authority: the name of the authority's file.
        server: the name of the listener's own files.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(
        cadata=read(pki / f"{authority}.crt", CLUSTER).decode("ascii", "backslashreplace")
    )
    load_files(tls, pki / f"{server}.crt", pki / f"{server}.key")
    return tls


class CertificateServer(ThreadingHTTPServer):
    """Answers on one port of loopback until it is shut down."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        handler: type[CertificateHandler],
        tls: ssl.SSLContext,
        listening: socket.socket | None = None,
    ) -> None:
        """Listen.

        Args:
            port: the port of this machine's loopback.
            handler: what answers a request.
            tls: which certificates are accepted.
            listening: a socket that listens already, in another network; `port` is ignored then.
        """
        self._tls = tls
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((LOOPBACK, port), handler, bind_and_activate=listening is None)
        if listening is not None:
            # The base class always makes one.
            self.socket.close()
            self.socket = listening

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        connection.settimeout(SILENT_SECONDS)
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


class CertificateHandler(BaseHTTPRequestHandler):
    """One request.

    Attributes:
        callers: path to the common name that may call it.
    """

    callers: ClassVar[Mapping[str, str]] = {}

    def setup(self) -> None:
        """Do the TLS handshake first."""
        cast("ssl.SSLSocket", self.request).do_handshake()
        super().setup()

    @property
    def requested(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0].rstrip("/")

    def may(self, path: str) -> bool:
        """Return whether this caller may request this path; refuse it if not."""
        # The list of names is compared whole: a certificate with two of them is nobody's.
        if self.requested == path and self._common_names() == [self.callers[path]]:
            return True
        self.send(403 if self.requested in self.callers else 404, b"", "text/plain")
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

    def send(self, status: int, body: bytes, kind: str) -> None:
        """Send an answer and end the connection."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Write no line for a request: what is decided is logged, if anything."""

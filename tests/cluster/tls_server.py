"""A real HTTPS server on loopback that answers as a test says, with the certificates of our own PKI."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.state import ClusterDir

Answer = tuple[int, Any]
Handler = Callable[[str, str, Any], Answer]


class Server:
    """Listens until it is stopped; `seen` holds method, path, body and headers of every request."""

    def __init__(self, where: ClusterDir, answer: Handler) -> None:
        self.where = where
        self.seen: list[tuple[str, str, Any, dict[str, str]]] = []
        outer = self

        class Handle(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = orjson.loads(self.rfile.read(length)) if length else None
                headers = {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers}
                outer.seen.append((self.command, self.path, body, headers))
                status, data = answer(self.command, self.path, body)
                raw = data if isinstance(data, bytes) else orjson.dumps(data)
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _any  # noqa: N815 - the base class wants these names

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        where.make()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self._http.daemon_threads = True
        make_identities(where, self._http.server_address[1])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(where.pki / "kube-apiserver.crt", where.pki / "kube-apiserver.key")
        tls.load_verify_locations(where.pki / "cluster-ca.crt")
        tls.verify_mode = ssl.CERT_REQUIRED
        self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

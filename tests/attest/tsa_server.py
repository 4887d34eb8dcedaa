"""A time stamp service on loopback: OpenSSL's `ts`, or any answer."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_CONFIG = """[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/root.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
other_policies = 1.3.6.1.4.1.99999.2
digests = sha256
ess_cert_id_alg = sha256
"""
_EXTENSIONS = (
    "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
)

Answer = Callable[[bytes], tuple[int, str, bytes]]
"""A request's body to status, media type and body."""


class OpensslAuthority:
    """An authority of OpenSSL, with a root, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.certificate = folder / "root.pem", folder / "tsa.pem"
        (folder / "extensions").write_text(_EXTENSIONS)
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        elliptic = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        root = ("-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", "/CN=Example Root")
        usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        self._openssl("req", "-x509", *elliptic, *root, *usage)
        self._openssl("req", *elliptic, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Example Time")
        issuer = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "20")
        self._openssl("x509", "-req", "-in", "tsa.csr", *issuer, "-extfile", "extensions", "-out", "tsa.pem")

    def answer(self, body: bytes) -> tuple[int, str, bytes]:
        """Answer a request."""
        (self.folder / "request").write_bytes(body)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request", "-out", "answer")
        return 200, "application/timestamp-reply", (self.folder / "answer").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


def has_openssl() -> bool:
    """Return whether OpenSSL's program is there."""
    return shutil.which("openssl") is not None


@contextmanager
def service(answer: Answer, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve answers on a port of loopback, and yield the address; with certificate and key, over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, answered = answer(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/stamp"
    finally:
        server.shutdown()
        server.server_close()

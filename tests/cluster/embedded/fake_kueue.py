"""A program in the place of Kueue: it answers webhooks with its settings, and notes who asked for what.

It wants a client certificate, as Kueue's listener does, and permits everything.
"""

from __future__ import annotations

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

OPTIONS = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
CONFIG = Path(OPTIONS["config"])
SETTINGS = json.loads(CONFIG.read_text())["webhook"]
NOTES = CONFIG.parent / "notes.jsonl"


class Answers(BaseHTTPRequestHandler):
    """Answer probes and webhooks, and note both."""

    def _note(self, **more: str) -> None:
        subject = dict(part[0] for part in self.connection.getpeercert()["subject"])
        with NOTES.open("a") as notes:
            notes.write(json.dumps({"user": subject["commonName"], "path": self.path} | more) + "\n")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer a probe."""
        self._note()
        self._send(b"")

    def do_POST(self) -> None:
        """Permit what an admission review asks about."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note(name=review["request"].get("name", ""))
        answer = {"uid": review["request"]["uid"], "allowed": True}
        head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        self._send(json.dumps(head | {"response": answer}).encode())


server = HTTPServer((SETTINGS["host"], SETTINGS["port"]), Answers)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
folder = Path(SETTINGS["certDir"])
tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
tls.load_verify_locations(folder / "ca.crt")
tls.verify_mode = ssl.CERT_REQUIRED
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()

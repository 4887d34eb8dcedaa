"""A machine's controller in memory, after Redfish's schemas: TLS, a password, tags that a write must name,
and the network's services.

It is a small service of our own, since those that are to be had for tests do not take changes of these
resources.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.pki import Leaf, authority, issue

WORD = "operator:correct horse"
Tree = dict[str, dict[str, Any]]


def tree() -> Tree:
    """Give a controller as it comes from a factory: everything open."""
    system, manager = "/redfish/v1/Systems/1", "/redfish/v1/Managers/BMC"
    options = {"Boot0001": "Pxe", "Boot0002": "Hdd", "Boot0003": "Cd"}
    found: Tree = {
        "/redfish/v1/Managers": {"Members": [{"@odata.id": manager}]},
        "/redfish/v1/Systems": {"Members": [{"@odata.id": system}]},
        f"{manager}/NetworkProtocol": {
            "HTTP": {"ProtocolEnabled": True, "Port": 80},
            "HTTPS": {"ProtocolEnabled": True, "Port": 443},
            "IPMI": {"ProtocolEnabled": True, "Port": 623},
            "SNMP": {"ProtocolEnabled": False},
            "SSDP": {"ProtocolEnabled": False},
        },
        f"{system}/SecureBoot": {"SecureBootEnable": False},
        system: {"Boot": {"BootOrder": list(options), "BootOptions": {"@odata.id": f"{system}/BootOptions"}}},
        f"{system}/BootOptions": {
            "Members": [{"@odata.id": f"{system}/BootOptions/{name}"} for name in options]
        },
    }
    return found | {
        f"{system}/BootOptions/{name}": {"BootOptionReference": name, "Alias": kind}
        for name, kind in options.items()
    }


def merged(have: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Give a resource with a part of it changed."""
    return {
        **have,
        **{
            key: merged(have[key], value) if isinstance(value, dict) else value
            for key, value in patch.items()
        },
    }


def tag(data: dict[str, Any]) -> str:
    return '"' + hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12] + '"'


@contextmanager
def controller(folder: Path, resources: Tree, writes: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Answer on loopback; `writes` gets every change. The certificates' authority is `<folder>/ca.crt`."""
    issue(authority(folder, "ca"), folder, Leaf("bmc", "bmc", server=True))
    wanted = "Basic " + base64.b64encode(WORD.encode()).decode()

    class Handle(BaseHTTPRequestHandler):
        def answer(self, code: int, data: dict[str, Any]) -> None:
            raw = json.dumps(data).encode()
            self.send_response(code)
            self.send_header("ETag", tag(data))
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.answer(401, {})
            else:
                self.answer(200 if self.path in resources else 404, resources.get(self.path, {}))

        def do_PATCH(self) -> None:
            patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers.get("Authorization") != wanted or self.headers.get("If-Match") != tag(
                resources[self.path]
            ):
                self.answer(412, {})
                return
            writes.append((self.path, patch))
            resources[self.path] = merged(resources[self.path], patch)
            self.answer(200, resources[self.path])

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "bmc.crt", folder / "bmc.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from sovereign_ai.cluster.certificate_server import CertificateHandler, CertificateServer, server_context
from sovereign_ai.cluster.pki import Leaf, authority, issue


class _Answers(CertificateHandler):
    """Two paths, for two callers."""

    callers: ClassVar[Mapping[str, str]] = {"/one": "first", "/two": "second"}

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Answer whoever may ask."""
        if self.may(self.requested if self.requested in self.callers else "/one"):
            self.send(200, self.requested.encode(), "text/plain")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    pki = tmp_path_factory.mktemp("pki")
    for name in ("ours", "theirs"):
        ca = authority(pki, name)
        for user in ("first", "second"):
            issue(ca, pki, Leaf(f"{user}-of-{name}", user, client=True))
    issue(authority(pki, "ours"), pki, Leaf("server", "server", server=True))
    server = CertificateServer(0, _Answers, server_context(pki, "ours", "server"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield int(server.server_address[1]), pki
    server.shutdown()
    server.server_close()


def ask(running: tuple[int, Path], path: str, who: str) -> tuple[int, bytes]:
    port, pki = running
    tls = ssl.create_default_context(cafile=str(pki / "ours.crt"))
    if who:
        tls.load_cert_chain(pki / f"{who}.crt", pki / f"{who}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_each_path_has_one_caller(running: tuple[int, Path]) -> None:
    assert ask(running, "/one", "first-of-ours") == (200, b"/one")
    assert ask(running, "/two?a=b", "second-of-ours") == (200, b"/two")
    assert ask(running, "/two", "first-of-ours") == (403, b"")
    assert ask(running, "/three", "first-of-ours") == (404, b"")


@pytest.mark.parametrize("who", ["", "first-of-theirs"])
def test_without_a_certificate_of_its_authority_nobody_is_answered(
    running: tuple[int, Path], who: str
) -> None:
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        ask(running, "/one", who)

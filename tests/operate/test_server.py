"""The listener: who may ask, and that nothing is believed without a certificate."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.process import ProcessProbe, is_well
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.operate.records import write_grant
from sovereign_ai.operate.server import OperatorServer
from tests.operate.given import GRANT, NOW, plane
from tests.operate.real import until
from tests.operate.test_answers import WAIVED, review


class Running:
    """A service on a free port, and what it said."""

    def __init__(self, where: ClusterDir) -> None:
        self.where = where
        self.said: list[str] = []
        self.service = OperatorServer(where, 0, lambda: NOW, self.said.append)
        self.port = int(self.service.server_address[1])
        threading.Thread(target=self.service.serve_forever, daemon=True).start()

    def post(
        self, body: bytes, who: str = "authorization-client", path: str = "/answer", method: str = "POST"
    ) -> tuple[int, bytes]:
        tls = ssl.create_default_context(cafile=str(self.where.pki / "cluster-ca.crt"))
        tls.load_cert_chain(self.where.pki / f"{who}.crt", self.where.pki / f"{who}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=tls, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def well(self, who: str) -> bool:
        pki = self.where.pki
        return is_well(
            ProcessProbe(
                self.port, "/healthz", f"{pki}/cluster-ca.crt", f"{pki}/{who}.crt", f"{pki}/{who}.key"
            )
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    where = plane(Path(tmp_path_factory.mktemp("plane")))
    make_identities(where, 20001)
    write_grant(where, GRANT)
    one = Running(where)
    yield one
    one.service.shutdown()
    one.service.server_close()


def test_the_api_server_is_answered(running: Running) -> None:
    for about, name, named in (("waivers", WAIVED, "w1"), ("bindings", GRANT.question, GRANT.id)):
        status, body = running.post(orjson.dumps(review(about, name)))
        assert status == 200
        assert orjson.loads(body)["status"] == {"allowed": True, "denied": False, "reason": named}
        assert running.said[-1] == f"honoured {named}"


def test_a_no_is_an_answer_too(running: Running) -> None:
    status, body = running.post(orjson.dumps(review("waivers", "[]")))
    assert status == 200
    assert orjson.loads(body)["status"]["denied"] is True


def test_it_listens_on_loopback_alone(running: Running) -> None:
    assert running.service.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("who", ["admin", "kube-controller-manager", "operator", "supervisor"])
def test_nobody_else_may_ask_though_the_cluster_knows_them(running: Running, who: str) -> None:
    assert running.post(orjson.dumps(review("waivers", WAIVED)), who) == (403, b"")


def test_the_supervisor_sees_health_and_others_do_not(running: Running) -> None:
    until(lambda: running.well("supervisor"))
    for who in ("admin", "authorization-client"):
        assert running.post(b"", who, "/healthz", "GET") == (403, b"")
        assert not running.well(who)


def test_a_certificate_of_another_authority_is_none(running: Running) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        running.post(b"{}", "front-proxy-client")
    until(lambda: running.well("supervisor"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{" * 100])
def test_what_is_no_review_is_refused(running: Running, body: bytes) -> None:
    assert running.post(body)[0] == 400


def test_an_unknown_path_is_none(running: Running) -> None:
    assert running.post(b"{}", path="/other")[0] == 404


def test_a_caller_who_says_nothing_keeps_nobody_waiting(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovereign_ai.cluster.certificate_server.SILENT_SECONDS", 600.0)
    with socket.create_connection(("127.0.0.1", running.port)):
        until(lambda: running.well("supervisor"))


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_beyond_the_most_connections_one_is_closed_at_once_and_room_comes_back(
    running: Running, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("sovereign_ai.cluster.certificate_server.SILENT_SECONDS", 600.0)
    monkeypatch.setattr("sovereign_ai.cluster.certificate_server.MOST_CONNECTIONS", most)
    small = Running(running.where)
    silent = [socket.create_connection(("127.0.0.1", small.port)) for _ in range(most)]
    with socket.create_connection(("127.0.0.1", small.port), timeout=60) as further:
        assert further.recv(1) == b""
    for connection in silent:
        connection.close()
    until(lambda: small.well("supervisor"))
    small.service.shutdown()
    small.service.server_close()

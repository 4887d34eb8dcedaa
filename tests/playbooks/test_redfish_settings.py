"""The module that sets a BMC up keeps its credentials to the BMC, whatever the BMC answers."""

from __future__ import annotations

import http.client
import io
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.hostile.fields import VALUES, places, replaced
from tests.playbooks.modules import module

Answer = tuple[int, dict[str, str], bytes]


class FailedError(Exception):
    """The module ended with a message."""


class AnsibleStub:
    """What the module needs of Ansible: its parameters, and an end."""

    check_mode = False

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.no_log_values: set[str] = set()

    def fail_json(self, msg: str) -> None:
        raise FailedError(msg)


class FakeBmc:
    """An HTTPS server that answers as a test wants and records the requests that reach it."""

    def __init__(self, certificate: Path, answer: Callable[[str], Answer]) -> None:
        self.paths: list[str] = []
        outer = self

        class Handle(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Write nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self.server.daemon_threads = True
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bmc")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(hours=1))
    builder = builder.not_valid_after(now + timedelta(hours=1)).add_extension(address, critical=False)
    signed = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8
    content = key.private_bytes(pem, plain, serialization.NoEncryption()) + signed.public_bytes(pem)
    path = tmp_path_factory.mktemp("bmc") / "bmc.pem"
    path.write_bytes(content)
    return path


@pytest.fixture
def serve(certificate: Path) -> Iterator[Callable[[Callable[[str], Answer]], FakeBmc]]:
    made: list[FakeBmc] = []

    def start(answer: Callable[[str], Answer]) -> FakeBmc:
        made.append(FakeBmc(certificate, answer))
        return made[-1]

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def client(certificate: Path, tmp_path: Path) -> Callable[[FakeBmc], Any]:
    def open_client(server: FakeBmc) -> Any:
        credentials = tmp_path / "credentials"
        credentials.touch(mode=0o600)
        credentials.write_text("admin:secret\n")
        params = {"address": server.address, "credentials": str(credentials), "authority": str(certificate)}
        return module("redfish_settings").Bmc(AnsibleStub(params))

    return open_client


def stranger(_path: str) -> Answer:
    return 200, {}, b"{}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(serve: Any, client: Any, status: int) -> None:
    other = serve(stranger)
    bmc = serve(lambda path: (status, {"Location": f"https://{other.address}{path}"}, b""))
    with pytest.raises(FailedError, match=f"answers {status} .* is not followed"):
        client(bmc).ask("/redfish/v1/Managers")
    assert bmc.paths == ["/redfish/v1/Managers"]
    assert other.paths == []


@pytest.mark.parametrize(
    "path", ["@{address}/redfish/v1/", ".example/redfish", ":443/x", "https://{address}/redfish/", "", "/"]
)
def test_no_resource_outside_the_bmcs_tree_is_asked_for(serve: Any, client: Any, path: str) -> None:
    other = serve(stranger)
    bmc = serve(lambda _path: (200, {}, b'{"Members": []}'))
    with pytest.raises(FailedError, match="is not below /redfish/"):
        client(bmc).ask(path.format(address=other.address))
    assert bmc.paths == other.paths == []


def test_an_answer_without_end_is_refused(serve: Any, client: Any) -> None:
    bmc = serve(lambda _path: (200, {}, b'{"a": "' + b"x" * 4_000_001 + b'"}'))
    with pytest.raises(FailedError, match="more than 4,000,000 bytes"):
        client(bmc).ask("/redfish/v1/")


def test_a_resource_of_the_bmc_is_read(serve: Any, client: Any) -> None:
    bmc = serve(
        lambda _path: (200, {"ETag": "W/1"}, b'{"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]}')
    )
    assert client(bmc).first("/redfish/v1/Systems") == "/redfish/v1/Systems/1"
    assert client(bmc).ask("/redfish/v1/Systems")[1] == "W/1"


METRICS = "/redfish/v1/Chassis/1/EnvironmentMetrics"


@pytest.mark.parametrize("links", [{"Chassis": [{"@odata.id": "/redfish/v1/Chassis/1"}]}, {}])
def test_a_power_limit_is_a_set_point_of_the_chassis(serve: Any, client: Any, links: dict[str, Any]) -> None:
    answers = {
        "/redfish/v1/Chassis": b'{"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}]}',
        "/redfish/v1/Chassis/1": b'{"EnvironmentMetrics": {"@odata.id": "%s"}}' % METRICS.encode(),
    }
    bmc = serve(lambda path: (200, {}, answers[path]))
    limit = module("redfish_settings").power_limit(client(bmc), {"Links": links}, 9_000)
    assert limit == (METRICS, {"PowerLimitWatts": {"SetPoint": 9_000, "ControlMode": "Automatic"}})


def test_a_chassis_without_metrics_has_no_place_for_a_power_limit(serve: Any, client: Any) -> None:
    bmc = serve(lambda _path: (200, {}, b"{}"))
    links = {"Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/1"}]}}
    assert module("redfish_settings").power_limit(client(bmc), links, 9_000)[0] == ""


TREE: dict[str, Any] = {
    "/redfish/v1/Managers": {"Members": [{"@odata.id": "/redfish/v1/Managers/1"}]},
    "/redfish/v1/Managers/1/NetworkProtocol": {"IPMI": {"ProtocolEnabled": True}},
    "/redfish/v1/Systems": {"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]},
    "/redfish/v1/Systems/1": {
        "Boot": {"BootOrder": ["Boot1", "Boot2"], "BootOptions": {"@odata.id": "/redfish/v1/Options"}},
        "Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/1"}]},
    },
    "/redfish/v1/Systems/1/SecureBoot": {"SecureBootEnable": False},
    "/redfish/v1/Options": {"Members": [{"@odata.id": "/redfish/v1/Options/1"}]},
    "/redfish/v1/Options/1": {"BootOptionReference": "Boot2", "Alias": "Hdd"},
    "/redfish/v1/Chassis/1": {"EnvironmentMetrics": {"@odata.id": METRICS}},
    METRICS: {"PowerLimitWatts": {"SetPoint": 10_000, "ControlMode": "Automatic"}},
}
"""Every resource that the module reads, as a BMC has it."""
CREDENTIALS = "admin:Zq7LkVtQx3mN"
REPEATED = ("Zq7LkVtQx3mN", "YWRtaW46WnE3TGtWdFF4M21O")
"""The password, and the credentials as HTTP has them."""
Opened = Callable[[str], bytes]
_KINDS = ("null", "true", "empty-list", "list", "mapping", "deep", "larger", "float", "many", "escape-title")
ODD: tuple[Any, ...] = ("/redfish/v1/a b\r\nX: y", {"@odata.id": {}}, *(VALUES[kind] for kind in _KINDS))
"""A value of each kind, and a path that is none."""


@pytest.fixture
def end(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Opened], dict[str, Any]]:
    """Return how the module ends, as Ansible runs it, for what each path of a BMC gives."""
    from ansible.module_utils.testing import patch_module_args

    credentials = tmp_path / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(CREDENTIALS)
    params = {"address": "bmc.example", "credentials": str(credentials), "authority": str(certificate)}
    params |= {"manager": {"IPMI": {"ProtocolEnabled": False}}, "power_limit": 9_000, "boot": ["Hdd", "Pxe"]}

    def run(opened: Opened) -> dict[str, Any]:
        code = module("redfish_settings")

        class Opener:
            def open(self, request: Any, **_named: object) -> Any:
                answer = io.BytesIO(opened(request.selector))
                answer.headers = {}  # type: ignore[attr-defined]
                return answer

        monkeypatch.setattr(code.urllib.request, "build_opener", lambda *_: Opener())
        with patch_module_args({**params, "_ansible_check_mode": True}), pytest.raises(SystemExit):
            code.main()
        output = capsys.readouterr().out
        assert not any(word in output for word in REPEATED), output
        answer: dict[str, Any] = json.loads(output)
        return answer

    return run


def told(tree: Any) -> Opened:
    return lambda path: json.dumps(tree.get(path, {})).encode()


def test_a_bmc_that_answers_as_redfish_has_it_is_compared(end: Any) -> None:
    answer = end(told(TREE))
    assert answer["changed"]
    assert "+ IPMI.ProtocolEnabled: false" in answer["diff"]["prepared"]
    assert "+ PowerLimitWatts.SetPoint: 9000" in answer["diff"]["prepared"]


def test_whatever_stands_in_whichever_member_the_module_ends_with_a_message(end: Any) -> None:
    asked: set[str] = set()
    end(lambda path: asked.add(path) or told(TREE)(path))
    assert asked == set(TREE)
    refused = 0
    for path, resource in TREE.items():
        for at in [(), *places(resource)]:
            for value in ODD:
                changed = replaced({path: resource}, (path, *at), value)
                answer = end(told({**TREE, **changed}))
                refused += bool(answer.get("failed"))
                assert answer.get("failed") or "diff" in answer
    assert refused > 100


BODIES = {
    "no JSON": b"<html>",
    "no text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[]",
    "a large number": b"9" * 5_000,
    "cut off": b'{"Members": [',
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_no_resource_ends_with_a_message(end: Any, body: str) -> None:
    assert end(lambda _path: BODIES[body])["failed"]


def _failures() -> Iterator[type[Exception]]:
    """Yield every way in which an exchange breaks off that Python knows."""
    todo: list[type[Exception]] = [http.client.HTTPException, OSError]
    while todo:
        kind = todo.pop()
        yield kind
        todo += kind.__subclasses__()


def test_however_a_connection_breaks_the_module_ends_with_a_message(end: Any) -> None:
    seen = 0
    for kind in _failures():
        # Some take more arguments, and none of these is raised by a connection.
        try:
            error = kind("x")
        except TypeError:
            continue

        def broken(_path: str, error: Exception = error) -> bytes:
            raise error

        assert end(broken)["failed"], kind
        seen += 1
    assert seen > 20


def test_credentials_that_a_bmc_repeats_are_in_no_output(end: Any) -> None:
    for word in (CREDENTIALS, *REPEATED):
        for path in (word, f"/redfish/v1/{word}"):
            members = {"Members": [{"@odata.id": path}]}
            assert end(told({**TREE, "/redfish/v1/Managers": members}))
        tree = {**TREE, "/redfish/v1/Managers/1/NetworkProtocol": {"IPMI": {"ProtocolEnabled": word}}}
        assert end(told(tree))["changed"]


def test_a_bmc_that_trickles_its_answers_is_left_in_time(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = module("redfish_settings")
    monkeypatch.setitem(globals(), "module", lambda _name: code)
    monkeypatch.setattr(code, "_MOST_SECONDS", 0.2)

    def trickle(_path: str) -> bytes:
        threading.Event().wait(30)
        return b"{}"

    assert "within 0.2 s" in end(trickle)["msg"]

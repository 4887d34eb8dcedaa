"""What a server may answer, when a request is repeated, and where the token never appears."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from sovereign_ai.errors import EnvironmentLacksError, SovereignError, UsageError
from sovereign_ai.files import NETBOX_ANSWER
from sovereign_ai.operate.netbox import NetBoxConnection, parse_netbox_url, read_token
from sovereign_ai.operate.netbox.connection import (
    LostAnswerError,
    NetBoxPatience,
    RefusedWriteError,
)
from tests.operate.netbox.fake_netbox import TOKEN, FakeNetBox, Reply, fake_netbox, reply_json
from tests.operate.netbox.inventory import connection
from tests.verify.redfish.racks import certificates

STATUS = {"netbox-version": "4.7.3"}


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_busy_server_is_asked_again_when_it_says(netbox: FakeNetBox, status: int, method: str) -> None:
    pauses: list[float] = []
    netbox.replies.extend(
        [reply_json(status, {}, Retry_After="7"), reply_json(status, {}), reply_json(200, STATUS)]
    )
    assert connection(netbox, pause=pauses.append).request(method, "status/") == STATUS
    assert pauses == [7.0, 1.0]


def test_a_server_that_is_busy_for_longer_than_one_waits_is_given_up(netbox: FakeNetBox) -> None:
    netbox.script = lambda _method, _path: reply_json(429, {"detail": "later"}, Retry_After="200")
    pauses: list[float] = []
    with pytest.raises(EnvironmentLacksError, match="status 429: later"):
        connection(netbox, pause=pauses.append).request("POST", "dcim/sites/", [])
    assert pauses == [200.0]


@pytest.mark.parametrize(("method", "tries"), [("GET", 4), ("PATCH", 4), ("POST", 1), ("DELETE", 1)])
def test_after_an_error_of_the_server_only_what_is_safe_is_repeated(
    netbox: FakeNetBox, method: str, tries: int
) -> None:
    netbox.script = lambda _method, _path: reply_json(502, {"detail": "broken"})
    with pytest.raises((EnvironmentLacksError, LostAnswerError), match="502"):
        connection(netbox, pause=lambda _: None).request(
            method, "dcim/sites/", None if method == "GET" else []
        )
    assert len(netbox.requests) == tries


def test_a_write_without_an_answer_is_not_repeated(netbox: FakeNetBox) -> None:
    netbox.cut = 1
    body = [{"name": "a", "slug": "a"}]
    with pytest.raises(LostAnswerError):
        connection(netbox, pause=lambda _: None).request("POST", "dcim/sites/", body)
    assert len(netbox.requests) == 1


def test_nobody_at_the_address_is_said(netbox: FakeNetBox) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = parse_netbox_url(f"http://127.0.0.1:{free.getsockname()[1]}")
        pauses: list[float] = []
        with pytest.raises(EnvironmentLacksError, match="refused") as caught:
            NetBoxConnection(url, TOKEN, pause=pauses.append).request("POST", "dcim/sites/", [])
    assert caught.value.problems[0].code == "netbox-unreachable"
    assert "Errno" not in caught.value.problems[0].message
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((302, {"Location": "http://127.0.0.2/api/status/"}, b""), "netbox-redirect"),
        (reply_json(301, {}, Location="/elsewhere/"), "netbox-redirect"),
        (reply_json(401, {"detail": f"no {TOKEN}"}), "netbox-token"),
        (reply_json(403, {"detail": "Invalid v1 token"}), "netbox-token"),
        (reply_json(403, {"detail": f"not you, {TOKEN.rpartition('.')[2]}"}), "netbox-permission"),
        (reply_json(404, {"detail": "\x1b[2K\rok: all written"}), "netbox-unusable"),
        ((200, {}, b"<html>"), "bad-json"),
        ((200, {}, b""), "bad-json"),
        ((200, {}, b"[" * 100_000), "too-deep"),
        ((200, {}, b"[" + b"1," * 600_000 + b"1]"), "too-many-values"),
        ((200, {}, b'{"a": 1, "a": 2}'), "duplicate-key"),
        ((200, {}, b"\xff\xfe"), "not-utf8"),
        ((404, {}, b"\xff" * 5_000), "netbox-unusable"),
        ((404, {}, b"[" * 100_000), "netbox-unusable"),
    ],
)
def test_any_other_answer_is_a_problem_without_the_token(netbox: FakeNetBox, reply: Reply, code: str) -> None:
    netbox.script = lambda _method, _path: reply
    with pytest.raises(SovereignError) as caught:
        connection(netbox, pause=lambda _: None).request("GET", "status/")
    (problem,) = caught.value.problems
    assert problem.code == code
    assert caught.value.exit_code == 3
    text = str(caught.value)
    assert TOKEN not in text
    assert TOKEN.rpartition(".")[2] not in text
    assert "\x1b" not in text
    assert len(text) < 1_000
    assert len(netbox.requests) == 1


def test_an_endless_answer_is_cut_off(netbox: FakeNetBox, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    small = dataclasses.replace(NETBOX_ANSWER, most_bytes=1_000)
    monkeypatch.setattr("sovereign_ai.operate.netbox.connection.NETBOX_ANSWER", small)
    netbox.script = lambda _method, _path: (200, {}, b" " * 100_000)
    with pytest.raises(EnvironmentLacksError, match="more than"):
        connection(netbox).request("GET", "status/")


def test_an_answer_that_trickles_ends_at_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    wire.recv(1_000)
                    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n")
                    # Until the other side is gone.
                    while True:
                        try:
                            wire.sendall(b" ")
                        except OSError:
                            break

        Thread(target=trickle, daemon=True).start()
        url = parse_netbox_url(f"http://127.0.0.1:{server.getsockname()[1]}")
        patience = NetBoxPatience(read=0.3, most_tries=1)
        link = NetBoxConnection(url, TOKEN, patience=patience)
        with pytest.raises(EnvironmentLacksError, match=r"no whole answer within 0\.3 s"):
            link.request("GET", "status/")


def test_a_refused_write_says_which_field(netbox: FakeNetBox) -> None:
    errors = [{"name": ["is taken"], "slug": []}, {}]
    netbox.script = lambda _method, _path: reply_json(400, errors)
    with pytest.raises(RefusedWriteError, match=r"^name: is taken$"):
        connection(netbox).request("POST", "dcim/sites/", [])


@pytest.mark.parametrize(
    ("token", "header"), [(TOKEN, f"Bearer {TOKEN}"), ("0123456789abcdef", "Token 0123456789abcdef")]
)
def test_both_versions_of_tokens_are_sent_in_the_header_alone(
    netbox: FakeNetBox, token: str, header: str
) -> None:
    netbox.script = lambda _method, _path: reply_json(200, STATUS)
    link = connection(netbox, token)
    link.request("GET", "status/")
    assert netbox.headers[0]["Authorization"] == header
    assert token not in netbox.requests[0][1]
    assert token not in repr(link)


@contextmanager
def tls(netbox: FakeNetBox, folder: Path) -> Iterator[str]:
    """Serve one answer over TLS, with a certificate that no system trusts."""
    certificates(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            wire, _ = server.accept()
            try:
                with context.wrap_socket(wire, server_side=True) as safe:
                    safe.recv(10_000)
                    safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            except OSError:
                wire.close()

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_a_certificate_must_be_trusted(netbox: FakeNetBox, tmp_path: Path) -> None:
    with tls(netbox, tmp_path) as url, pytest.raises(EnvironmentLacksError, match="not trusted"):
        NetBoxConnection(parse_netbox_url(url), TOKEN).request("GET", "status/")
    with tls(netbox, tmp_path) as url:
        link = NetBoxConnection(parse_netbox_url(url), TOKEN, tmp_path / "server.pem")
        assert link.request("GET", "status/") == {}


@pytest.mark.parametrize("text", ["nothing", "", "\n"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(UsageError, match="no certificates"):
        NetBoxConnection(parse_netbox_url("https://netbox.example"), TOKEN, tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://netbox.example", "https://netbox.example:443"),
        ("https://netbox.example:8443/netbox/", "https://netbox.example:8443/netbox"),
        ("https://netbox.example/api/", "https://netbox.example:443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_addresses_of_a_netbox(url: str, shown: str) -> None:
    assert str(parse_netbox_url(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://netbox.example",
        "http://localhost.example",
        "ftp://netbox.example",
        "https://me:secret@netbox.example",
        "https://netbox.example/?token=secret",
        "https://netbox.example/#x",
        "https://netbox.example:x",
        "https://netbox.example/a b",
        "https://netbox.example/\r\nX: y",
        "https:///x",
        "netbox.example",
        "https://[::1",
        "",
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_netbox_url(url)
    assert caught.value.problems[0].code == "bad-url"
    assert "secret" not in str(caught.value)


def test_a_token_is_the_first_line_of_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\nnote\n")
    file.chmod(0o640)
    with pytest.raises(UsageError) as caught:
        read_token(file, {})
    assert caught.value.problems[0].code == "open-token"
    file.chmod(0o600)
    assert read_token(file, {"SOVEREIGN_AI_NETBOX_TOKEN": "another-token"}) == TOKEN


def test_without_a_file_the_environment_holds_the_token() -> None:
    assert read_token(None, {"SOVEREIGN_AI_NETBOX_TOKEN": f"{TOKEN}\n"}) == TOKEN
    with pytest.raises(UsageError, match="no token") as caught:
        read_token(None, {})
    assert caught.value.problems[0].code == "no-token"


@pytest.mark.parametrize("text", ["", "short", "hunter2 hunter2", "x" * 600, "gehe\u00efm-gehe\u00efm"])
def test_no_token_is_never_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError) as caught:
        read_token(file, {})
    assert not text or text not in str(caught.value)
    with pytest.raises(UsageError):
        read_token(None, {"SOVEREIGN_AI_NETBOX_TOKEN": text})


def test_a_proxy_of_the_environment_is_not_asked(netbox: FakeNetBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:9")
    netbox.script = lambda _method, _path: reply_json(200, STATUS)
    assert connection(netbox).request("GET", "status/") == STATUS

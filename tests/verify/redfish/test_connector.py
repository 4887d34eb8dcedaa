"""The connection to a controller that was taken over: what it answers, and how long it may take."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest

sushy = pytest.importorskip("sushy")

from sovereign_ai.verify.redfish import connector  # noqa: E402 - it needs the extra
from sovereign_ai.verify.redfish.connector import ReadOnlyConnector  # noqa: E402 - it needs the extra
from tests.verify.redfish.racks import certificates  # noqa: E402 - as above

Answer = Callable[[int], Iterator[bytes]]
_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_CLOSING = _OK + b"Connection: close\r\n"
DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"a"),
    "header": (_OK + b"X: ", b"a"),
    "headers": (_OK, b"X: a\r\n"),
    "promises": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body of a stated length": (_OK + b"Content-Length: 60000\r\n\r\n{", b" "),
    "body on a connection that closes": (_CLOSING + b"Content-Length: 60000\r\n\r\n{", b" "),
    "body without a length": (_OK + b"\r\n{}", b" "),
    "chunks": (_CHUNKED, b"1\r\n \r\n"),
    "chunk": (_CHUNKED + b"FFFFF\r\n", b" "),
    "length of a chunk": (_CHUNKED, b"0"),
    "words behind a chunk's length": (_CHUNKED + b"1;", b"a"),
    "trailers": (_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
}
"""What an answer begins with, and what follows for ever, a piece at a time."""


@contextmanager
def answering(folder: Path, answer: Answer) -> Iterator[str]:
    """Serve an answer over TLS, by the number of the request, and give the address."""
    certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "bmc.pem", folder / "bmc.key")
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        for number in range(1_000):
            # Whoever has heard enough hangs up, and the last one finds the listener closed.
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(listener.accept()[0], server_side=True) as peer,
            ):
                peer.recv(65_536)
                for piece in answer(number):
                    peer.sendall(piece)
                    if ended.is_set():
                        return
            if ended.is_set():
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def resource(body: object, status: str = "200 OK", more: str = "") -> Iterator[bytes]:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n{more}\r\n"
    yield head.encode() + text


def dripping(head: bytes, piece: bytes) -> Iterator[bytes]:
    """Yield the beginning of an answer, and then a piece every 20 ms, for ten minutes."""
    yield head
    pause = threading.Event()
    for each in repeat(piece, 30_000):
        pause.wait(0.02)
        yield each


def reader(folder: Path, address: str, *, of_one: bool = True) -> ReadOnlyConnector:
    verify = str(folder / "bmc.pem")
    return ReadOnlyConnector(
        address, of_one=of_one, verify=verify, server_side_retries=1, server_side_retries_delay=0.01
    )


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_no_verb_but_get_is_sent(method: str) -> None:
    with pytest.raises(sushy.exceptions.ConnectionError, match="only reads"):
        ReadOnlyConnector("https://127.0.0.1:1")._op(method, "/redfish/v1")


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/redfish/v1",
        "http://127.0.0.1:1/redfish/v1",
        "//other.example/redfish/v1",
        " //other.example/redfish/v1",
        "/\t/other.example/redfish/v1",
        "\n//other.example/redfish/v1",
        "https://127.0.0.1:2/redfish/v1",
        "https://127.0.0.1:1@other.example/redfish/v1",
        "https://somebody@127.0.0.1:1/redfish/v1",
        "https://127.0.0.1:1.other.example/redfish/v1",
        "ftp://127.0.0.1:1/redfish/v1",
        "https://\uff11\uff12\uff17.0.0.1:1/redfish/v1",
    ],
)
def test_the_account_is_sent_to_no_other_service(target: str) -> None:
    with pytest.raises(sushy.exceptions.ConnectionError, match="which is another"):
        ReadOnlyConnector("https://127.0.0.1:1")._op("GET", target)


def test_neither_proxy_nor_account_come_from_the_environment() -> None:
    assert not ReadOnlyConnector("https://127.0.0.1:1")._session.trust_env


def test_an_answer_that_is_whole_is_read(tmp_path: Path) -> None:
    with answering(tmp_path, lambda _: resource({"Id": "1"})) as address:
        asked = reader(tmp_path, address)
        assert [asked.get("/redfish/v1").json() for _ in range(3)] == [{"Id": "1"}] * 3


@pytest.mark.parametrize("part", DRIPS)
def test_an_answer_that_never_ends_is_left_whichever_part_of_it_drips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(connector, "_ANSWER_SECONDS", 0.5)
    with (
        answering(tmp_path, lambda _: dripping(*DRIPS[part])) as address,
        pytest.raises(sushy.exceptions.ConnectionError, match="not whole after"),
    ):
        reader(tmp_path, address).get("/redfish/v1")


@pytest.mark.parametrize("status", ["500 Broken", "503 Busy", "406 Not Acceptable"])
def test_a_controller_that_refuses_once_is_asked_again_without_following_a_redirect(
    tmp_path: Path, status: str
) -> None:
    def answer(number: int) -> Iterator[bytes]:
        return resource({"Id": "1"}) if number else resource({}, status)

    with answering(tmp_path, answer) as address:
        assert reader(tmp_path, address).get("/redfish/v1").json() == {"Id": "1"}


@pytest.mark.parametrize(
    "status", ["202 Accepted", "204 No Content", "206 Partial", "302 Found", "308 Moved"]
)
def test_an_answer_that_leads_elsewhere_is_no_resource_whatever_it_holds(tmp_path: Path, status: str) -> None:
    with (
        answering(tmp_path, lambda _: resource({"Id": "1"}, status, "Location: /other\r\n")) as address,
        pytest.raises(sushy.exceptions.ConnectionError, match=f"status {status[:3]}"),
    ):
        reader(tmp_path, address).get("/redfish/v1")


@pytest.mark.parametrize("body", [[], None, 1, "text", True])
def test_an_answer_that_is_no_object_is_refused(tmp_path: Path, body: object) -> None:
    with (
        answering(tmp_path, lambda _: resource(body)) as address,
        pytest.raises(sushy.exceptions.ConnectionError, match="no JSON object"),
    ):
        reader(tmp_path, address).get("/redfish/v1")


def test_all_answers_of_a_service_together_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "MOST_BYTES_OF_ONE", 1 << 20)
    with answering(tmp_path, lambda _: resource({"x": "a" * 300_000})) as address:
        asked = reader(tmp_path, address)
        for _ in range(3):
            asked.get("/redfish/v1")
        with pytest.raises(sushy.exceptions.ConnectionError, match="more than 1 MiB together"):
            asked.get("/redfish/v1")


@pytest.mark.parametrize("limit", ["MOST_SECONDS", "MOST_SECONDS_OF_ONE"])
def test_a_service_that_answers_slowly_for_ever_is_left(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(connector, limit, -1)
    asked = ReadOnlyConnector("https://127.0.0.1:1", of_one=limit.endswith("ONE"))
    with pytest.raises(sushy.exceptions.ConnectionError, match="is not read after"):
        asked.get("/redfish/v1")

"""Ports of loopback that serve one account; connections of another account are tried in `tests/attack`."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from sovereign_ai.deploy.language_host import owner_only

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
CLIENT, SERVER = ("127.0.0.1", 0xABCD), ("127.0.0.1", 0x1F90)
BIG = [("grpc.max_receive_message_length", 1 << 30)]


def word(address: str) -> str:
    """Write an address as the kernel does: 32-bit words in the machine's byte order."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    return "".join(f"{number:08X}" for number in struct.unpack(f"={len(packed) // 4}I", packed))


def line(
    local: tuple[str, int] = CLIENT,
    remote: tuple[str, int] = SERVER,
    state: int = 1,
    uid: int = 1000,
    inode: int = 77,
) -> str:
    """Write a line of a socket table."""
    ends = f"{word(local[0])}:{local[1]:04X} {word(remote[0])}:{remote[1]:04X}"
    return f"   0: {ends} {state:02X} 00000000:00000000 00:00000000 00000000 {uid:5}        0 {inode} 1 0 20 4 30 10 -1\n"  # noqa: E501 - one literal text


Tables = Callable[..., tuple[Path, ...]]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Make the two tables out of lines."""

    def write(*lines: str, six: tuple[str, ...] = ()) -> tuple[Path, ...]:
        (tmp_path / "tcp").write_text(HEAD + "".join(lines))
        (tmp_path / "tcp6").write_text(HEAD + "".join(six))
        return tmp_path / "tcp", tmp_path / "tcp6"

    return write


def test_a_line_of_the_kernel_is_read_in_the_machines_byte_order(tables: Tables) -> None:
    assert owner_only.entries(CLIENT, SERVER, tables(line())) == [owner_only.FileEntry(1, 1000, 77)]
    assert owner_only.entries(SERVER, CLIENT, tables(line())) == []


def test_an_ipv4_mapped_socket_is_seen_in_the_other_table(tables: Tables) -> None:
    mapped = line(("::ffff:127.0.0.1", CLIENT[1]), ("::ffff:127.0.0.1", SERVER[1]), uid=5)
    assert owner_only.entries(CLIENT, SERVER, tables(six=(mapped,))) == [owner_only.FileEntry(1, 5, 77)]
    plain = line(("::1", CLIENT[1]), ("::1", SERVER[1]), uid=6)
    assert owner_only.entries(("::1", CLIENT[1]), ("::1", SERVER[1]), tables(six=(plain,))) == [
        owner_only.FileEntry(1, 6, 77)
    ]
    assert owner_only.entries(CLIENT, SERVER, tables(six=(plain,))) == []


def test_a_kernel_without_ipv6_has_one_table(tables: Tables) -> None:
    four, six = tables(line())
    six.unlink()
    assert owner_only.entries(CLIENT, SERVER, (four, six)) == [owner_only.FileEntry(1, 1000, 77)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with client, accepted:
        yield client, accepted


def ends(pair: tuple[socket.socket, socket.socket]) -> tuple[tuple[str, int], tuple[str, int]]:
    return pair[0].getsockname(), pair[0].getpeername()


def test_a_connection_of_this_account_is_its_own(pair: tuple[socket.socket, socket.socket]) -> None:
    assert owner_only.is_own(pair[1])


def test_a_connection_through_an_ipv4_mapped_address_is_its_own_as_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            assert owner_only.is_own(accepted)


@pytest.mark.parametrize(
    ("why", "entries"),
    [
        ("no entry", []),
        ("another account", [{"uid": os.geteuid() + 1}]),
        ("TIME_WAIT, which the kernel lists as root's", [{"state": 6, "uid": 0}]),
        ("TIME_WAIT that carries our number", [{"state": 6}]),
        ("closed for writing", [{"state": 5}]),
        ("held by no process", [{"inode": 0}]),
        ("two, the second of another account", [{}, {"uid": os.geteuid() + 1}]),
    ],
)
def test_every_doubt_refuses(
    pair: tuple[socket.socket, socket.socket], tables: Tables, why: str, entries: list[dict[str, int]]
) -> None:
    local, remote = ends(pair)
    lines = [line(local, remote, **({"uid": os.geteuid()} | one)) for one in entries]  # type: ignore[arg-type]
    assert owner_only.is_own(pair[1], tables(line(local, remote, uid=os.geteuid())))
    assert not owner_only.is_own(pair[1], tables(*lines)), why
    assert not owner_only.is_own(pair[1], tables(*lines[:1], six=tuple(lines[1:]))), why


def test_tables_that_cannot_be_read_refuse(pair: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    assert not owner_only.is_own(pair[1], (tmp_path / "none",))
    (tmp_path / "tcp").write_text("")
    assert not owner_only.is_own(pair[1], (tmp_path / "tcp",))
    (tmp_path / "tcp").write_text(HEAD + "   0: what:ever\n")
    assert not owner_only.is_own(pair[1], (tmp_path / "tcp",))


def test_a_connection_that_is_reset_while_the_table_is_read_refuses_whatever_the_table_shows(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [owner_only.FileEntry(1, os.geteuid(), 77)]
    monkeypatch.setattr(owner_only, "entries", lambda *_: own)
    assert owner_only.is_own(pair[1])

    def read_late(*_: object) -> list[owner_only.FileEntry]:
        pair[0].sendall(b"sent before the reset")
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        pair[0].close()
        return own

    monkeypatch.setattr(owner_only, "entries", read_late)
    assert not owner_only.is_own(pair[1])


def test_an_account_that_the_kernel_gives_to_unmapped_ones_is_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Path.read_text
    files = {"/proc/sys/kernel/overflowuid": "65534\n", "/proc/self/uid_map": "0 0 4294967295\n"}
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **k: files.get(str(path)) or real(path, *a, **k))
    for uid, uid_map, own in (
        (1000, "0 100000 65536", 1000),
        (65534, "0 0 4294967295", 65534),
        (65534, "65534 100000 1", None),
    ):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        files["/proc/self/uid_map"] = uid_map
        assert owner_only.own_account() == own


def echo(server: Any) -> None:
    """Let a server answer with what it is asked."""
    handler = grpc.unary_unary_rpc_method_handler(lambda request, _context: request)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.Service", {"Echo": handler})])


@pytest.fixture
def server() -> Iterator[Any]:
    made = grpc.server(ThreadPoolExecutor(4), options=BIG)
    echo(made)
    yield made
    made.stop(grace=0).wait()


def call(port: int, text: bytes) -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=BIG) as channel:
        return bytes(channel.unary_unary("/a.Service/Echo")(text, timeout=30))


def test_a_server_behind_the_port_answers_small_and_large(server: Any) -> None:
    port = owner_only.listen(server.add_insecure_port)
    server.start()
    assert call(port, b"hello") == b"hello"
    large = os.urandom(5_000_000)
    assert call(port, large) == large


def test_nothing_of_the_socket_behind_stays_on_disk(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(owner_only.tempfile, "tempdir", str(deep))
    owner_only.listen(server.add_insecure_port)
    assert list(deep.iterdir()) == []


def test_a_refused_connection_is_reset_before_a_byte_of_it_is_read(
    server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[socket.socket] = []

    def refuse(connection: socket.socket) -> bool:
        seen.append(connection)
        return False

    port = owner_only.listen(server.add_insecure_port, check=refuse)
    server.start()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as client, pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(grpc.RpcError) as caught:
        call(port, b"hello")
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert len(seen) >= 4
    assert capsys.readouterr().err.count("refused") == 1, "whoever is refused cannot fill a log"


def test_a_call_from_here_ends_when_the_server_does(server: Any) -> None:
    port = owner_only.listen(server.add_insecure_port)
    server.start()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
        assert client.recv(9)
        server.stop(grace=0).wait()
        client.settimeout(10)
        while client.recv(4096):
            pass


def test_ports_that_an_sdk_opens_are_closed_to_others_and_other_addresses_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def plain(address: str) -> int:
        asked.append(address)
        return 7

    module = SimpleNamespace(server=lambda: SimpleNamespace(add_insecure_port=plain), aio=None)
    monkeypatch.setattr(owner_only, "listen", lambda _add, port=0: 1000 + port)
    owner_only.protect(module)
    owner_only.protect(module)
    server = module.server()
    for address in ("127.0.0.1:0", "localhost:0", "[::1]:0", "127.1.2.3:0"):
        assert server.add_insecure_port(address) == 1000
    assert server.add_insecure_port(b"127.0.0.1:9") == 1009
    assert asked == []
    for address in ("unix:/a/socket", "0.0.0.0:0", "10.0.0.1:80", "unix-abstract:x"):
        assert server.add_insecure_port(address) == 7
    assert len(asked) == 4


def test_servers_of_asyncio_are_protected_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (grpc, grpc.aio):
        monkeypatch.setattr(module, "server", module.server)
    owner_only.protect(grpc)
    refused = threading.Event()

    def refuse(_connection: socket.socket) -> bool:
        refused.set()
        return False

    async def serve(check: Callable[[socket.socket], bool]) -> bytes:
        monkeypatch.setattr(owner_only.listen, "__defaults__", (0, check))
        server = grpc.aio.server()
        echo(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            return await asyncio.to_thread(call, port, b"hello")
        finally:
            await server.stop(0)

    assert asyncio.run(serve(owner_only.is_own)) == b"hello"
    with pytest.raises(grpc.RpcError):
        asyncio.run(serve(refuse))
    assert refused.is_set()

"""What a service on loopback may answer, and that TLS is verified."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.asn1 import encode_der
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sovereign_ai.attest import asn1, timestamp_service
from sovereign_ai.attest.timestamp import MOST_TOKEN, request_of, verify_token
from sovereign_ai.attest.timestamp_service import parse_url, request_token
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from tests.attest.authority import STAMPED, authority, integer, issue, sequence, stamp_info, token
from tests.attest.tsa_server import Answer, service

ROOT = issue("Example Root", ca=True)
SIGNER = authority(ROOT)
REPLY = "application/timestamp-reply"


def honest(body: bytes) -> tuple[int, str, bytes]:
    request = asn1.decode(asn1.Request, body)
    info = stamp_info(rest=integer(request.nonce or 0))
    return 200, REPLY, sequence(sequence(integer(0)), token(SIGNER, info=info))


def asked(address: str) -> bytes:
    return request_token(parse_url(address), request_of(STAMPED))


def test_a_token_of_a_service_on_loopback_is_returned() -> None:
    with service(honest) as address:
        raw = asked(address)
    assert verify_token(raw, STAMPED, [ROOT.certificate]).authority == "CN=Example Time"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: (500, REPLY, b"x"), "status 500"),
        (lambda body: (302, *honest(body)[1:]), "status 302"),
        (lambda body: (200, "text/html", honest(body)[2]), "text/html"),
        (lambda _: (200, REPLY, b"<html>"), "no answer as RFC 3161"),
        (lambda _: (200, REPLY, b""), "no answer as RFC 3161"),
        (lambda _: (200, REPLY, bytes(MOST_TOKEN + 1)), "more than 65,536 bytes"),
        (lambda _: (200, REPLY, sequence(sequence(integer(2)))), "refused"),
    ],
)
def test_another_answer_is_an_error_of_the_environment(answer: Answer, reason: str) -> None:
    with service(answer) as address, pytest.raises(EnvironmentLacksError, match=reason) as caught:
        asked(address)
    assert caught.value.problems[0].code == "no-timestamp"


@pytest.mark.parametrize(
    "address",
    [
        "http://tsa.example.com/",
        "http://localhost.example.com/",
        "ftp://tsa.example.com/",
        "https://me:secret@tsa.example.com/",
        "https://tsa.example.com/#x",
        "https://tsa.example.com:x/",
        "https://tsa.example.com/a b",
        "https://tsa.example.com/\r\nX: y",
        "https:///x",
        "tsa.example.com",
        "https://[::1/",
        "",
    ],
)
def test_an_address_without_tls_or_with_an_account_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match="bad-url") as caught:
        parse_url(address)
    assert "secret" not in str(caught.value)


def test_an_address_over_tls_and_one_of_this_machine_are_accepted() -> None:
    for address in (
        "https://tsa.example.com/stamp?x=1",
        "http://127.0.0.1:8080",
        "http://[::1]/",
        "http://localhost/",
    ):
        assert parse_url(address).hostname


def _certified(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for this machine that signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(SIGNER.certificate.not_valid_before_utc)
        .not_valid_after(SIGNER.certificate.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_tls_is_verified_by_authority_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _certified(tmp_path)
    with service(honest, files) as address:
        named = address.replace("127.0.0.1", "localhost")
        with pytest.raises(EnvironmentLacksError, match="self-signed certificate"):
            asked(named)
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        assert asked(named)
        # The certificate is for a name, and not for this address.
        with pytest.raises(EnvironmentLacksError, match="not valid for"):
            asked(address)


@contextmanager
def _raw(pieces: list[bytes], pause: float) -> Iterator[str]:
    """Answer the first connection by pieces of bytes, with a pause before each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                for piece in pieces:
                    time.sleep(pause)
                    connection.sendall(piece)
                time.sleep(pause)
            except OSError:
                return

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 20],
        [b"HTTP/1.1 200 OK\r\nContent-Type: " + REPLY.encode() + b"\r\n\r\n", *[b"0"] * 20],
    ],
    ids=["silent", "endless header", "endless body"],
)
def test_a_service_that_is_silent_or_trickles_is_left_in_time(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timestamp_service, "_SECONDS", 0.5)
    began = time.monotonic()
    with _raw(pieces, 0.2 if pieces else 1.5) as address:
        with pytest.raises(EnvironmentLacksError, match="no answer within"):
            asked(address)
        taken = time.monotonic() - began
    assert taken < 1.4


def test_a_service_that_trickles_its_tls_handshake_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamp_service, "_SECONDS", 0.5)
    # The head of a TLS record of 512 bytes, of which one byte comes at a time.
    began = time.monotonic()
    with _raw([b"\x16\x03\x03\x02\x00", *[b"\x02"] * 9], 0.15) as address:
        with pytest.raises(EnvironmentLacksError, match="no answer within"):
            asked(address.replace("http:", "https:"))
        taken = time.monotonic() - began
    assert taken < 1.2


def test_nobody_who_listens_and_no_http_are_errors_of_the_environment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EnvironmentLacksError, match="Connection refused"):
        asked(f"http://127.0.0.1:{port}/")
    with (
        _raw([b"SSH-2.0-x\r\n"], 0.0) as address,
        pytest.raises(EnvironmentLacksError, match="no usable token"),
    ):
        asked(address)


def test_what_is_sent_is_a_request_of_a_digest_alone() -> None:
    bodies: list[bytes] = []

    def keep(body: bytes) -> tuple[int, str, bytes]:
        bodies.append(body)
        return honest(body)

    with service(keep) as address:
        asked(address)
    [body] = bodies
    assert encode_der(asn1.decode(asn1.Request, body)) == body
    assert STAMPED not in body

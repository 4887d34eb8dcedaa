"""Asks a time stamp authority for a token over HTTPS (RFC 3161, 3.4): one request, one bounded answer.

No redirect is followed, no proxy is asked, and nothing but the digest of a signature is sent. TLS is verified
by the machine's own authorities (or SSL_CERT_FILE). Without TLS only this machine itself is asked.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cryptography.x509 import Certificate

from sovereign_ai.attest.evidence_timestamp import note_of, require_time, signature_of, with_token
from sovereign_ai.attest.timestamp import (
    MOST_TOKEN,
    Request,
    StampError,
    read_response,
    request_of,
    verify_token,
)
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean

_SECONDS = 20.0
"""For the whole exchange; authorities answer within a second."""
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


@frozen_dataclass
class TimeStampService:
    """A service, and what its tokens must be.

    Attributes:
        url: its address.
        authorities: the certificates that are trusted; empty to check the tokens by themselves only.
        policy: the policy that is asked for; empty for the service's own.
    """

    url: SplitResult
    authorities: tuple[Certificate, ...] = ()
    policy: str = ""

    def stamp(self, envelope: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], str]:
        """Have an envelope's signature stamped.

        Returns:
            The envelope with the token, the subject that notes it in the log, and what it states in words.

        Raises:
            EnvironmentLacksError: the service gives no token, or one that does not hold.
            UsageError: its time is not that of this machine's clock.
        """
        signature = signature_of(envelope)
        token = request_token(self.url, request_of(signature, self.policy))
        try:
            stamp = verify_token(token, signature, self.authorities, self.policy)
        except StampError as error:
            raise _no_token(self.url, str(error)) from None
        require_time(stamp, datetime.now(tz=UTC))
        return with_token(envelope, token), note_of(token), stamp.line


def parse_url(url: str) -> SplitResult:
    """Return a service's address.

    Raises:
        UsageError: it is none, has no TLS, or holds an account, which would end up in messages.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or parts.username or parts.password or parts.fragment or not is_plain:
        # The address is not repeated: it may hold an account.
        message = "--timestamp-url: this is no address of a service"
        raise UsageError(
            Problem("bad-url", message, hint="write https://HOST/PATH, without an account and a fragment")
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        message = "--timestamp-url: the service is not asked over TLS"
        raise UsageError(Problem("bad-url", message, hint="write https://HOST/PATH"))
    return parts


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def request_token(url: SplitResult, request: Request) -> bytes:
    """Ask a service for a token.

    Raises:
        EnvironmentLacksError: it does not answer, refuses, or answers something else.
    """
    try:
        return read_response(_exchange(url, request.to_der()), request)
    except StampError as error:
        reason = str(error)
    except TimeoutError:
        reason = f"it gave no answer within {_SECONDS:g} s"
    except (OSError, http.client.HTTPException) as error:
        # An `ssl.SSLError` is an OSError; its text names what is wrong with the certificate.
        words = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
        reason = clean(words[:200]) or type(error).__name__
    raise _no_token(url, reason)


def _no_token(url: SplitResult, reason: str) -> EnvironmentLacksError:
    """Return the error that a service gave no token."""
    service = clean(f"{url.scheme}://{url.hostname}")
    message = f"the time stamp service {service} gave no usable token: {reason}"
    hint = "nothing was added to the log; try again, or sign without --timestamp-url"
    return EnvironmentLacksError(Problem("no-timestamp", message, hint=hint))


def _exchange(url: SplitResult, body: bytes) -> bytes:
    """Send a request and return the answer's body.

    Raises:
        OSError: the service cannot be reached, or not in time.
        http.client.HTTPException: it does not speak HTTP.
        StampError: it answers something else than a time stamp, or more than one takes.
    """
    host, port = str(url.hostname), url.port
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    context = None
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    deadline = time.monotonic() + _SECONDS
    timer = Timer(0, lambda: None)
    try:
        connected = socket.create_connection((host, port or connection.default_port), timeout=_SECONDS)
        if context is not None:
            connected = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
        connection.sock = connected
        # The socket's own timeout begins anew with every byte, also of the handshake; this one does not.
        timer = Timer(max(0.0, deadline - time.monotonic()), _cut, (connected,))
        timer.daemon = True
        timer.start()
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        connection.request("POST", target, body, {"Content-Type": _QUERY, "Accept": _REPLY})
        answered = _read_answer(connection.getresponse())
    except (OSError, http.client.HTTPException, StampError):
        # What was cut off looks like a wrong answer.
        if time.monotonic() >= deadline:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()
    if time.monotonic() >= deadline:
        raise TimeoutError
    return answered


def _read_answer(answer: http.client.HTTPResponse) -> bytes:
    """Read the body of an answer that is a time stamp.

    Raises:
        StampError: it is something else, or longer than a token can be.
    """
    kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if answer.status != http.client.OK or kind != _REPLY:
        raise StampError(f"it answered status {answer.status}, {clean(kind[:80]) or 'of no type'}")
    # One byte more than allowed, by which a longer answer is recognised.
    body = answer.read(MOST_TOKEN + 1)
    if len(body) > MOST_TOKEN:
        raise StampError(f"it answered more than {MOST_TOKEN:,} bytes")
    return body


def _cut(connected: socket.socket) -> None:
    """End a connection, so that whoever waits on it goes on."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)

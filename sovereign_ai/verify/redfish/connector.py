"""A sushy connection to one Redfish service that only reads, and never sends the account to another host.

A resource may name others by absolute URLs, and an answer may redirect. A service that is broken or
compromised could so send the account to another host, or over plain HTTP. This connection refuses both. It
also refuses every verb but GET, a tree without an end, and an answer that is too large, too deep, no JSON
object or never complete.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from http import HTTPStatus
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidJSONError
from sushy import exceptions
from sushy.connector import Connector
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import REDFISH, parse_json
from sovereign_ai.text import counted

MOST_REQUESTS = 20_000
"""Requests to one service; a server takes about 70, a large aggregator of 250 servers 17,500."""
MOST_REQUESTS_OF_ONE = 2_000
"""Requests to a service that speaks for one server."""
MOST_BYTES = 256 << 20
"""Bytes of all answers of one service; the 17,500 of a large aggregator have about 70 MiB."""
MOST_BYTES_OF_ONE = 32 << 20
"""Bytes of all answers of a service that speaks for one server, which have about half a MiB."""
MOST_SECONDS = 2 * 3_600
"""Seconds for one service; most of them answer some ten times a second."""
MOST_SECONDS_OF_ONE = 600
"""Seconds for a service that speaks for one server."""
_PIECE = 1 << 16
_ANSWER_SECONDS = 60
"""Seconds for one whole answer; `requests` limits only the wait for each piece of it."""


def _limited_pool(ends: list[_ConnectionEnd]) -> type[HTTPSConnectionPool]:
    """Return the pool whose connections end after `_ANSWER_SECONDS`, whatever the other side does.

    The socket's own timeout begins anew with every byte, of the handshake and of headers, too.

    Args:
        ends: receives the end of each connection.
    """

    class LimitedConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            ends.append(_ConnectionEnd(connected))
            return connected

    class LimitedPool(HTTPSConnectionPool):
        ConnectionCls = LimitedConnection

    return LimitedPool


class _ConnectionEnd:
    """The end of a connection, which is set when it begins."""

    def __init__(self, connected: socket.socket) -> None:
        # TLS takes the descriptor over from this socket; a second one reaches the connection all the same.
        self._second = socket.socket(fileno=os.dup(connected.fileno()))
        self._timer = Timer(_ANSWER_SECONDS, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        """End the connection, so that whoever waits on it goes on."""
        with contextlib.suppress(OSError):
            self._second.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Take the end back, once the answer is there."""
        self._timer.cancel()
        self._second.close()


class BoundedAdapter(HTTPAdapter):
    """Reads each answer completely and within limits, before sushy parses it as a resource."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Limit all answers together to a number of bytes."""
        super().__init__()
        self._most_bytes = self._left_bytes = most_bytes
        self._ends: list[_ConnectionEnd] = []
        self.poolmanager.pool_classes_by_scheme = {"https": _limited_pool(self._ends)}

    def send(self, request: PreparedRequest, *more: Any, **named: Any) -> Response:
        """Send a request and read the answer.

        Raises:
            InvalidJSONError: of requests: the answer is no JSON object, exceeds a limit, or redirects.
            RequestException: of requests: the service cannot be reached.
        """
        # Streamed, so that the limits apply while the body arrives and not after it is in memory.
        options = {**named, "stream": True}
        deadline = time.monotonic() + _ANSWER_SECONDS
        try:
            response = super().send(request, *more, **options)
            body = self._read_bounded(response)
        except (RequestException, OSError):
            # A connection that was cut off looks like one that broke.
            _require_time(deadline)
            raise
        finally:
            # Each connection is for one answer, whose end is its own.
            self.poolmanager.clear()
            while self._ends:
                self._ends.pop().forget()
        # Cut off, an answer of no stated length looks complete.
        _require_time(deadline)
        if response.ok:
            _require_resource(response, body, urlsplit(request.url or "").path)
        response._content = body  # noqa: SLF001 - as requests itself does once it has read an answer
        return response

    def _read_bounded(self, response: Response) -> bytes:
        """Read an answer's body; return an empty one for an error, whose body is not used."""
        body = bytearray()
        with response:
            for piece in response.iter_content(_PIECE):
                body += piece
                if len(body) > REDFISH.most_bytes:
                    raise InvalidJSONError(f"an answer has more than {REDFISH.most}")
                if len(body) > self._left_bytes:
                    most = f"{self._most_bytes >> 20} MiB"
                    raise InvalidJSONError(f"its answers have more than {most} together")
        self._left_bytes -= len(body)
        return bytes(body) if response.ok else b""


def _require_time(deadline: float) -> None:
    """Refuse an answer that took too long.

    Raises:
        InvalidJSONError: of requests: it did.
    """
    if time.monotonic() >= deadline:
        raise InvalidJSONError(f"an answer is not whole after {_ANSWER_SECONDS} s")


def _require_resource(response: Response, body: bytes, path: str) -> None:
    """Refuse an answer that holds no resource.

    Raises:
        InvalidJSONError: of requests: it redirects, or holds something else than a JSON object.
    """
    if response.status_code != HTTPStatus.OK:
        raise InvalidJSONError(f"it answers with status {response.status_code} in place of a resource")
    try:
        data = parse_json(body, path, REDFISH).data
    except SovereignError as error:
        raise InvalidJSONError(error.problems[0].message) from None
    if not isinstance(data, dict):
        raise InvalidJSONError("an answer is no JSON object")


class ReadOnlyConnector(Connector):  # type: ignore[misc]  # sushy has no types
    """sushy's connection with the refusals that this module describes."""

    def __init__(self, url: str, *, of_one: bool = False, **more: Any) -> None:
        super().__init__(url, **more)
        self._service = urlsplit(url)
        # Neither a proxy nor an account from the environment (`.netrc`) is used.
        self._session.trust_env = False
        self._session.mount("https://", BoundedAdapter(MOST_BYTES_OF_ONE if of_one else MOST_BYTES))
        self._most = min(MOST_REQUESTS, MOST_REQUESTS_OF_ONE) if of_one else MOST_REQUESTS
        self._left = self._most
        self._seconds = MOST_SECONDS_OF_ONE if of_one else MOST_SECONDS
        self._ends = time.monotonic() + self._seconds

    def _op(self, method: str, path: str = "", *more: Any, **named: Any) -> Any:
        """Send a request, if it is a GET to this service.

        Raises:
            ConnectionError: of sushy: it is another request.
        """
        target = urlsplit(path)
        if method != "GET":
            raise exceptions.ConnectionError(
                url=path, error=f"{method} is refused: this connection only reads"
            )
        is_same = (target.scheme, target.netloc) == (self._service.scheme, self._service.netloc)
        if target.netloc and not is_same:
            named_service = f"{target.scheme}://{target.netloc}"
            error = f"the service names {named_service}, which is another"
            raise exceptions.ConnectionError(url=path, error=error)
        self._left -= 1
        if self._left < 0:
            raise exceptions.ConnectionError(url=path, error=f"more than {counted(self._most, 'resource')}")
        if time.monotonic() > self._ends:
            raise exceptions.ConnectionError(url=path, error=f"it is not read after {self._seconds:,} s")
        # sushy repeats a request with these very arguments where the service was busy.
        return super()._op(method, path, *more, **{**named, "allow_redirects": False})

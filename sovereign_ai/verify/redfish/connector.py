"""A sushy connection to one Redfish service that only reads, and never sends the account to another host.

A resource may name others by absolute URLs, and an answer may redirect. A service that is broken or
compromised could so send the account to another host, or over plain HTTP. This connection refuses both. It
also refuses every verb but GET, a tree without an end, and an answer that is too large, too deep, no JSON or
never complete.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidJSONError
from sushy import exceptions
from sushy.connector import Connector

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import REDFISH, parse_json
from sovereign_ai.text import counted

MOST_REQUESTS = 20_000
"""Requests to one service; a server takes about 70, a large aggregator of 250 servers 17,500."""
MOST_REQUESTS_OF_ONE = 2_000
"""Requests to a service that speaks for one server."""
_PIECE = 1 << 16
_ANSWER_SECONDS = 60
"""Seconds for one whole answer; `requests` limits only the wait for each piece of it."""


class BoundedAdapter(HTTPAdapter):
    """Reads each answer completely and within limits, before sushy parses it as a resource."""

    def send(self, request: PreparedRequest, *more: Any, **named: Any) -> Response:
        """Send a request and read the answer.

        Raises:
            InvalidJSONError: of requests: the answer is no JSON, or exceeds a limit.
        """
        # Streamed, so that the limits apply while the body arrives and not after it is in memory.
        options = {**named, "stream": True}
        response = super().send(request, *more, **options)
        body = _read_bounded(response)
        if response.ok and body:
            try:
                parse_json(body, urlsplit(request.url or "").path, REDFISH)
            except SovereignError as error:
                raise InvalidJSONError(error.problems[0].message) from None
        response._content = body  # noqa: SLF001 - as requests itself does once it has read an answer
        return response


def _read_bounded(response: Response) -> bytes:
    """Read an answer's body; return an empty one for an error, whose body is not used."""
    body = bytearray()
    deadline = time.monotonic() + _ANSWER_SECONDS
    with response:
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) > REDFISH.most_bytes:
                raise InvalidJSONError(f"an answer has more than {REDFISH.most}")
            if time.monotonic() > deadline:
                raise InvalidJSONError(f"an answer is not whole after {_ANSWER_SECONDS} s")
    return bytes(body) if response.ok else b""


class ReadOnlyConnector(Connector):  # type: ignore[misc]  # sushy has no types
    """sushy's connection with the refusals that this module describes."""

    def __init__(self, url: str, *, of_one: bool = False, **more: Any) -> None:
        super().__init__(url, **more)
        self._service = urlsplit(url)
        # Neither a proxy nor an account from the environment (`.netrc`) is used.
        self._session.trust_env = False
        self._session.mount("https://", BoundedAdapter())
        self._most = min(MOST_REQUESTS, MOST_REQUESTS_OF_ONE) if of_one else MOST_REQUESTS
        self._left = self._most

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
        return super()._op(method, path, *more, **named, allow_redirects=False)

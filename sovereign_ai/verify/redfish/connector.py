"""A connection to one service that reads alone: the account goes to nobody else, whatever a service answers.

A resource may name others by whole addresses, and an answer may redirect; a service that is broken, or in other hands, could so send
the account to another host or down to plain HTTP. Here both are refused, and so is every verb but GET and a tree without an end.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sushy import exceptions
from sushy.connector import Connector

MOST_REQUESTS = 20_000
"""Requests to one service; a machine takes about 70, a large aggregator of 250 machines 17,500."""


class ReadOnlyConnector(Connector):  # type: ignore[misc]  # sushy has no types
    """sushy's connection, with those refusals."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self._here = urlsplit(url)
        self._session.trust_env = False
        self._left = MOST_REQUESTS

    def _op(self, method: str, path: str = "", *more: Any, **named: Any) -> Any:
        """Ask, if it is a question to this service.

        Raises:
            ConnectionError: of sushy: it is something else.
        """
        parts = urlsplit(path)
        if method != "GET":
            raise exceptions.ConnectionError(url=path, error=f"{method} is refused: this reads alone")
        if parts.netloc and (parts.scheme, parts.netloc) != (self._here.scheme, self._here.netloc):
            raise exceptions.ConnectionError(url=path, error=f"the service names {parts.scheme}://{parts.netloc}, which is another")
        self._left -= 1
        if self._left < 0:
            raise exceptions.ConnectionError(url=path, error=f"more than {MOST_REQUESTS:,} resources")
        return super()._op(method, path, *more, **named, allow_redirects=False)

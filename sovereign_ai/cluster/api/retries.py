"""Decide whether a request is sent once more, and how long to wait before.

A server that refuses with 429 or 503 and `Retry-After` is obeyed, within a limit, for every method: it has
not begun the work. After any other server error, and after a connection that was cut, the work may be done:
then only a request is repeated that has no further effect when it is carried out twice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sovereign_ai.cluster.api.deadlines import Patience
from sovereign_ai.cluster.api.errors import is_counting, is_starting
from sovereign_ai.cluster.api.wire_faults import Fault, FaultKind

TOO_MANY, UNAVAILABLE = 429, 503
BUSY = frozenset({TOO_MANY, UNAVAILABLE})
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = frozenset({501, 505})
"""Server errors that another attempt cannot change."""
_MOST_ERRORS, _MOST_CUTS, _MOST_ALERTS, _MOST_GARBLED = 3, 3, 2, 2
_FIRST, _LONGEST = 0.1, 1.0
_ROLES = "RBAC: "
_UNREAD = "not found"
"""A server that has just started forbids everything until it has read its roles, and names one that it lacks.

So it does for ever where the role is really not there.
"""
_FINAL = frozenset(
    {
        FaultKind.UNRESOLVED,
        FaultKind.UNTRUSTED,
        FaultKind.REFUSES_CLIENT,
        FaultKind.LOCAL,
        FaultKind.DEAD,
        FaultKind.SLOW,
    }
)
"""Faults after which another attempt would fail alike, or has had its time."""


class Retries:
    """The history of one request.

    Args:
        limits: how long each kind of fault may last.
        is_repeatable: whether the request may be carried out twice.
        has_answered: whether the server has answered anything in this process before.
    """

    def __init__(self, limits: Patience, *, is_repeatable: bool, has_answered: bool) -> None:
        self._limits = limits
        self._is_repeatable = is_repeatable
        self._closed_seconds = limits.back if has_answered else limits.connect
        self._closed_since: float | None = None
        self._began = time.monotonic()
        self._busy = 0.0
        self._counts: dict[str, int] = {}
        self.spent = 0.0
        """Seconds spent waiting for answers that did not come."""
        self.waited = 0.0
        """Seconds of pauses."""

    def begin(self) -> float:
        """Begin an attempt; return how long the connection may take, TLS included."""
        self._began = time.monotonic()
        if self._closed_since is None:
            return self._limits.handshake
        left = self._closed_since + self._closed_seconds - self._began
        return min(self._limits.handshake, max(_FIRST, left))

    def answer_seconds(self, usual: float) -> float:
        """Return how long the next answer may take; never less than the time of a health check."""
        return max(usual - self.spent, min(usual, self._limits.alive))

    def after_answer(
        self, status: int, headers: Mapping[str, str], message: str = "", path: str = ""
    ) -> float | None:
        """Return the pause before the next attempt; None if this answer is the last.

        Args:
            status: the HTTP status.
            headers: the answer's headers.
            message: the server's message, where there is one.
            path: the path of the request.
        """
        self._closed_since = None
        retry_after_seconds = retry_after(headers)
        if status == TOO_MANY or (status == UNAVAILABLE and retry_after_seconds is not None):
            return self._within_busy_limit(retry_after_seconds)
        if status >= _SERVER_ERROR and retry_after_seconds is not None and self._is_repeatable:
            return self._within_busy_limit(retry_after_seconds)
        if is_counting(status, path, message) or (status == UNAVAILABLE and self._is_repeatable):
            return self._within_busy_limit(None)
        if status >= _SERVER_ERROR and status not in _NOT_IMPLEMENTED and self._is_repeatable:
            return self._counted("errors", _MOST_ERRORS)
        lacks_role = status == 403 and _ROLES in message and _UNREAD in message
        if lacks_role or is_starting(status, message):
            return self._within_busy_limit(1.0)
        return None

    def after_fault(self, fault: Fault) -> float | None:
        """Return the pause before the next attempt; None if there is none."""
        may_repeat = self._is_repeatable or not fault.sent
        if not may_repeat or fault.kind in _FINAL:
            return None
        if fault.kind is FaultKind.CLOSED or (fault.kind is FaultKind.CUT and not fault.sent):
            return self._while_closed()
        self._closed_since = None
        if fault.kind is FaultKind.SILENT:
            return 0.0 if self.spent < self._limits.read - self._limits.alive else None
        most = {FaultKind.ALERT: _MOST_ALERTS, FaultKind.CUT: _MOST_CUTS, FaultKind.GARBLED: _MOST_GARBLED}[
            fault.kind
        ]
        return self._counted(fault.kind.name, most)

    def _within_busy_limit(self, retry_after_seconds: float | None) -> float | None:
        """Return the pause that the server requests; None where that exceeds the limit."""
        seconds = self._backoff("busy") if retry_after_seconds is None else max(retry_after_seconds, _FIRST)
        if self._busy + seconds > self._limits.busy:
            return None
        self._busy += seconds
        return seconds

    def _while_closed(self) -> float | None:
        """Try while a server may be starting."""
        now = time.monotonic()
        if self._closed_since is None:
            self._closed_since = self._began
        left = self._closed_since + self._closed_seconds - now
        return min(self._backoff("closed"), left) if left > _FIRST else None

    def _counted(self, what: str, most: int) -> float | None:
        """Allow a number of further attempts."""
        return self._backoff(what) if self._counts.get(what, 0) < most else None

    def _backoff(self, what: str) -> float:
        """Return a pause that doubles with each attempt of its kind."""
        count = self._counts.get(what, 0)
        self._counts[what] = count + 1
        return min(_FIRST * 2.0**count, _LONGEST)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`; None without one, or in a form that HTTP does not define.

    A date is compared with the answer's own date where it has one, so that a wrong local clock has no effect
    (RFC 9110, sections 6.6.1 and 10.2.3).

    >>> retry_after({"Retry-After": "7"})
    7.0
    >>> retry_after({"Retry-After": "Thu, 26 Nov 2026 12:00:09 GMT", "Date": "Thu, 26 Nov 2026 12:00:00 GMT"})
    9.0
    """
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])  # a longer number exceeds every limit anyway
    requested = _moment(text)
    if requested is None:
        return None
    now = _moment((headers.get("Date") or "").strip()) or datetime.now(UTC)
    return max(0.0, (requested - now).total_seconds())


def _moment(text: str) -> datetime | None:
    """Return an HTTP date; None where the text is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

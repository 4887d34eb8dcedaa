"""Classify the faults of a connection to an API server: requests without a complete answer.

The kind of a fault decides whether another attempt may help. Whether the request was sent decides whether
another attempt could carry it out twice. The words hold the cause as the system or the TLS library reports
it.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from http.client import HTTPException
from typing import TYPE_CHECKING

from sovereign_ai.cluster.api.deadlines import ReadVerdict
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cluster.api.deadlines import Clock

LOCAL_LIMITS = {
    errno.EMFILE: "let the user have more open files (`ulimit -n`)",
    errno.ENFILE: "end some programs: the system has no room for more open files",
    errno.ENOMEM: "free some memory, or raise the limit on it (`ulimit -v`)",
    errno.ENOBUFS: "free some memory: the system has no room for network buffers",
    errno.EADDRNOTAVAIL: "end some programs: no local port is free for the connection",
}
"""Errors of the local system, which the server cannot fix, and their hints."""
_VERIFY_EXPIRED, _VERIFY_NOT_YET, _VERIFY_HOSTS = 10, 9, frozenset({62, 64})
"""OpenSSL's X509_V_ERR codes: expired, not yet valid, and another host name or address."""
_REFUSES_CLIENT = re.compile(
    "BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN"
    "|CERTIFICATE_REQUIRED|ACCESS_DENIED"
)
"""Alerts by which a server refuses the client's certificate; another attempt changes nothing."""


class FaultKind(Enum):
    """Kinds of faults, by what may resolve them."""

    CLOSED = "no connection; the server may be starting"
    UNRESOLVED = "no address for the name"
    UNTRUSTED = "the server's certificate is not accepted"
    REFUSES_CLIENT = "the server does not accept the client's certificate"
    ALERT = "the TLS connection failed"
    CUT = "the connection broke off"
    SILENT = "no byte arrived on this connection"
    DEAD = "the server answers nothing"
    SLOW = "the answer took too long"
    GARBLED = "the answer is not what an API server sends"
    LOCAL = "this machine has no room for the connection"


@frozen_dataclass
class Fault:
    """One failed attempt.

    Attributes:
        kind: the kind.
        words: the cause, for a person.
        sent: whether the server may have carried out the request.
        hint: what to do, where the kind alone is not enough.
    """

    kind: FaultKind
    words: str
    sent: bool
    hint: str = ""


def fault_of(error: BaseException, clock: Clock) -> Fault:
    """Classify the error of one attempt.

    Args:
        error: the error that the HTTP client raised.
        clock: the attempt's clock, which knows whether the request was sent.
    """
    causes = list(_causes(error))
    for cause in causes:
        number = cause.errno if isinstance(cause, OSError) else None
        if number in LOCAL_LIMITS:
            return Fault(FaultKind.LOCAL, os.strerror(number), clock.sent, LOCAL_LIMITS[number])
    if clock.verdict is not None:
        return _timed_out(clock)
    fault = _of_tls(causes, clock) or _of_connecting(causes, clock)
    return fault or Fault(FaultKind.CUT, _system_words(causes), clock.sent)


def _of_tls(causes: list[BaseException], clock: Clock) -> Fault | None:
    """Classify a failure of TLS; return None where it was another."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause)
    for cause in causes:
        # A connection that was cut in the middle of TLS is no failure of TLS.
        is_cut = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(cause, ssl.SSLError) and not is_cut:
            return _alert(cause, clock)
    return None


def _of_connecting(causes: list[BaseException], clock: Clock) -> Fault | None:
    """Classify a failure to connect; return None where the connection was established."""
    import urllib3  # noqa: PLC0415 - start-up time

    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return Fault(FaultKind.UNRESOLVED, _last_lines(causes), sent=False)
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        through = "no connection to the proxy: " if _is_proxy(causes) else ""
        return Fault(FaultKind.CLOSED, through + _system_words(causes), sent=False)
    timeouts = TimeoutError | urllib3.exceptions.TimeoutError
    if not clock.sent and any(isinstance(cause, timeouts) for cause in causes):
        return Fault(FaultKind.CLOSED, "the connection was not up in time", sent=False)
    return None


def _is_proxy(causes: list[BaseException]) -> bool:
    """Return whether the connection failed at a proxy and not at the server."""
    import urllib3  # noqa: PLC0415 - start-up time

    return any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes)


def _timed_out(clock: Clock) -> Fault:
    """Return the fault of an attempt that its clock ended, with how far it came."""
    if clock.verdict is ReadVerdict.DEAD:
        words = "it accepts connections and does not answer"
        if clock.received:
            words = f"it fell silent after {clock.received} bytes of the answer"
        return Fault(FaultKind.DEAD, words, clock.sent)
    if clock.verdict is ReadVerdict.SILENT:
        return Fault(FaultKind.SILENT, "it answers other requests, and nothing came for this one", clock.sent)
    words = "it answers other requests, and did not answer this one in time"
    if clock.received:
        words = f"too slow: {clock.received} bytes"
    return Fault(FaultKind.SLOW, words, clock.sent)


def _untrusted(cause: ssl.SSLCertVerificationError) -> Fault:
    """Return the fault of a server certificate that verification refuses."""
    words = cause.verify_message or str(cause)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if cause.verify_code in {_VERIFY_EXPIRED, _VERIFY_NOT_YET}:
        # A wrong local clock looks like a wrong certificate.
        hint = f"renew the server's certificate, or set this machine's clock, which shows {now}"
    elif cause.verify_code in _VERIFY_HOSTS:
        hint = "use an address that the server's certificate names, or tls-server-name in the kubeconfig"
    else:
        hint = (
            "the server's certificate is not signed by the authority in the kubeconfig; "
            "use the kubeconfig that belongs to this server"
        )
    return Fault(FaultKind.UNTRUSTED, words, sent=False, hint=hint)


def _alert(cause: ssl.SSLError, clock: Clock) -> Fault:
    """Return the fault of a TLS alert: about the client certificate, or any other."""
    words = "TLS failed: " + str(cause.reason or cause).replace("_", " ").lower()
    if cause.reason and _REFUSES_CLIENT.search(cause.reason):
        return Fault(FaultKind.REFUSES_CLIENT, words, clock.sent)
    return Fault(FaultKind.ALERT, words, clock.sent)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, the outermost first."""
    # Errors may wrap each other in a circle, by `reason` and `__context__`.
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        waiting += [part for part in inner if isinstance(part, BaseException)]


def _system_words(causes: list[BaseException]) -> str:
    """Return the system's text for the innermost error that has one."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLError):
            return "the server broke off the TLS connection"
        if isinstance(cause, HTTPException | ConnectionError) and str(cause):
            return str(cause)
    return _last_lines(causes)


def _last_lines(causes: list[BaseException]) -> str:
    """Return the text of the innermost error that has one."""
    for cause in reversed(causes):
        if str(cause):
            return str(cause)
    return type(causes[0]).__name__

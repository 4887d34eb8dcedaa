from __future__ import annotations

import errno
import ssl

import pytest
import urllib3

from sovereign_ai.cluster.api.deadlines import Clock, ReadVerdict
from sovereign_ai.cluster.api.wire_faults import FaultKind, fault_of


def clock(verdict: ReadVerdict | None = None, *, sent: bool = False, received: int = 0) -> Clock:
    made = Clock(1, 1, 1, lambda: True, is_repeatable=True)
    made.verdict, made.sent, made.received = verdict, sent, received
    return made


def wrapped(cause: BaseException) -> Exception:
    error = urllib3.exceptions.ProtocolError("aborted", cause)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "no"), FaultKind.LOCAL, "Too many open files"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), FaultKind.CUT, "Connection reset by peer"),
        (ssl.SSLEOFError(8, "EOF"), FaultKind.CUT, "the server broke off the TLS connection"),
        (TimeoutError("timed out"), FaultKind.CLOSED, "the connection was not up in time"),
    ],
)
def test_a_fault_is_classified_by_its_innermost_cause(
    error: BaseException, kind: FaultKind, words: str
) -> None:
    fault = fault_of(wrapped(error), clock())
    assert (fault.kind, fault.words) == (kind, words)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", FaultKind.REFUSES_CLIENT),
        ("WRONG_VERSION_NUMBER", FaultKind.ALERT),
    ],
)
def test_an_alert_about_the_client_certificate_is_told_from_others(reason: str, kind: FaultKind) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    assert fault_of(wrapped(error), clock()).kind is kind


@pytest.mark.parametrize(
    ("verdict", "received", "words"),
    [
        (ReadVerdict.DEAD, 0, "it accepts connections and does not answer"),
        (ReadVerdict.DEAD, 7, "it fell silent after 7 bytes of the answer"),
        (ReadVerdict.SLOW, 7, "too slow: 7 bytes"),
        (ReadVerdict.SLOW, 0, "it answers other requests, and did not answer this one in time"),
    ],
)
def test_an_attempt_that_its_clock_ended_reports_how_far_it_came(
    verdict: ReadVerdict, received: int, words: str
) -> None:
    fault = fault_of(TimeoutError(), clock(verdict, sent=True, received=received))
    assert (fault.words, fault.sent) == (words, True)


def test_an_expired_certificate_may_be_a_wrong_local_clock() -> None:
    error = ssl.SSLCertVerificationError("expired")
    error.verify_code, error.verify_message = 10, "certificate has expired"
    fault = fault_of(wrapped(error), clock())
    assert (fault.kind, fault.words, fault.sent) == (FaultKind.UNTRUSTED, "certificate has expired", False)
    assert "this machine's clock" in fault.hint


def test_errors_that_wrap_each_other_are_walked_once() -> None:
    first, second = ValueError("first"), OSError(errno.ECONNREFUSED, "refused")
    first.__cause__, second.__context__ = second, first
    assert fault_of(first, clock()).words == "Connection refused"

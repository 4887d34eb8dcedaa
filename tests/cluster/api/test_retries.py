"""How often, and after which pause, a request is sent once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sovereign_ai.cluster.api.deadlines import Patience
from sovereign_ai.cluster.api.retries import Retries, retry_after
from sovereign_ai.cluster.api.wire_faults import Fault, FaultKind

LIMITS = Patience()


def retries(is_repeatable: bool = True, has_answered: bool = True) -> Retries:
    made = Retries(LIMITS, is_repeatable=is_repeatable, has_answered=has_answered)
    made.begin()
    return made


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("1e3", None),
        ("Thu, 99", None),
    ],
)
def test_seconds_are_read_and_what_is_no_time_is_none(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds


@pytest.mark.parametrize("off", [timedelta(0), timedelta(days=400), timedelta(days=-400)])
def test_a_date_counts_from_the_answer_s_own_date_whatever_this_machine_s_clock_says(off: timedelta) -> None:
    theirs = datetime.now(UTC) + off
    headers = {
        "Retry-After": format_datetime(theirs + timedelta(seconds=9), usegmt=True),
        "Date": format_datetime(theirs, usegmt=True),
    }
    assert retry_after(headers) == 9


def test_a_date_that_is_over_asks_for_no_wait() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert retry_after({"Retry-After": past}) == 0


@pytest.mark.parametrize("status", range(100, 600))
def test_only_what_the_server_may_not_have_begun_is_repeated_for_a_request_that_counts_twice(
    status: int,
) -> None:
    plain = retries(is_repeatable=False).after_answer(status, {})
    retry_after_seconds = retries(is_repeatable=False).after_answer(status, {"Retry-After": "1"})
    assert (plain is not None) is (status == 429)
    assert (retry_after_seconds is not None) is (status in {429, 503})


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_a_server_error_is_repeated_a_bounded_number_of_times(status: int) -> None:
    tries = retries()
    pauses = [tries.after_answer(status, {}) for _ in range(10)]
    given = [pause for pause in pauses if pause is not None]
    assert 2 <= len(given) <= 5
    assert given == sorted(given)
    assert pauses[len(given) :] == [None] * (10 - len(given))


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 410, 422, 501])
def test_an_answer_that_stays_the_same_is_never_asked_for_once_more(status: int) -> None:
    assert retries().after_answer(status, {}) is None


def test_all_waits_that_a_server_asks_for_are_bounded_together() -> None:
    tries, total = retries(), 0.0
    while (pause := tries.after_answer(503, {"Retry-After": "7"})) is not None:
        total += pause
    assert total == 35
    assert total <= LIMITS.busy < total + 7


def test_a_server_that_is_unavailable_and_names_no_time_is_waited_for_like_a_busy_one() -> None:
    tries, total = retries(), 0.0
    while (pause := tries.after_answer(503, {})) is not None:
        total += pause
    assert total <= LIMITS.busy < total + 1.0


def test_a_server_that_says_it_may_be_asked_at_once_is_not_asked_without_end() -> None:
    tries = retries()
    pauses = [tries.after_answer(429, {"Retry-After": "0"}) for _ in range(2000)]
    assert pauses[-1] is None


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("sent", [False, True])
def test_no_fault_is_repeated_without_end_and_none_that_may_count_twice(kind: FaultKind, sent: bool) -> None:
    once = retries(is_repeatable=False).after_fault(Fault(kind, "it broke", sent))
    assert not (sent and once is not None)
    tries = retries()
    if kind in {
        FaultKind.UNTRUSTED,
        FaultKind.REFUSES_CLIENT,
        FaultKind.DEAD,
        FaultKind.SLOW,
        FaultKind.LOCAL,
        FaultKind.UNRESOLVED,
    }:
        assert tries.after_fault(Fault(kind, "it broke", sent)) is None
    elif kind not in {FaultKind.CLOSED, FaultKind.CUT} or sent:
        tries.spent = LIMITS.read if kind is FaultKind.SILENT else 0.0
        pauses = [tries.after_fault(Fault(kind, "it broke", sent)) for _ in range(20)]
        assert pauses[-1] is None or kind is FaultKind.CLOSED

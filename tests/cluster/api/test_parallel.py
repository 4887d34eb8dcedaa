from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from sovereign_ai.cluster.api.errors import ApiError, UnreachableError, refusal, unreachable
from sovereign_ai.cluster.api.parallel import many


def raising(error: Exception) -> None:
    raise error


def test_results_keep_the_order_of_their_calls() -> None:
    def slow(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number

    assert many([partial(slow, number) for number in range(8)]) == list(range(8))
    assert many([]) == []


def test_refusals_are_collected_while_the_other_calls_are_made() -> None:
    made: list[int] = []
    calls = [
        partial(raising, refusal("GET", "/a", 404, {})),
        partial(made.append, 1),
        partial(raising, refusal("GET", "/b", 409, {})),
    ]
    with pytest.raises(ApiError) as caught:
        many(calls)
    assert [problem.where.field for problem in caught.value.problems] == ["/a", "/b"]
    assert made == [1]


def test_no_call_begins_after_the_server_stopped_answering() -> None:
    began: list[int] = []
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise unreachable("https://a", "closed")

    calls = [fail, *(partial(began.append, number) for number in range(200))]
    with pytest.raises(UnreachableError):
        many(calls, workers=1)
    assert failed.is_set()
    assert began == []

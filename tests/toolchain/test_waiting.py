"""Waiting for events without a notification."""

from __future__ import annotations

import asyncio
import time

import pytest

from sovereign_ai.toolchain import polling, polling_async, wait_until


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves on; the seconds of each sleep."""
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


def test_a_condition_that_holds_is_checked_once_and_one_that_never_does_is_given_up() -> None:
    asked: list[bool] = []
    assert wait_until(lambda: asked.append(True) or True, 0)  # type: ignore[func-returns-value]
    assert asked == [True]
    assert not wait_until(lambda: False, 0)


def test_a_condition_is_checked_until_it_holds() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 60)


def test_the_last_check_begins_after_the_time_is_up_and_nothing_follows_it(pauses: list[float]) -> None:
    assert list(polling(2, 1)) == [False, False, False, True]
    assert pauses == [1, 1, 1]


def test_a_coroutine_is_given_the_same_checks(pauses: list[float]) -> None:
    async def checks() -> list[bool]:
        return [is_last async for is_last in polling_async(2, 1)]

    assert asyncio.run(checks()) == [False, False, False, True]
    assert pauses == [1, 1, 1]


def test_a_check_that_takes_long_is_followed_by_a_long_pause(pauses: list[float]) -> None:
    for is_last in polling(10, 1, share=2):
        if not is_last:
            pauses.append(3)
    # Three seconds each for the check itself, and a pause of one second and twice the three.
    assert pauses == [3, 7, 3, 7]

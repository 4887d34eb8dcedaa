"""Waiting for what says nothing when it happens."""

from __future__ import annotations

from sovereign_ai.toolchain.waiting import wait_until


def test_what_holds_already_is_asked_once_and_what_never_holds_is_given_up() -> None:
    asked: list[bool] = []
    assert wait_until(lambda: asked.append(True) or True, 0)  # type: ignore[func-returns-value]
    assert asked == [True]
    assert not wait_until(lambda: False, 0)


def test_it_asks_until_it_holds() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 60)

"""The loop: a cordon waits for no round, and a round that fails is followed by another."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

from sovereign_ai.cluster.api import UnreachableError
from sovereign_ai.errors import Problem
from sovereign_ai.operate.repair.loop import work

LIMIT = 30.0


class Watched:
    """Reports a change as soon as a round has begun."""

    def __init__(self) -> None:
        self.change = threading.Event()

    def wait(self, seconds: float) -> bool:
        has_changed = self.change.wait(seconds)
        self.change.clear()
        return has_changed


class Controller:
    """Its rounds last until a cordon was made."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.has_cordoned = threading.Event()

    def round(self, _now: datetime) -> tuple[str, ...]:
        self.watched.change.set()
        assert self.has_cordoned.wait(LIMIT)
        return ("round",)

    def cordon(self, _now: datetime) -> tuple[str, ...]:
        self.has_cordoned.set()
        return ("cordon",)


def test_a_cordon_waits_for_no_round() -> None:
    watched, stop, told = Watched(), threading.Event(), list[Any]()

    def report(done: Any) -> None:
        told.extend(done)
        if {"round", "cordon"} <= set(told):
            stop.set()

    work(Controller(watched), watched, stop, 0.001, report, told.append)  # type: ignore[arg-type]
    assert set(told) == {"cordon", "round"}
    assert not [thread for thread in threading.enumerate() if thread.name == "cordon"]


def test_a_round_that_is_not_possible_is_told_and_followed_by_another() -> None:
    watched, stop, told = Watched(), threading.Event(), list[Any]()

    class Failing(Controller):
        rounds = 0

        def round(self, _now: datetime) -> tuple[str, ...]:
            self.rounds += 1
            if self.rounds == 1:
                raise UnreachableError(Problem("unreachable", "nothing answers"))
            stop.set()
            return ("round",)

    work(Failing(watched), watched, stop, 0.001, told.extend, lambda error: told.append(str(error)))  # type: ignore[arg-type]
    assert told == ["nothing answers [unreachable]", "round"]

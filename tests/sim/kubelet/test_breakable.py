"""Broken GPUs, and streams that wait for a change."""

from __future__ import annotations

import threading
import time

from sovereign_ai.sim.kubelet.breakable import Breakable


def test_a_stream_without_a_known_state_gets_the_present_one_at_once() -> None:
    assert Breakable()._after(-1, seconds=60) == (0, frozenset())


def test_the_same_broken_gpus_are_no_change() -> None:
    offers = Breakable()
    offers.break_gpus(frozenset({1}))
    offers.break_gpus(frozenset({1}))
    assert offers._after(0, seconds=0) == (1, frozenset({1}))


def test_a_stream_that_waits_is_woken_by_a_change_and_not_by_its_time() -> None:
    offers = Breakable()
    timer = threading.Timer(0.05, offers.break_gpus, [frozenset({3})])
    timer.start()
    began = time.monotonic()
    assert offers._after(0, seconds=60) == (1, frozenset({3}))
    assert time.monotonic() - began < 30
    timer.join()


def test_without_a_change_a_stream_is_back_after_its_time() -> None:
    assert Breakable()._after(0, seconds=0.01) == (0, frozenset())

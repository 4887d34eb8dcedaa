"""Ctrl-C as an event."""

from __future__ import annotations

import os
import signal
import threading
import weakref

import pytest

from sovereign_ai.cli.interrupt import stopping_at_interrupt


class Thing:
    """Something that can be forgotten."""


def test_an_interrupt_sets_the_event_and_raises_nothing() -> None:
    stop = threading.Event()
    with stopping_at_interrupt(stop):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(30)


def test_an_interrupt_in_a_callback_of_the_interpreter_is_not_lost() -> None:
    stop = threading.Event()
    thing = Thing()
    # An exception that is raised in here is printed and forgotten.
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    with stopping_at_interrupt(stop):
        del thing
        assert stop.wait(30)
    assert reference() is None


def test_afterwards_an_interrupt_is_one_again() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopping_at_interrupt(threading.Event()):
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


def test_without_an_interrupt_the_event_stays_unset() -> None:
    stop = threading.Event()
    with stopping_at_interrupt(stop):
        pass
    assert not stop.is_set()


def test_another_thread_is_left_as_it_is() -> None:
    former = signal.getsignal(signal.SIGINT)
    seen = []

    def run() -> None:
        with stopping_at_interrupt(threading.Event()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [former]

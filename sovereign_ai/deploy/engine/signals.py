"""End in order at a termination signal: this process, or a child process to which it is forwarded.

A child that gets a second signal, or whose output is no longer read, exits without cleaning up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LIKE_CTRL_C = (signal.SIGTERM, signal.SIGHUP)
_MOST_NUMBERS = 64
"""Signals that are read at once."""


@contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, where they would end the process at once.

    A signal that is ignored, as under `nohup`, or that the caller handles, is left as it is.
    """
    # Python sets signal handlers in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {}
    for request in _LIKE_CTRL_C:
        if signal.getsignal(request) is signal.SIG_DFL:
            before[request] = signal.signal(request, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def forwarding_signals(first: Callable[[], object]) -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """Forward the block's first termination signal to a child as one SIGINT, and ignore all further ones.

    Signals that were ignored before stay ignored, as under `nohup`. Python delivers signals to the main
    thread only: in any other thread the block runs without forwarding.

    Args:
        first: called once, at the first signal, in a thread of its own.

    Yields:
        A function to call with the child once it has started. If a signal came before, the child gets it
        then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda _child: None
        return
    received: list[int] = []
    children: list[subprocess.Popen[str]] = []
    held = threading.Lock()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def forward() -> None:
        # The system may hand a signal to any thread, above all after a stop. Where that is another one, the
        # main thread goes on waiting for the child's output, and only it runs handlers in Python.
        while numbers := os.read(reader, _MOST_NUMBERS):
            if former_descriptor != -1:
                with contextlib.suppress(OSError):
                    os.write(former_descriptor, numbers)
            if received or not {*numbers} & {*handled}:
                continue
            with held:
                received.extend(numbers)
                for child in children:
                    child.send_signal(signal.SIGINT)
            first()

    def register(child: subprocess.Popen[str]) -> None:
        with held:
            children.append(child)
            if received:
                child.send_signal(signal.SIGINT)

    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    former_descriptor = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in handled}
    forwarder = threading.Thread(target=forward)
    forwarder.start()
    try:
        yield register
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_descriptor)
        # Nobody can write to the pipe any more, so that the thread reads its end.
        os.close(writer)
        forwarder.join()
        os.close(reader)

"""End in order at a termination signal: this process, or a child process to which it is forwarded.

A child that gets a second signal, or whose output is no longer read, exits without cleaning up.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LIKE_CTRL_C = (signal.SIGTERM, signal.SIGHUP)


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
    woken = threading.Event()

    def forward(number: int, _frame: Any) -> None:
        received.append(number)
        if len(received) == 1:
            for child in children:
                child.send_signal(signal.SIGINT)
            # `first` is not called in here: it writes, and the interrupted code may be in the middle of a
            # write.
            woken.set()

    def register(child: subprocess.Popen[str]) -> None:
        # A signal between the two steps would be forwarded twice.
        signal.pthread_sigmask(signal.SIG_BLOCK, handled)
        children.append(child)
        if received:
            child.send_signal(signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)

    def notify() -> None:
        woken.wait()
        if received:
            first()

    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in handled}
    notifier = threading.Thread(target=notify)
    notifier.start()
    try:
        yield register
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # Also without a signal: the thread would wait for ever.
        woken.set()
        notifier.join()

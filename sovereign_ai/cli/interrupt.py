"""Requests to end (Ctrl-C, SIGTERM, SIGHUP), as an exception once, or as an event for commands with threads.

A command hears the first request and ends in order. One that comes soon after it, as a second Ctrl-C or the
SIGTERM that a pipeline adds, would come in the middle of what the first one makes it clean up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sovereign_ai.errors import ExitCode

_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEAF_SECONDS = 5.0
"""How long further requests are ignored; later ones count again, for a command that hangs as it ends."""
_SECONDS_OUT_OF_CALLBACK = 0.05
_SIGNAL_BASE = 128
"""Shells add it to the number of the signal that ended a program."""
_MOST_NOTED = 64


@dataclass
class _Requests:
    """What this process was asked.

    Attributes:
        deaf_until: no request counts before, by the monotonic clock; 0 until one comes.
        reader: gets the number of each signal, whoever handles it; -1 before `heed_requests` is called.
    """

    deaf_until: float = 0.0
    reader: int = -1


_requests = _Requests()


def heed_requests() -> None:
    """Let a request to end raise KeyboardInterrupt from now on, unless it is ignored, as under `nohup`."""
    if threading.current_thread() is not threading.main_thread():
        # Python delivers signals to the main thread only.
        return
    _requests.reader, writer = os.pipe()
    for descriptor in (_requests.reader, writer):
        os.set_blocking(descriptor, False)
    # By the descriptor the first number is known also where a run of the engine handles signals by itself.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    sys.unraisablehook = _repeat_lost_request
    for request in _handled_requests():
        signal.signal(request, _end)


def ignore_requests() -> None:
    """Hear no request any more: the command has ended, and only the exit of the process is left."""
    if _requests.reader != -1:
        for request in _handled_requests():
            signal.signal(request, signal.SIG_IGN)


def was_requested() -> bool:
    """Return whether the process was asked to end."""
    return _requests.deaf_until > 0.0


def exit_code_of_request() -> int:
    """Return the exit code of an interrupted command, by the signal that came first: of Ctrl-C it is 130."""
    noted = b""
    with contextlib.suppress(OSError):
        noted = os.read(_requests.reader, _MOST_NOTED)
    for number in noted:
        if number in _REQUESTS:
            return _SIGNAL_BASE + number
    return int(ExitCode.INTERRUPTED)


def _handled_requests() -> list[signal.Signals]:
    """Return the requests that are not ignored."""
    return [request for request in _REQUESTS if signal.getsignal(request) is not signal.SIG_IGN]


def _end(_number: int, _frame: Any) -> None:
    now = time.monotonic()
    if now >= _requests.deaf_until:
        _requests.deaf_until = now + _DEAF_SECONDS
        raise KeyboardInterrupt


def _repeat_lost_request(lost: Any) -> None:
    """Repeat a request whose exception the interpreter could only print: it came in one of its callbacks."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    _requests.deaf_until = 0.0
    # Not at once, which would be in the same callback.
    again = threading.Timer(_SECONDS_OUT_OF_CALLBACK, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True
    again.start()


@contextmanager
def stopping_at_interrupt(stop: threading.Event) -> Iterator[None]:
    """Set an event at a request to end, and raise nothing, as long as the block runs.

    A KeyboardInterrupt is raised wherever the main thread happens to be. In a callback of the interpreter's
    it is printed and lost, and a command that waits for it goes on. The handler cannot set the event itself,
    since the main thread may be holding the event's lock; so a thread waits for the signal's byte.

    Args:
        stop: the event.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python delivers signals to the main thread only.
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def wait() -> None:
        if os.read(reader, 1):
            stop.set()

    thread = threading.Thread(target=wait, name="interrupt", daemon=True)
    thread.start()
    former_descriptor = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    former = {request: signal.signal(request, lambda *_: None) for request in _handled_requests()}
    try:
        yield
    finally:
        for request, handler in former.items():
            signal.signal(request, handler)
        signal.set_wakeup_fd(former_descriptor)
        # Nobody can write to the pipe any more, so that a thread which still waits reads its end.
        os.close(writer)
        thread.join()
        os.close(reader)

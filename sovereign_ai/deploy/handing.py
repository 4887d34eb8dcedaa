"""Hands on to a child what asks us to end, so that it comes to its own end and is heard until then.

A child that is asked twice, or whose reader is gone, ends without putting its things in order.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handing_on(first: Callable[[], object]) -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """For as long as the block runs, hand on the first request to end as one SIGINT, and take no further one.

    It gives what the child is told to once it has started: one that was asked to end before is asked then.

    A request that was ignored when we began stays ignored, as under `nohup`. Only a program's main thread
    can do it; in any other the block runs as it is.

    Args:
        first: called once, at the first request, in a thread of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda _child: None
        return
    asked: list[int] = []
    child: list[subprocess.Popen[str]] = []
    woken = threading.Event()

    def hand_on(number: int, _frame: Any) -> None:
        asked.append(number)
        if len(asked) == 1:
            for one in child:
                one.send_signal(signal.SIGINT)
            woken.set()  # nothing is said in here: what we interrupted may be speaking itself

    def take(one: subprocess.Popen[str]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # else a request in between is handed on twice
        child.append(one)
        if asked:
            one.send_signal(signal.SIGINT)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, wanted)

    def tell() -> None:
        woken.wait()
        if asked:
            first()

    wanted = [number for number in _REQUESTS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hand_on) for number in wanted}
    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield take
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.set()
        teller.join()

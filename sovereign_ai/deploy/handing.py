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
def handing_on(process: subprocess.Popen[str], first: Callable[[], object]) -> Iterator[None]:
    """For as long as the block runs, hand on the first request to end as one SIGINT, and take no further one.

    A request that was ignored when we began stays ignored, as under `nohup`. Only a program's main thread
    can do it; in any other the block runs as it is.

    Args:
        process: the child, in a session of its own.
        first: called once, after the child was asked, in a thread of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    woken = threading.Event()

    def hand_on(number: int, _frame: Any) -> None:
        asked.append(number)
        if len(asked) == 1:
            process.send_signal(signal.SIGINT)
            woken.set()  # nothing is said in here: what we interrupted may be speaking itself

    def tell() -> None:
        woken.wait()
        if asked:
            first()

    wanted = [number for number in _REQUESTS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hand_on) for number in wanted}
    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.set()
        teller.join()

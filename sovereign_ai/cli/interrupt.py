"""Ctrl-C as an event, for commands whose threads end what they have begun."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopping_at_interrupt(stop: threading.Event) -> Iterator[None]:
    """Set an event at Ctrl-C, and raise nothing, as long as the block runs.

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
    former_handler = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former_handler)
        signal.set_wakeup_fd(former_descriptor)
        # Nobody can write to the pipe any more, so that a thread which still waits reads its end.
        os.close(writer)
        thread.join()
        os.close(reader)

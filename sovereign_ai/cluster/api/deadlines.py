"""Deadlines of requests to an API server, and a TLS socket that keeps them.

The timeout of a socket bounds one read: a server that sends one byte a second never exceeds it, and a slow
server looks like a dead one. Here a request has a clock. While nothing arrives, the clock checks on another
connection whether the server answers anything at all; a server that is alive gets its time, a dead one does
not. Bytes that arrive at a useful rate extend the time.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, NoReturn

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass

SECONDS = "SOVEREIGN_AI_API_SECONDS"
"""Environment variable: the seconds that a read may take; the other limits follow in proportion."""
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 3600.0
_USUAL_READ = 15.0
_SLICE = 0.5
"""Seconds after which a blocked read checks its clock, so that a call that was stopped ends."""
_BYTES_PER_SECOND = 16_384
"""Below this rate an answer counts as silent; a page of 500 objects is about a megabyte."""


@frozen_dataclass
class Patience:
    """Limits in seconds.

    Attributes:
        handshake: for one attempt to connect, TLS included.
        connect: for all attempts to connect to a server that has not answered in this process.
        back: the same for a server that has answered before, since it may be restarting.
        silence: without one byte, before the server's health is checked.
        alive: for that health check.
        read: for a request that changes nothing.
        write: for a request that changes something. The API server itself gives up after 60 s
            (`--request-timeout`), of which each admission webhook may take 30 s.
        busy: for all pauses that a server requests (429, 503).
    """

    handshake: float = 4.0
    connect: float = 5.0
    back: float = 12.0
    silence: float = 6.0
    alive: float = 2.5
    read: float = _USUAL_READ
    write: float = 65.0
    busy: float = 40.0


def patience() -> Patience:
    """Return the limits: the usual ones, or those that follow from the environment.

    Raises:
        UsageError: the variable is no number of seconds within bounds.
    """
    text = os.environ.get(SECONDS, "").strip()
    if not text:
        return Patience()
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        expected = f"a number of seconds from {_LEAST_SECONDS:g} to {_MOST_SECONDS:g}"
        hint = f"unset it for the usual {_USUAL_READ:g} seconds"
        message = f"{SECONDS} is {text[:40]!r}; expected {expected}"
        raise UsageError(Problem("bad-environment", message, Where(), hint))
    usual = Patience()
    share = seconds / _USUAL_READ
    return Patience(
        handshake=usual.handshake * share,
        connect=usual.connect * share,
        back=usual.back * share,
        silence=usual.silence * share,
        alive=usual.alive * share,
        read=seconds,
        write=max(usual.write, seconds),
        busy=max(usual.busy, seconds),
    )


class StoppedError(Exception):
    """The call was stopped, because another one of the same batch has failed for good."""


class ReadVerdict(Enum):
    """Why a clock ended an attempt."""

    SLOW = "the time of the request is over"
    SILENT = "nothing arrived on this connection, and the server answers on others"
    DEAD = "nothing arrived, and the server answers nothing else either"


class Clock:
    """The time of one attempt at a request.

    Attributes:
        sent: whether a part of the request has left; from then on the server may have carried it out.
        received: bytes of the answer.
        verdict: why the clock ended the attempt; None if it did not.

    Args:
        connect_seconds: until the connection is established, TLS included.
        seconds: for the whole attempt.
        silence_seconds: without a byte, before `is_alive` is called.
        is_alive: checks whether the server answers anything.
        is_repeatable: give up a silent connection although the server is alive, since a new one may work.
    """

    def __init__(
        self,
        connect_seconds: float,
        seconds: float,
        silence_seconds: float,
        is_alive: Callable[[], bool],
        *,
        is_repeatable: bool,
    ) -> None:
        now = time.monotonic()
        self.sent = False
        self.received = 0
        self.verdict: ReadVerdict | None = None
        self._connect_end = now + connect_seconds
        self._end = now + connect_seconds + seconds
        self._seconds = seconds
        self._quiet_since = now
        self._silence = silence_seconds
        self._is_alive = is_alive
        self._is_repeatable = is_repeatable
        self._stop = getattr(_thread, "stop", None)

    def handshake_seconds(self) -> float:
        """Return how long the handshake may still take."""
        # Never 0, which would make the socket non-blocking.
        return max(0.01, self._connect_end - time.monotonic())

    def begin(self) -> None:
        """Note that the request is sent now, from when on the time for the answer counts."""
        if not self.sent:
            now = time.monotonic()
            self.sent, self._quiet_since, self._end = True, now, now + self._seconds

    def slice(self) -> float:
        """Return how long the next blocking call may take."""
        return max(0.01, min(_SLICE, self._end - time.monotonic()))

    def note_received(self, count: int) -> None:
        """Note that bytes arrived; they extend the time at the least useful rate."""
        self.received += count
        self._end += count / _BYTES_PER_SECOND
        self._quiet_since = time.monotonic()

    def check(self) -> None:
        """Decide after a blocking call without a byte whether to continue waiting.

        Raises:
            StoppedError: the call was stopped.
            TimeoutError: the attempt is over; `verdict` says why.
        """
        now = time.monotonic()
        if self._stop is not None and self._stop.is_set():
            raise StoppedError
        if now >= self._end:
            self._give_up(ReadVerdict.SLOW)
        if now - self._quiet_since < self._silence:
            return
        if not self._is_alive():
            self._give_up(ReadVerdict.DEAD)
        if self._is_repeatable:
            self._give_up(ReadVerdict.SILENT)
        # The server works on a request that must not be sent twice: it gets its time.
        self._quiet_since = time.monotonic()

    def _give_up(self, verdict: ReadVerdict) -> NoReturn:
        """End the attempt."""
        self.verdict = verdict
        raise TimeoutError(verdict.value)


class BoundedSocket(ssl.SSLSocket):
    """A TLS socket whose handshake, reads and writes keep the deadlines of its thread's clock."""

    def __del__(self) -> None:
        """Close a socket that has no owner.

        `SSLContext.wrap_socket` of Python 3.11 raises without closing its socket where the peer reset the
        connection before, so that no caller ever holds it.
        """
        self.close()

    def do_handshake(self, block: bool = False) -> None:
        """Do the TLS handshake; the library keeps one limit for all its messages."""
        if (clock := current_clock()) is not None:
            self.settimeout(clock.handshake_seconds())
        super().do_handshake(block)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as much as the connection accepts."""
        clock = current_clock()
        if clock is None:
            return super().send(data, flags)
        clock.begin()
        while True:
            self.settimeout(clock.slice())
            try:
                return super().send(data, flags)
            except TimeoutError:
                clock.check()

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive what has arrived; the HTTP client reads in no other way."""
        clock = current_clock()
        if clock is None:
            return super().recv_into(buffer, nbytes, flags)
        while True:
            self.settimeout(clock.slice())
            try:
                count = super().recv_into(buffer, nbytes, flags)
            except TimeoutError:
                clock.check()
                continue
            clock.note_received(count)
            # A trickle never times out, so the deadline is checked after each read as well.
            clock.check()
            return count


_thread = threading.local()


def current_clock() -> Clock | None:
    """Return the clock of this thread's request, if there is one."""
    clock: Clock | None = getattr(_thread, "clock", None)
    return clock


@contextmanager
def timed(clock: Clock) -> Iterator[Clock]:
    """Make the sockets of this thread keep the deadlines of a clock."""
    before = current_clock()
    _thread.clock = clock
    try:
        yield clock
    finally:
        _thread.clock = before


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Make requests and pauses of this thread end soon after an event is set."""
    before = getattr(_thread, "stop", None)
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = before


def pause(seconds: float) -> None:
    """Sleep, unless the call is stopped.

    Raises:
        StoppedError: it is.
    """
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is None:
        time.sleep(seconds)  # noqa: TID251 - the pause between two requests, which a stop ends
    elif stop.wait(seconds):
        raise StoppedError

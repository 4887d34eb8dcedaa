"""Echo requests from every port of every host at once, by unprivileged ICMP sockets that live in the hosts' namespaces.

A sweep asks each pair once and once more where nothing came back; a stream asks the same pairs
again and again and tells for each how long it went without an answer.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from sovereign_ai.sim.twin.forget import forget, opened
from sovereign_ai.sim.twin.namespace import within
from sovereign_ai.sim.twin.sample import Endpoint

Pair = tuple[Endpoint, Endpoint]
NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)
"""What a kernel says that has no route; one that has hears nothing, and says so later."""
_ECHO = struct.Struct("!BBHHH")
MOST_AT_ONCE = 400
"""Pairs asked before neighbour tables are emptied: the kernel keeps 1,024 neighbours for all namespaces together, also those that do
not answer, and what it has no room for is never asked, which would look like separation."""


@dataclass
class Pinger:
    """Sockets of all endpoints, for use in a `with` block.

    Attributes:
        prefix: the twin's prefix.
        endpoints: who can ask.
    """

    prefix: str
    endpoints: Sequence[Endpoint]
    _sockets: dict[Endpoint, socket.socket] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _links: dict[str, tuple[socket.socket, dict[str, int]]] = field(default_factory=dict)
    _known: set[tuple[str, str, str]] = field(default_factory=set)
    _count: int = 0

    def __enter__(self) -> Self:
        mine: defaultdict[str, list[Endpoint]] = defaultdict(list)
        for end in self.endpoints:
            mine[end.host].append(end)
        for host, ends in mine.items():
            self._links[host] = within(self.prefix + host, partial(opened, [end.interface for end in ends]))
            for end, found in zip(ends, within(self.prefix + host, partial(_open_all, ends)), strict=True):
                self._sockets[end] = found
                self._selector.register(found, selectors.EVENT_READ, end)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._selector.close()
        for found in (*self._sockets.values(), *(link for link, _ in self._links.values())):
            found.close()

    def _send(self, pair: Pair) -> tuple[Endpoint, int] | None:
        """Ask once; give the key under which the answer will come, or None where the source itself has no way there."""
        self._count = (self._count + 1) % 0x10000
        source, target = pair
        try:
            self._sockets[source].sendto(_ECHO.pack(8, 0, 0, 0, self._count), (target.ip, 0))
        except OSError as error:
            if error.errno in NO_WAY:
                return None  # any other, such as no buffer, is asked again
        self._known |= {(source.host, source.interface, target.ip), (target.host, target.interface, source.ip)}
        return source, self._count

    def _take(self, seconds: float) -> list[tuple[Endpoint, int]]:
        """Take the answers that come within a time, as keys."""
        found = []
        for key, _ in self._selector.select(seconds):
            while True:
                try:
                    data = key.fileobj.recv(64)  # type: ignore[union-attr]  # we registered sockets only
                except BlockingIOError:
                    break
                except OSError:
                    continue  # an ICMP error that the kernel hands over, such as `host unreachable`
                found.append((key.data, _ECHO.unpack_from(data)[4]))
        return found

    def sweep(self, pairs: Iterable[Pair], *, wait: float = 1.0, tries: int = 2) -> set[Pair]:
        """Give the pairs that got an answer; they are asked by some hundreds at a time, with neighbour tables emptied in between.

        Args:
            pairs: who asks whom.
            wait: seconds without any answer until a try ends.
            tries: how often those without an answer ask.
        """
        wanted = list(dict.fromkeys(pairs))
        answered: set[Pair] = set()
        for start in range(0, len(wanted), MOST_AT_ONCE):
            if start:
                self.forget()
            answered |= self._some(wanted[start : start + MOST_AT_ONCE], wait, tries)
        return answered

    def _some(self, pairs: Sequence[Pair], wait: float, tries: int) -> set[Pair]:
        """Give the pairs that got an answer, of so few that the kernel has room for all their neighbours."""
        left = dict.fromkeys(pairs)
        answered: set[Pair] = set()
        for _ in range(tries):
            asked: dict[tuple[Endpoint, int], Pair] = {}
            for number, pair in enumerate(left):
                if (key := self._send(pair)) is not None:
                    asked[key] = pair
                if number % 64 == 63:
                    answered.update(asked[key] for key in self._take(0.0) if key in asked)
            until = time.monotonic() + wait
            while asked and time.monotonic() < until:
                keys = self._take(0.05)
                new = {asked[key] for key in keys if key in asked}
                if new - answered:
                    until = time.monotonic() + wait
                answered |= new
                if all(pair in answered for pair in asked.values()):
                    break
            left = {pair: None for pair in asked.values() if pair not in answered}
            if not left:
                break
        return answered

    def forget(self) -> None:
        """Take those who were asked, and who asked them, out of the hosts' neighbour tables."""
        forget(self._links, self._known)
        self._known.clear()


def _open_all(ends: list[Endpoint]) -> list[socket.socket]:
    """Open the sockets of one host's ports, in the caller's namespace."""
    return [_open(end) for end in ends]


def _open(end: Endpoint) -> socket.socket:
    """Open one endpoint's socket, in the caller's namespace."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    found.settimeout(0)
    found.bind((end.ip, 0))
    return found


@dataclass
class Stream:
    """The same pairs asked again and again, while something happens.

    Attributes:
        pinger: the sockets.
        pairs: who asks whom.
        every: seconds between two rounds.
    """

    pinger: Pinger
    pairs: Sequence[Pair]
    every: float = 0.01
    _sent: dict[tuple[Endpoint, int], tuple[Pair, float]] = field(default_factory=dict)
    _lost: defaultdict[Pair, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, seconds: float) -> None:
        """Ask for a time."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for pair in self.pairs:
                key = self.pinger._send(pair)  # noqa: SLF001 - one class in two halves
                if key is None:
                    self._lost[pair].append(now)
                else:
                    self._sent[key] = (pair, now)
            while (rest := now + self.every - time.monotonic()) > 0:
                self._answers(rest)

    def _answers(self, seconds: float) -> None:
        """Strike what was answered."""
        for key in self.pinger._take(seconds):  # noqa: SLF001 - one class in two halves
            self._sent.pop(key, None)

    def silence(self) -> dict[Pair, float]:
        """Wait for the last answers, and give for each pair that lost any the seconds from its first lost request to its last."""
        return {pair: max(times) - min(times) + self.every for pair, times in self._losses().items()}

    def gaps(self) -> dict[Pair, float]:
        """Wait for the last answers, and give for each pair that lost any the longest seconds without an answer in between.

        Requests are taken for neighbours up to four rounds apart, for a busy machine leaves rounds out.
        """
        return {pair: _longest(sorted(times), 4 * self.every) + self.every for pair, times in self._losses().items()}

    def _losses(self) -> dict[Pair, list[float]]:
        """Wait for the last answers, and give for each pair that lost any when it asked in vain; then forget them."""
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            self._answers(0.05)
        for pair, sent in self._sent.values():
            self._lost[pair].append(sent)
        self._sent.clear()
        found = dict(self._lost)
        self._lost.clear()
        return found


def _longest(times: Sequence[float], near: float) -> float:
    """Give the longest stretch of times of which none is further than `near` from the next.

    >>> _longest([0.0, 0.01, 0.02, 0.5, 0.51], 0.1)
    0.02
    """
    longest = 0.0
    start = last = times[0]
    for time_ in times:
        if time_ - last > near:
            start = time_
        last = time_
        longest = max(longest, last - start)
    return longest

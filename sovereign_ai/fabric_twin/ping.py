"""Echo requests between ports of hosts, by unprivileged ICMP sockets that live in the hosts' namespaces.

A sweep pings each pair once, and once more where no answer came. A stream pings the same pairs in rounds and
measures for each how long it went without an answer.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from sovereign_ai.fabric_twin.namespace import within
from sovereign_ai.fabric_twin.neighbour_flush import forget, opened
from sovereign_ai.fabric_twin.sample import HostPort

Pair = tuple[HostPort, HostPort]
_Key = tuple[HostPort, int]
"""The sender and the sequence number of an echo request, by which its reply is known."""
NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)
"""Errors of a kernel that has no route; one that has a route and no answer reports that later."""
_ECHO = struct.Struct("!BBHHH")
MOST_AT_ONCE = 400
"""Pairs that are pinged before neighbour tables are emptied.

The kernel keeps 1,024 neighbours for all namespaces together, those that do not answer included. A neighbour
that it has no room for is never resolved, which would look like separation.
"""
_PATIENCE_SECONDS = 0.5
"""For how long the last answers of a stream are awaited."""


@dataclass
class Pinger:
    """Sockets of all endpoints, for use in a `with` block.

    Attributes:
        prefix: the twin's prefix.
        endpoints: the ports that can ping.
    """

    prefix: str
    endpoints: Sequence[HostPort]
    _sockets: dict[HostPort, socket.socket] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _links: dict[str, tuple[socket.socket, dict[str, int]]] = field(default_factory=dict)
    _known: set[tuple[str, str, str]] = field(default_factory=set)
    _count: int = 0

    def __enter__(self) -> Self:
        by_host: defaultdict[str, list[HostPort]] = defaultdict(list)
        for end in self.endpoints:
            by_host[end.host].append(end)
        # One visit to a namespace opens all sockets of a host: each visit is a thread of its own.
        for host, ends in by_host.items():
            interfaces = [end.interface for end in ends]
            self._links[host] = within(self.prefix + host, partial(opened, interfaces))
            senders = within(self.prefix + host, partial(_open_all, ends))
            for end, sender in zip(ends, senders, strict=True):
                self._sockets[end] = sender
                self._selector.register(sender, selectors.EVENT_READ, end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for sender in self._sockets.values():
            sender.close()
        for link, _ in self._links.values():
            link.close()

    def _send(self, pair: Pair) -> _Key | None:
        """Send one request; return the key of its reply, or None where the source itself has no route."""
        # The sequence number of an echo request has 16 bits.
        self._count = (self._count + 1) % 0x10000
        source, target = pair
        request = _ECHO.pack(8, 0, 0, 0, self._count)
        try:
            self._sockets[source].sendto(request, (target.ip, 0))
        except OSError as error:
            if error.errno in NO_WAY:
                return None
            # Any other failure, such as a full buffer, counts as a request without an answer, which is
            # repeated.
        self._known.add((source.host, source.interface, target.ip))
        self._known.add((target.host, target.interface, source.ip))
        return source, self._count

    def _take(self, seconds: float) -> list[_Key]:
        """Return the keys of the replies that come within a time."""
        keys = []
        for event, _ in self._selector.select(seconds):
            while True:
                try:
                    data = event.fileobj.recv(64)  # type: ignore[union-attr]  # we registered sockets only
                except BlockingIOError:
                    break
                except OSError:
                    # An ICMP error that the kernel delivers on the socket, such as `host unreachable`.
                    continue
                sequence = _ECHO.unpack_from(data)[4]
                keys.append((event.data, sequence))
        return keys

    def sweep(self, pairs: Iterable[Pair], *, wait: float = 1.0, tries: int = 2) -> set[Pair]:
        """Return the pairs that get an answer.

        They are pinged by some hundreds at a time, with neighbour tables emptied in between.

        Args:
            pairs: source and target of each request.
            wait: seconds without any answer until a try ends.
            tries: how often those without an answer are pinged.
        """
        wanted = list(dict.fromkeys(pairs))
        answered: set[Pair] = set()
        for start in range(0, len(wanted), MOST_AT_ONCE):
            if start:
                self.forget()
            answered |= self._some(wanted[start : start + MOST_AT_ONCE], wait, tries)
        return answered

    def _some(self, pairs: Sequence[Pair], wait: float, tries: int) -> set[Pair]:
        """Return the pairs that get an answer; the kernel must have room for all their neighbours."""
        left = list(dict.fromkeys(pairs))
        answered: set[Pair] = set()
        for _ in range(tries):
            sent = self._send_all(left, answered)
            self._wait(sent, answered, wait)
            # Pairs whose source has no route are not in `sent`: no second try would find one.
            left = [pair for pair in sent.values() if pair not in answered]
            if not left:
                break
        return answered

    def _send_all(self, pairs: Iterable[Pair], answered: set[Pair]) -> dict[_Key, Pair]:
        """Ping pairs once, note those that answer meanwhile, and return each pair by the key of its reply."""
        sent: dict[_Key, Pair] = {}
        for number, pair in enumerate(pairs):
            key = self._send(pair)
            if key is not None:
                sent[key] = pair
            # Replies are read now and then, so that no receive buffer runs over.
            if number % 64 == 63:
                answered |= _answered(sent, self._take(0.0))
        return sent

    def _wait(self, sent: Mapping[_Key, Pair], answered: set[Pair], wait: float) -> None:
        """Read replies until every pair has answered, or none has for a time."""
        until = time.monotonic() + wait
        while sent and time.monotonic() < until:
            new = _answered(sent, self._take(0.05))
            if new - answered:
                until = time.monotonic() + wait
            answered |= new
            if answered.issuperset(sent.values()):
                break

    def forget(self) -> None:
        """Remove the pinged, and those who pinged them, from the hosts' neighbour tables."""
        forget(self._links, self._known)
        self._known.clear()


def _answered(sent: Mapping[_Key, Pair], keys: Iterable[_Key]) -> set[Pair]:
    """Return the pairs whose replies these are; late replies of an earlier try belong to none."""
    pairs = set()
    for key in keys:
        if key in sent:
            pairs.add(sent[key])
    return pairs


def _open_all(ends: list[HostPort]) -> list[socket.socket]:
    """Open the sockets of one host's ports, in the caller's namespace."""
    return [_open(end) for end in ends]


def _open(end: HostPort) -> socket.socket:
    """Open one endpoint's socket, in the caller's namespace."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    sender.settimeout(0)
    sender.bind((end.ip, 0))
    return sender


@dataclass
class Stream:
    """The same pairs pinged in rounds, while something happens.

    Attributes:
        pinger: the sockets.
        pairs: source and target of each flow.
        every: seconds between two rounds.
    """

    pinger: Pinger
    pairs: Sequence[Pair]
    every: float = 0.01
    _sent: dict[_Key, tuple[Pair, float]] = field(default_factory=dict)
    _lost: defaultdict[Pair, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, seconds: float) -> None:
        """Ping for a time."""
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
        """Drop the requests that were answered."""
        for key in self.pinger._take(seconds):  # noqa: SLF001 - one class in two halves
            self._sent.pop(key, None)

    def silence(self) -> dict[Pair, float]:
        """Wait for the last answers, and return the silence of each pair that lost a request.

        Returns:
            Pair to the seconds from its first lost request to its last.
        """
        spans = {}
        for pair, times in self._losses().items():
            spans[pair] = max(times) - min(times) + self.every
        return spans

    def gaps(self) -> dict[Pair, float]:
        """Wait for the last answers, and return the longest gap of each pair that lost a request.

        Returns:
            Pair to the longest seconds without an answer in between. Lost requests up to four rounds apart
            count as one gap, for a busy machine leaves rounds out.
        """
        longest = {}
        for pair, times in self._losses().items():
            longest[pair] = _longest(sorted(times), 4 * self.every) + self.every
        return longest

    def _losses(self) -> dict[Pair, list[float]]:
        """Wait for the last answers, return when each pair sent a request in vain, and start anew."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            self._answers(0.05)
        for pair, sent_at in self._sent.values():
            self._lost[pair].append(sent_at)
        self._sent.clear()
        losses = dict(self._lost)
        self._lost.clear()
        return losses


def _longest(times: Sequence[float], near: float) -> float:
    """Return the longest stretch of times of which none is further than `near` from the next.

    >>> _longest([0.0, 0.01, 0.02, 0.5, 0.51], 0.1)
    0.02
    """
    longest = 0.0
    start = last = times[0]
    for moment in times:
        if moment - last > near:
            start = moment
        last = moment
        longest = max(longest, last - start)
    return longest

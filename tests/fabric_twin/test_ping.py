"""How silences are told apart: from the first lost request to the last, or the longest without a break."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.fabric_twin.ping import Pair, Pinger, Stream, _longest
from sovereign_ai.fabric_twin.sample import HostPort, choose_sample
from tests.render.lab import stack


def test_a_break_parts_two_silences() -> None:
    assert _longest([0.0, 0.01, 0.02, 0.5, 0.51], 0.1) == pytest.approx(0.02)
    assert _longest([0.0, 0.01, 0.3, 0.31, 0.33], 0.1) == pytest.approx(0.03)
    assert _longest([1.5], 0.1) == 0


def test_gaps_and_silences_of_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = choose_sample(*stack("lab")).endpoints[:2]
    stream = Stream(Pinger("none.", ()), [(one, other)])
    monkeypatch.setattr(Stream, "_answers", lambda _self, _seconds: None)
    for ask in (stream.gaps, stream.silence):
        for number, asked in enumerate((0.0, 0.01, 0.02, 1.0)):
            stream._sent[one, number] = ((one, other), asked)
        (seconds,) = ask().values()
        assert seconds == pytest.approx({"gaps": 0.03, "silence": 1.01}[ask.__name__])
        assert ask() == {}


def test_pairs_are_asked_by_as_many_as_the_kernel_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = choose_sample(*stack("lab")).endpoints
    pairs = [(one, other) for one in ends for other in ends if one is not other][:1_000]
    done: list[str | int] = []

    def some(_self: Pinger, asked: list[Pair], _wait: float, _tries: int) -> set[Pair]:
        done.append(len(asked))
        return set(asked[1:])

    monkeypatch.setattr(Pinger, "_some", some)
    monkeypatch.setattr(Pinger, "forget", lambda _self: done.append("forgotten"))
    answered = Pinger("none.", ends).sweep([*pairs, *pairs])
    assert done == [400, "forgotten", 400, "forgotten", 200]
    assert set(pairs) - answered == {pairs[0], pairs[400], pairs[800]}


class Line:
    """Sockets of a pinger: requests go in, and replies come out where a test lets them."""

    def __init__(self, ends: tuple[HostPort, ...], replies: Callable[[HostPort, str, int], bool]) -> None:
        self.replies = replies
        self.sent: list[tuple[HostPort, str]] = []
        self.waiting: dict[HostPort, list[bytes | OSError]] = {end: [] for end in ends}
        self.no_route: set[HostPort] = set()

    def pinger(self, monkeypatch: pytest.MonkeyPatch) -> Pinger:
        ends = list(self.waiting)
        pinger: Any = Pinger("none.", ends)
        pinger._sockets = {end: Plug(self, end) for end in ends}
        pinger._selector = self
        monkeypatch.setattr(Pinger, "forget", lambda _self: None)
        result: Pinger = pinger
        return result

    def select(self, _seconds: float) -> list[tuple[Any, int]]:
        ready = [end for end, waiting in self.waiting.items() if waiting]
        return [(Key(end, Plug(self, end)), 1) for end in ready]


class Key:
    """A selector's key."""

    def __init__(self, data: HostPort, fileobj: Any) -> None:
        self.data, self.fileobj = data, fileobj


class Plug:
    """One socket."""

    def __init__(self, line: Line, end: HostPort) -> None:
        self.line, self.end = line, end

    def sendto(self, request: bytes, address: tuple[str, int]) -> None:
        if self.end in self.line.no_route:
            raise OSError(errno.ENETUNREACH, "unreachable")
        self.line.sent.append((self.end, address[0]))
        if self.line.replies(self.end, address[0], len(self.line.sent)):
            self.line.waiting[self.end] += [OSError(errno.EHOSTUNREACH, "of another request"), request]

    def recv(self, _size: int) -> bytes:
        if not self.line.waiting[self.end]:
            raise BlockingIOError
        answer = self.line.waiting[self.end].pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_a_pair_without_an_answer_is_pinged_once_more_and_one_without_a_route_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = choose_sample(*stack("lab")).endpoints[:6]
    first, second, third = ends[:3]
    line = Line(ends, lambda source, _ip, count: source is first or (source is second and count > 3))
    line.no_route.add(ends[3])
    pairs = [(first, ends[5]), (second, ends[5]), (third, ends[5]), (ends[3], ends[5])]
    answered = line.pinger(monkeypatch).sweep(pairs, wait=0.05)
    assert answered == {pairs[0], pairs[1]}
    assert [end for end, _ in line.sent] == [first, second, third, second, third]


def test_with_one_try_silence_is_pinged_once_and_hundreds_of_replies_are_read_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = choose_sample(*stack("lab")).endpoints
    pairs = [(source, target) for source in ends[:20] for target in ends[20:36]]
    silent = ends[0]
    line = Line(ends, lambda source, _ip, _count: source is not silent)
    answered = line.pinger(monkeypatch).sweep(pairs, wait=0.05, tries=1)
    assert answered == {pair for pair in pairs if pair[0] is not silent}
    assert len(line.sent) == len(pairs) == 320

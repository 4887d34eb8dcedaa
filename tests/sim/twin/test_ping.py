"""How silences are told apart: from the first lost request to the last, or the longest without a break."""

from __future__ import annotations

import pytest

from sovereign_ai.sim.twin.ping import Pair, Pinger, Stream, _longest
from sovereign_ai.sim.twin.sample import sample
from tests.render.lab import stack


def test_a_break_parts_two_silences() -> None:
    assert _longest([0.0, 0.01, 0.02, 0.5, 0.51], 0.1) == pytest.approx(0.02)
    assert _longest([0.0, 0.01, 0.3, 0.31, 0.33], 0.1) == pytest.approx(0.03)
    assert _longest([1.5], 0.1) == 0


def test_gaps_and_silences_of_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = sample(*stack("lab")).endpoints[:2]
    stream = Stream(Pinger("none.", ()), [(one, other)])
    monkeypatch.setattr(Stream, "_answers", lambda _self, _seconds: None)
    for ask in (stream.gaps, stream.silence):
        for number, asked in enumerate((0.0, 0.01, 0.02, 1.0)):
            stream._sent[one, number] = ((one, other), asked)
        (seconds,) = ask().values()
        assert seconds == pytest.approx({"gaps": 0.03, "silence": 1.01}[ask.__name__])
        assert ask() == {}


def test_pairs_are_asked_by_as_many_as_the_kernel_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = sample(*stack("lab")).endpoints
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

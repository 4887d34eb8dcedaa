"""A twin and a pinger that answer from what a test says, without a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sovereign_ai.fabric_twin.ping import Pair
from sovereign_ai.fabric_twin.sample import Sample


class Pings:
    """A pinger whose pairs answer where a predicate holds."""

    def __init__(self, answers: Callable[[Pair], bool]) -> None:
        self.answers = answers
        self.pinged: list[Pair] = []

    def sweep(self, pairs: Iterable[Pair], **_waiting: Any) -> set[Pair]:
        listed = list(pairs)
        self.pinged += listed
        return {pair for pair in listed if self.answers(pair)}

    def forget(self) -> None:
        """Keep no neighbour tables."""


class Quiet:
    """A twin without namespaces: its names are known, and its kernels are not asked."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.prefix = "twin-test."

    def name(self, device: str) -> str:
        return self.prefix + device

    def converge(self) -> float:
        return 0.0


def same_zone(pair: Pair) -> bool:
    source, target = pair
    return source.zone == target.zone

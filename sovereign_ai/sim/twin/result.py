"""One check and what came of it; and whom a check asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovereign_ai.sim.twin.ping import Pair
from sovereign_ai.sim.twin.sample import Part

Seen = tuple[bool, str, dict[str, Any]]
"""Whether what was seen is right, what it was in words, and in numbers."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check.

    Attributes:
        name: its name.
        plane: the plane that was asked; empty for all of them.
        passed: whether what was seen is right.
        said: what was seen, in words.
        figures: what was seen, in numbers.
        seconds: how long it took.
    """

    name: str
    plane: str
    passed: bool
    said: str
    figures: dict[str, Any]
    seconds: float

    def __str__(self) -> str:
        """Give its name and where it was made."""
        return f"{self.name} ({self.plane})" if self.plane else self.name

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def pairs_of(part: Part, rail: int, other: int, *, same: bool) -> list[Pair]:
    """Give pairs of ports of different hosts, of one zone or of two."""
    here = [end for end in part.endpoints if end.rail == rail]
    there = [end for end in part.endpoints if end.rail == other]
    return [(a, b) for a in here for b in there if a.host != b.host and (a.zone == b.zone) is same]

"""The result of one check of a twin, and the pairs of ports that checks ping."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

from sovereign_ai.fabric_twin.ping import Pair
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart
from sovereign_ai.frozen_dataclass import frozen_dataclass

Seen = tuple[bool, str, dict[str, Any]]
"""Whether what was seen is right, what it was in words, and in numbers."""


@frozen_dataclass
class Result:
    """One check.

    Attributes:
        name: its name.
        plane: the plane that was checked; empty for all of them.
        passed: whether what was seen is right.
        message: what was seen, in words.
        figures: what was seen, in numbers.
        seconds: how long it took.
    """

    name: str
    plane: str
    passed: bool
    message: str
    figures: dict[str, Any]
    seconds: float

    def __str__(self) -> str:
        """Return its name and its plane."""
        return f"{self.name} ({self.plane})" if self.plane else self.name

    def to_data(self) -> dict[str, Any]:
        """Return plain data, in the order of the attributes."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def pairs_of(part: PlanePart, rail: int, other: int, *, same: bool) -> list[Pair]:
    """Return the pairs of ports of different hosts, from one rail to another.

    Args:
        part: the plane.
        rail: the rail of the first port.
        other: the rail of the second port.
        same: whether both hosts are of one zone; else they are of two.
    """
    targets = _of_rail(part, other)
    pairs = []
    for source in _of_rail(part, rail):
        for target in targets:
            is_same_zone = source.zone == target.zone
            if source.host != target.host and is_same_zone is same:
                pairs.append((source, target))
    return pairs


def _of_rail(part: PlanePart, rail: int) -> list[HostPort]:
    """Return the host ports of a rail."""
    return [end for end in part.endpoints if end.rail == rail]


def examples(seen: Iterable[object], most: int) -> str:
    """Return the first few of what was seen, in words."""
    texts: list[str] = []
    for item in seen:
        if len(texts) == most:
            break
        texts.append(str(item))
    return "; ".join(texts)


def cut_off(part: PlanePart, answering: Collection[HostPort]) -> list[HostPort]:
    """Return the host ports of a plane that do not answer."""
    return [end for end in part.endpoints if end not in answering]


def hosts_of(ends: Iterable[HostPort]) -> set[str]:
    """Return the hosts of ports."""
    return {end.host for end in ends}

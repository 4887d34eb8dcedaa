"""Members of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass

from sovereign_ai.records import members


@dataclass(frozen=True, slots=True)
class Inner:
    number: int


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner


def test_members_keep_their_order_and_are_not_converted() -> None:
    inner = Inner(1)
    found = members(Outer("a", inner))
    assert list(found) == ["name", "inner"]
    assert found["inner"] is inner

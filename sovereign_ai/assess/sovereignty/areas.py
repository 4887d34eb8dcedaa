"""Areas of the description against the European Economic Area, which is where the framework draws its line.

>>> inside(["DE", "NO"]), inside(["EU", "US"]), inside(["US"]), share_inside(["ADEQUACY", "DE"])
(True, False, False, 'some')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sovereign_ai.catalog.jurisdictions import expand, laws, members

Share = Literal["all", "some", "none"]


def countries(areas: Iterable[str]) -> frozenset[str]:
    """Turn codes and sets of countries into codes."""
    return expand(areas)


def home(code: str | None) -> bool:
    """Whether a country is in the European Economic Area; an unknown one is not."""
    return code is not None and code in members("EEA")


def inside(areas: Iterable[str]) -> bool:
    """Whether all of some areas lie in the European Economic Area."""
    return countries(areas) <= members("EEA")


def share_inside(areas: Iterable[str]) -> Share:
    """Say how much of some areas lies in the European Economic Area."""
    found = countries(areas)
    if found <= members("EEA"):
        return "all"
    return "some" if found & members("EEA") else "none"


def reaching_laws(code: str) -> tuple[str, ...]:
    """Give the names of a country's laws by which it reaches what its companies hold abroad; none for a country inside."""
    if home(code):
        return ()
    return tuple(law.name for law in laws() if law.country == code and law.reach in {"seat", "both"} and law.status != "proposal")

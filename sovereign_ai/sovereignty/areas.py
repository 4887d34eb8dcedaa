"""Areas of a description compared with the European Economic Area, where the framework draws its line.

>>> inside(["DE", "NO"]), inside(["EU", "US"]), inside(["US"]), share_inside(["ADEQUACY", "DE"])
(True, False, False, 'some')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sovereign_ai.catalog import expand, laws, members

Share = Literal["all", "some", "none"]


def countries(areas: Iterable[str]) -> frozenset[str]:
    """Return the country codes of some codes and sets of countries."""
    return expand(areas)


def home(code: str | None) -> bool:
    """Return whether a country is in the European Economic Area; an unknown one is not."""
    return code is not None and code in members("EEA")


def inside(areas: Iterable[str]) -> bool:
    """Return whether all of some areas lie in the European Economic Area."""
    return countries(areas) <= members("EEA")


def share_inside(areas: Iterable[str]) -> Share:
    """Return how much of some areas lies in the European Economic Area."""
    codes, area = countries(areas), members("EEA")
    if codes <= area:
        return "all"
    return "some" if codes & area else "none"


def reaching_laws(code: str) -> tuple[str, ...]:
    """Return the names of a country's laws that reach data which its companies hold abroad.

    A country inside has none.
    """
    if home(code):
        return ()
    names: list[str] = []
    for law in laws():
        # A proposal has no force yet.
        reaches_abroad = law.reach in {"seat", "both"} and law.status != "proposal"
        if law.country == code and reaches_abroad:
            names.append(law.name)
    return tuple(names)

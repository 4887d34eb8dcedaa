"""A number that says where it comes from, and the noun that every assessment shares.

>>> print(Measure(id="job.a.goodput", value=0.8531, unit="1", low=0.81, high=0.88, basis=Basis.ESTIMATE))
0.853 [0.81 to 0.88] (estimate)
>>> print(Measure(id="staff.people", unit="people", basis=Basis.OPEN, needs=("staff.people",)))
needs staff.people
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sovereign_ai.errors import nearest

DIGITS = 9
"""Significant digits that are kept, so that two machines whose last bits differ write the same text."""


Said = tuple[str, tuple[str, ...]]
"""A line of what an assessment says, and the names of the numbers on it."""


class Basis(StrEnum):
    """What stands behind a number; the weakest of its inputs decides for one that is calculated."""

    SOURCE = "source"
    """A published figure, with its address and date."""
    PLAN = "plan"
    """It follows from the description through the plan."""
    USER = "user"
    """The user gave it."""
    ESTIMATE = "estimate"
    """A judgement of ours; it has a range and waits to be replaced."""
    OPEN = "open"
    """Nobody knows it yet; `needs` says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number.

    Attributes:
        id: dotted name, unique in its assessment; a user's figure replaces a leaf by this name.
        value: the number in its unit; None where something is missing, or where the case is infeasible.
        unit: the unit, `1` for a ratio.
        low: the lower end of the range; None where nothing is known to vary.
        high: the upper end.
        basis: what stands behind it.
        formula: how it follows from its inputs; empty for a leaf.
        inputs: the names of the numbers that it follows from.
        source: where a leaf comes from, with its date; for an estimate the reason.
        needs: leaves without a value on which this one waits.
        note: what a reader must know; empty if nothing.
    """

    id: str
    unit: str
    basis: Basis
    value: float | None = None
    low: float | None = None
    high: float | None = None
    formula: str = ""
    inputs: tuple[str, ...] = ()
    source: str = ""
    needs: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        """Write value, unit, range and basis on one line, a range to three digits; or what is missing."""
        if self.value is None:
            return f"needs {', '.join(self.needs)}" if self.needs else "infeasible"
        factor, unit = _scale(self.value, self.unit)
        unit = "" if unit == "1" else f" {unit}"
        if self.low is None or self.high is None:
            return f"{plain(self.value / factor, 6)}{unit} ({self.basis})"
        return f"{plain(self.value / factor)}{unit} [{plain(self.low / factor)} to {plain(self.high / factor)}] ({self.basis})"

    @property
    def reason(self) -> str:
        """Where it comes from: its formula and the names of its inputs, or its source; and what a reader must know."""
        value = f": {self}" if not self.needs else "" if self.formula else ": not known"
        how = f" = {self.formula}" if self.formula else f"{': ' if self.needs else '; '}{self.source}" if self.source else ""
        inputs = f", from {', '.join(self.inputs)}" if self.inputs else ""
        return f"{self.id}{value}{how}{inputs}{f'; {self.note}' if self.note else ''}"

    def to_data(self) -> dict[str, Any]:
        """Give plain data, numbers cut to nine significant digits."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        numbers = {name: cut(data[name]) for name in ("value", "low", "high")}
        return data | numbers | {"basis": str(self.basis), "inputs": list(self.inputs), "needs": list(self.needs)}


def cut(value: float | None) -> float | None:
    """Keep nine significant digits."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def plain(value: float, digits: int = 3) -> str:
    """Write a number for a person, cut to some significant digits.

    >>> plain(0.85312), plain(1234567, 4), plain(12.0), plain(0.0)
    ('0.853', '1,235,000', '12', '0')
    """
    if not value:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scale(value: float, unit: str) -> tuple[float, str]:
    """Give what to divide by, and the unit with its prefix, so that few digits stand before the point."""
    base, per, rest = unit.partition("/")
    base, size = ("Wh", 1000.0) if base == "kWh" else (base, 1.0)
    prefixes = _PREFIXES.get(base, "") if unit not in ("kg/kWh", "L/kWh") else ""
    step = min(max(math.floor(math.log10(max(abs(value) * size, 1.0)) / 3), 0), max(len(prefixes) - 1, 0))
    if not prefixes:
        return 1.0, unit
    return 1000.0**step / size, f"{prefixes[step].strip()}{base}{per}{rest}"


_PREFIXES = {"W": " kMG", "Wh": " kMGT", "B": " kMGTPE", "FLOP": " kMGTPEZY", "EUR": " kM"}
"""Units that take a prefix, and the prefixes they take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What every assessment has.

    Attributes:
        factory: the factory's name.
        spec_digest: digest of the description it follows from.
        measures: every number, inputs before what follows from them.
    """

    factory: str
    spec_digest: str
    measures: tuple[Measure, ...]

    def measure(self, name: str) -> Measure:
        """Give one number.

        Raises:
            KeyError: there is none of that name; the message has the nearest.
        """
        for one in self.measures:
            if one.id == name:
                return one
        raise KeyError(f"no measure is called {name!r}; {nearest(name, [one.id for one in self.measures])}")

    def reasons(self, names: Iterable[str], told: set[str]) -> Iterator[str]:
        """Give where some numbers come from, and each number that they follow from, down to the sources.

        Args:
            names: the numbers; the formula of each is given in any case.
            told: numbers whose reasons are left out, since they were given before; those given now are added.
        """
        known = {one.id: one for one in self.measures}
        for name in names:
            if name in told and known[name].formula:
                yield known[name].reason
            waiting = [name]
            while waiting:
                one = known[waiting.pop()]
                if one.id not in told:
                    told.add(one.id)
                    yield one.reason
                    waiting += reversed(one.inputs)

    @property
    def needs(self) -> tuple[str, ...]:
        """Every figure that somebody must still give, sorted."""
        return tuple(sorted({name for one in self.measures for name in one.needs}))

    def to_data(self) -> dict[str, Any]:
        """Give plain data that is ready for JSON."""
        return {field.name: _plain_data(getattr(self, field.name)) for field in fields(self)} | {"needs": list(self.needs)}


def _plain_data(value: Any) -> Any:
    """Turn what an assessment holds into what JSON holds."""
    if hasattr(value, "to_data"):
        return value.to_data()
    if isinstance(value, dict):
        return {str(key): _plain_data(inner) for key, inner in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Iterable):
        return [_plain_data(inner) for inner in value]
    return cut(value) if isinstance(value, float) else value

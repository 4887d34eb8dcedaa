"""Measures: numbers with their unit, range and source; and the base class of every assessment.

>>> print(Measure(id="job.a.goodput", value=0.8531, unit="1", low=0.81, high=0.88, basis=Basis.ESTIMATE))
0.853 [0.81 to 0.88] (estimate)
>>> print(Measure(id="staff.people", unit="people", basis=Basis.OPEN, needs=("staff.people",)))
needs staff.people
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from sovereign_ai.errors import nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members

_COUNTED = re.compile(r"[A-Za-z-]{2,}s")
"""Units that are words for what is counted, in the plural."""
DIGITS = 9
"""Significant digits that are kept, so that two computers whose last bits differ write the same text."""

ReportLine = tuple[str, tuple[str, ...]]
"""A line of a report, and the names of the measures on it."""


class Basis(StrEnum):
    """Where a number comes from. A calculated number has the weakest basis of its inputs."""

    SOURCE = "source"
    """A published figure, with its address and date."""
    PLAN = "plan"
    """It follows from the description through the plan."""
    USER = "user"
    """The user gave it."""
    ESTIMATE = "estimate"
    """A judgement of this project; it has a range and is meant to be replaced."""
    OPEN = "open"
    """No value is known; `needs` lists the missing figures."""


@frozen_dataclass(kw_only=True)
class Measure:
    """One number.

    Attributes:
        id: dotted name, unique in its assessment; a user's figure replaces a leaf by this name.
        value: the number in its unit; None where something is missing, or where the case is infeasible.
        unit: the unit, `1` for a ratio.
        low: the lower end of the range; None where nothing is known to vary.
        high: the upper end.
        basis: where it comes from.
        formula: how it follows from its inputs; empty for a leaf.
        inputs: names of the numbers that it follows from.
        source: where a leaf comes from, with its date; for an estimate the reason.
        needs: leaves without a value that this number follows from.
        note: a caveat for the reader; empty if there is none.
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
        if self.low is None or self.high is None:
            # A number without a range is exact, so it keeps more digits than the three of an uncertain one.
            number = plain(self.value / factor, 6)
            return f"{number}{_after(unit, number)} ({self.basis})"
        number = plain(self.value / factor)
        spread = f"{plain(self.low / factor)} to {plain(self.high / factor)}"
        return f"{number}{_after(unit, number)} [{spread}] ({self.basis})"

    @property
    def reason(self) -> str:
        """The number with its formula and inputs, or with its source; and its note."""
        return f"{self.id}{self._reason_value()}{self._origin()}{f'; {self.note}' if self.note else ''}"

    def _reason_value(self) -> str:
        """Return the value as `reason` shows it; a missing one only where no formula follows."""
        if not self.needs:
            return f": {self}"
        return "" if self.formula else ": not known"

    def _origin(self) -> str:
        """Return the formula or the source, and the inputs."""
        how = ""
        if self.formula:
            how = f" = {self.formula}"
        elif self.source:
            separator = ": " if self.needs else "; "
            how = f"{separator}{self.source}"
        inputs = f", from {', '.join(self.inputs)}" if self.inputs else ""
        return how + inputs

    def to_data(self) -> dict[str, Any]:
        """Return plain data, numbers cut to nine significant digits."""
        data = members(self)
        for name in ("value", "low", "high"):
            data[name] = cut(data[name])
        data["basis"] = str(self.basis)
        data["inputs"] = list(self.inputs)
        data["needs"] = list(self.needs)
        return data


def _after(unit: str, number: str = "") -> str:
    """Return a unit as it stands behind a number: nothing behind a ratio, and one of what is counted.

    >>> _after("GPUs", "1"), _after("GPUs", "8"), _after("switches", "1"), _after("B/s", "1"), _after("1")
    (' GPU', ' GPUs', ' switch', ' B/s', '')
    """
    if unit == "1":
        return ""
    if number == "1" and _COUNTED.fullmatch(unit):
        unit = unit.removesuffix("es" if unit.endswith("ches") else "s")
    return f" {unit}"


def by_name(measures: Iterable[Measure]) -> dict[str, Measure]:
    """Return measures by name, in their order."""
    named: dict[str, Measure] = {}
    for measure in measures:
        named[measure.id] = measure
    return named


def cut(value: float | None) -> float | None:
    """Return a number cut to nine significant digits."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def plain(value: float, digits: int = 3) -> str:
    """Return a number as text for a person, cut to some significant digits.

    >>> plain(0.85312), plain(1234567, 4), plain(12.0), plain(0.0)
    ('0.853', '1,235,000', '12', '0')
    """
    if not value:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scale(value: float, unit: str) -> tuple[float, str]:
    """Return a divisor and the unit with its prefix, so that few digits stand before the decimal point."""
    base, per, rest = unit.partition("/")
    size = 1.0
    if base == "kWh":
        base, size = "Wh", 1000.0
    # These two are compared with limits and other sites, which are always written per kilowatt-hour.
    prefixes = "" if unit in ("kg/kWh", "L/kWh") else _PREFIXES.get(base, "")
    if not prefixes:
        return 1.0, unit
    thousands = math.floor(math.log10(max(abs(value) * size, 1.0)) / 3)
    step = min(max(thousands, 0), len(prefixes) - 1)
    return 1000.0**step / size, f"{prefixes[step].strip()}{base}{per}{rest}"


_PREFIXES = {"W": " kMG", "Wh": " kMGT", "B": " kMGTPE", "FLOP": " kMGTPEZY", "EUR": " kM"}
"""Units that take a prefix, and the prefixes they take."""


@frozen_dataclass(kw_only=True)
class Assessment:
    """The members that every assessment has.

    Attributes:
        factory: the factory's name.
        spec_digest: digest of the description it follows from.
        measures: every number, inputs before what follows from them.
    """

    factory: str
    spec_digest: str
    measures: tuple[Measure, ...]

    def measure(self, name: str) -> Measure:
        """Return one number.

        Raises:
            KeyError: there is none of that name; the message suggests the nearest.
        """
        for measure in self.measures:
            if measure.id == name:
                return measure
        hint = nearest(name, [measure.id for measure in self.measures])
        raise KeyError(f"no measure is called {name!r}; {hint}")

    def reasons(self, names: Iterable[str], seen: set[str]) -> Iterator[str]:
        """Yield the reason of some numbers, and of each number that they follow from, down to the sources.

        Args:
            names: the numbers; the formula of each is yielded in any case.
            seen: numbers whose reasons were yielded before and are left out; the new ones are added to it.
        """
        known = by_name(self.measures)
        for name in names:
            if name in seen and known[name].formula:
                yield known[name].reason
            waiting = [name]
            while waiting:
                measure = known[waiting.pop()]
                if measure.id not in seen:
                    seen.add(measure.id)
                    yield measure.reason
                    # A stack pops its last element first, so reversed inputs come out in their own order.
                    waiting += reversed(measure.inputs)

    @property
    def needs(self) -> tuple[str, ...]:
        """Every figure that the user must still give, sorted."""
        missing: set[str] = set()
        for measure in self.measures:
            missing.update(measure.needs)
        return tuple(sorted(missing))

    def to_data(self) -> dict[str, Any]:
        """Return plain data that is ready for JSON."""
        data: dict[str, Any] = _plain_data(members(self))
        data["needs"] = list(self.needs)
        return data


def _plain_data(value: Any) -> Any:
    """Return a member of an assessment as JSON represents it."""
    if hasattr(value, "to_data"):
        return value.to_data()
    if isinstance(value, dict):
        return {str(key): _plain_data(inner) for key, inner in value.items()}
    if isinstance(value, str):
        # Before the check for iterables, which would split a text into its letters.
        return str(value)
    if isinstance(value, Iterable):
        return [_plain_data(inner) for inner in value]
    return cut(value) if isinstance(value, float) else value

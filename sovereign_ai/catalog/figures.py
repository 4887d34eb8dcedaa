"""A figure and where it comes from, and the one reader of the catalogue's data files.

>>> from sovereign_ai.units import Watts
>>> figure = Figure(field="tdp", value=700, unit="W", source="a vendor page", read="2026-11-24", grade=Grade.OFFICIAL)
>>> str(figure)
'700 W (official: a vendor page, read 2026-11-24)'
>>> figure.quantity(Watts)
Watts(count=700)
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeVar

import orjson

from sovereign_ai.errors import nearest
from sovereign_ai.units import Quantity

Q = TypeVar("Q", bound=Quantity)
T = TypeVar("T")
Value = int | float | str | bool | None


class Grade(StrEnum):
    """How far a figure can be trusted."""

    OFFICIAL = "official"
    """The vendor's, standard body's or legislator's own page or file."""
    SECONDARY = "secondary"
    """Somebody else's page that repeats it."""
    CALCULATED = "calculated"
    """Arithmetic on other figures; the note gives the formula."""
    ESTIMATE = "estimate"
    """Our own judgement or general knowledge; numbers carry a range."""


class UnknownNameError(ValueError):
    """No row of that kind has that name.

    Attributes:
        kind: what was looked for, `system`.
        name: the name that was asked for.
        hint: the nearest right name, or some that would do.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.hint = nearest(name, sorted(known))
        super().__init__(f"no {kind} is called {name!r}; {self.hint}")


class DefectiveDataError(ValueError):
    """A data file of the catalogue lacks what every row must have: a defect of this project, found by its tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One value with its unit, source and grade.

    Attributes:
        field: the field of the row it belongs to; `dense_tflops.fp8` for an entry of a mapping.
        value: the plain value; text for names.
        unit: the unit's name as `units` writes it, or None for a count or a name.
        source: where it was read: an address, or a repository with a path.
        read: the day it was read, `2026-11-24`.
        grade: how far it can be trusted.
        low: the lower end where the value is uncertain.
        high: the upper end where the value is uncertain.
        note: what a reader must know; empty if nothing.
    """

    field: str
    value: Value
    source: str
    read: str
    grade: Grade
    unit: str | None = None
    low: int | float | None = None
    high: int | float | None = None
    note: str = ""

    def __str__(self) -> str:
        """Write value, range, grade and source on one line."""
        unit = f" {self.unit}" if self.unit else ""
        spread = "" if self.low is None or self.high is None else f" [{self.low} to {self.high}]"
        return f"{self.value}{unit}{spread} ({self.grade}: {self.source}, read {self.read})"

    def quantity(self, kind: type[Q]) -> Q:
        """Give the value as an exact quantity.

        Raises:
            ValueError: the unit is not one of that kind.
        """
        return kind.parse(f"{self.value} {self.unit}")

    def worst(self, kind: type[Q]) -> Q:
        """Give the upper end of the range, or the value where there is no range."""
        return kind.parse(f"{self.value if self.high is None else self.high} {self.unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What every row with figures has: a name, and the way to the source of each field.

    Attributes:
        name: the name that specifications use.
        figures: every figure of the row, in the order of the data file.
    """

    name: str
    figures: tuple[Figure, ...] = field(default=(), repr=False)

    def source_of(self, name: str) -> Figure | None:
        """Give the figure behind a field (`max_power`, `dense_tflops.fp8`), or None where no source gives one.

        Raises:
            UnknownNameError: the row has no such field.
        """
        for figure in self.figures:
            if figure.field == name:
                return figure
        if not hasattr(self, name.partition(".")[0]):
            raise UnknownNameError("figure", name, [figure.field for figure in self.figures])
        return None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a data file while it is being read: names as text, figures by field."""

    raw: Mapping[str, Any]
    by_field: Mapping[str, Figure]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """Take a JSON object whose members under `figures` are figures or mappings of figures."""
        found: dict[str, Figure] = {}
        for key, value in raw.get("figures", {}).items():
            if "value" in value:
                found[key] = _figure(key, value)
            else:
                found.update({f"{key}.{part}": _figure(f"{key}.{part}", inner) for part, inner in value.items()})
        return cls(raw, found)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Give every figure in the order of the file."""
        return tuple(self.by_field.values())

    def name(self, key: str = "name") -> str:
        """Give a plain member that is text."""
        return self._must(key, self.raw.get(key), str)

    def text(self, key: str) -> str | None:
        """Give a figure that is text, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else self._must(key, figure.value, str)

    def whole(self, key: str) -> int | None:
        """Give a figure that is a whole number, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else self._must(key, figure.value, int)

    def number(self, key: str) -> float | None:
        """Give a figure that is any number, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else float(self._must(key, figure.value, (int, float)))

    def quantity(self, key: str, kind: type[Q]) -> Q | None:
        """Give a figure as an exact quantity, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else figure.quantity(kind)

    def needed(self, key: str, value: T | None) -> T:
        """Insist on a value that every row of the kind must have.

        Raises:
            DefectiveDataError: it is absent.
        """
        if value is None:
            raise DefectiveDataError(f"{self.raw.get('name')}: {key} is absent")
        return value

    def _must(self, key: str, value: Any, kind: type[T] | tuple[type[T], ...]) -> T:
        """Check the JSON type of a member."""
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DefectiveDataError(f"{self.raw.get('name')}: {key} is {value!r}")
        return value


def _figure(key: str, raw: Mapping[str, Any]) -> Figure:
    """Turn a JSON object into a figure; a member too many or too few is a defect."""
    return Figure(**{**raw, "field": key, "grade": Grade(raw["grade"])})


def table(file: str) -> Any:
    """Read one JSON file of the package's data folder, `accelerators.json`.

    Raises:
        DefectiveDataError: the wheel was built without its data.
    """
    data = pkgutil.get_data(__package__, f"data/{file}")
    if data is None:
        raise DefectiveDataError(f"the package holds no catalog/data/{file}; install it again")
    return orjson.loads(data)


def rows(file: str) -> tuple[Row, ...]:
    """Read the rows of a data file, sorted by name."""
    return tuple(Row.of(raw) for raw in sorted(table(file)["rows"], key=lambda raw: str(raw["name"])))

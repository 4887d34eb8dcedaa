"""Figures with their sources, and the only reader of the catalogue's data files.

>>> from sovereign_ai.units import Watts
>>> source = {"source": "a vendor page", "read": "2026-11-24", "grade": Grade.OFFICIAL}
>>> figure = Figure(field="tdp", value=700, unit="W", **source)
>>> str(figure)
'700 W (official: a vendor page, read 2026-11-24)'
>>> figure.quantity(Watts)
Watts(count=700)
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Self, TypeVar

import orjson

from sovereign_ai.catalog.model_names import model_hint
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import Quantity

Q = TypeVar("Q", bound=Quantity)
T = TypeVar("T")
R = TypeVar("R")
Value = int | float | str | bool | None


class Grade(StrEnum):
    """How reliable a figure is, by its source."""

    OFFICIAL = "official"
    """The vendor's, standard body's or legislator's own page or file."""
    SECONDARY = "secondary"
    """Another page that repeats it."""
    DATASHEET = "datasheet"
    """A data sheet that the user holds."""
    QUOTE = "quote"
    """A supplier's offer to the user."""
    MEASURED = "measured"
    """A measurement of the user's own."""
    CALCULATED = "calculated"
    """Arithmetic on other figures; the note gives the formula."""
    ESTIMATE = "estimate"
    """The judgement of this project or general knowledge; numbers have a range."""


class UnknownNameError(ValueError):
    """No row of that kind has that name.

    Attributes:
        kind: the kind of row, such as `system`.
        name: the unknown name.
        hint: the nearest right name, or some right names.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], also: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.hint = model_hint(name, sorted(known), also)
        super().__init__(f"no {kind} is called {name!r}; {self.hint}")


# Global like the rows of the package: a row is looked up by its name, without a description at hand.
_OWN: dict[str, dict[str, Sourced]] = {}
"""Rows of descriptions, by kind and name; `catalog.own` adds a row after it has checked it."""


def rows_of_descriptions(kind: str) -> Mapping[str, Any]:
    """Return the rows of a kind that descriptions of this process have added."""
    return _OWN.get(kind, {})


def add_description_row(kind: str, row: Sourced) -> None:
    """Add a row of a description; rows of the package are looked up first."""
    _OWN.setdefault(kind, {})[row.name] = row


def clear_description_rows() -> None:
    """Remove every row of a description."""
    _OWN.clear()


def find_row(kind: str, name: str, packaged: Mapping[str, R]) -> R:
    """Return the row of a name.

    Args:
        kind: the kind of row, such as `system`.
        name: the row's name.
        packaged: the rows of the package by name.

    Raises:
        UnknownNameError: neither the package nor a description has a row of that name.
    """
    own = rows_of_descriptions(kind)
    # The package comes first: a description cannot change what a name of the package means.
    row: R | None = packaged.get(name) or own.get(name)
    if row is None:
        every = {**packaged, **own}
        also = {key: getattr(each, "accelerator", None) or "" for key, each in every.items()}
        raise UnknownNameError(kind, name, every, also)
    return row


class DefectiveDataError(ValueError):
    """A data file lacks a member that every row must have.

    In a file of the package it is a defect, which the tests find; in a row of a description it is the user's
    error.
    """


@frozen_dataclass(kw_only=True)
class Figure:
    """One value with its unit, source and grade.

    Attributes:
        field: the field of the row; `dense_tflops.fp8` for an entry of a mapping.
        value: the plain value; text for names.
        unit: the unit's name as `units` writes it, or None for a count or a name.
        source: where it was read: an address, or a repository with a path.
        read: the day it was read, `2026-11-24`.
        grade: how reliable it is.
        low: the lower end where the value is uncertain.
        high: the upper end where the value is uncertain.
        note: a remark for the reader; may be empty.
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
        text = str(self.value)
        if self.unit:
            text += f" {self.unit}"
        if self.low is not None and self.high is not None:
            text += f" [{self.low} to {self.high}]"
        return f"{text} ({self.grade}: {self.source}, read {self.read})"

    @property
    def extent(self) -> str:
        """The value with its unit; of a range both ends and no centre, which would look known.

        >>> Figure(
        ...     field="power", value=3, low=2, high=4, unit="kW", source="a guess", read="2026-11-27",
        ...     grade=Grade.ESTIMATE,
        ... ).extent
        '2 to 4 kW'
        """
        text = str(self.value)
        if self.low is not None and self.low != self.high:
            text = f"{self.low} to {self.high}"
        return f"{text} {self.unit}" if self.unit else text

    def quantity(self, kind: type[Q]) -> Q:
        """Return the value as an exact quantity.

        Raises:
            ValueError: the unit is not one of that kind.
        """
        return kind.parse(f"{self.value} {self.unit}")

    def worst(self, kind: type[Q]) -> Q:
        """Return the upper end of the range, or the value where there is no range.

        Raises:
            ValueError: the unit is not one of that kind.
        """
        value = self.value if self.high is None else self.high
        return kind.parse(f"{value} {self.unit}")

    def least(self, kind: type[Q]) -> Q:
        """Return the lower end of the range, or the value where there is no range.

        Raises:
            ValueError: the unit is not one of that kind.
        """
        value = self.value if self.low is None else self.low
        return kind.parse(f"{value} {self.unit}")


@frozen_dataclass(kw_only=True)
class Sourced:
    """The base of every row with figures: a name, and the source of each field.

    Attributes:
        name: the name that descriptions use.
        figures: every figure of the row, in the order of the data file.
    """

    name: str
    figures: tuple[Figure, ...] = field(default=(), repr=False)

    def source_of(self, name: str) -> Figure | None:
        """Return the figure of a field such as `max_power` or `dense_tflops.fp8`; None if it has no source.

        Raises:
            UnknownNameError: the row has no such field.
        """
        for figure in self.figures:
            if figure.field == name:
                return figure
        # A field without a figure is known to have no source; any other name is a mistake of the caller.
        if not hasattr(self, name.partition(".")[0]):
            raise UnknownNameError("figure", name, [figure.field for figure in self.figures])
        return None


@frozen_dataclass
class Row:
    """A row of a data file while it is read.

    Attributes:
        raw: the row as plain data.
        by_field: the figures by their fields.
    """

    raw: Mapping[str, Any]
    by_field: Mapping[str, Figure]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """Return the row of a JSON object; its members under `figures` are figures or mappings of figures."""
        by_field: dict[str, Figure] = {}
        for key, value in raw.get("figures", {}).items():
            if "value" in value:
                by_field[key] = _figure(key, value)
                continue
            # A mapping of figures, such as the rates of an accelerator by precision.
            for part, inner in value.items():
                field_name = f"{key}.{part}"
                by_field[field_name] = _figure(field_name, inner)
        return cls(raw, by_field)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure in the order of the file."""
        return tuple(self.by_field.values())

    def name(self, key: str = "name") -> str:
        """Return a plain member that is text."""
        return self._must(key, self.raw.get(key), str)

    def text(self, key: str) -> str | None:
        """Return a figure that is text, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else self._must(key, figure.value, str)

    def integer(self, key: str) -> int | None:
        """Return a figure that is a whole number, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else self._must(key, figure.value, int)

    def number(self, key: str) -> float | None:
        """Return a figure that is any number, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else float(self._must(key, figure.value, (int, float)))

    def quantity(self, key: str, kind: type[Q]) -> Q | None:
        """Return a figure as an exact quantity, or None."""
        figure = self.by_field.get(key)
        return None if figure is None else figure.quantity(kind)

    def needed(self, key: str, value: T | None) -> T:
        """Return a value that every row of the kind must have.

        Raises:
            DefectiveDataError: it is absent.
        """
        if value is None:
            raise DefectiveDataError(f"{self.raw.get('name')}: {key} is absent")
        return value

    def needed_text(self, key: str) -> str:
        """Return a figure that is text and that every row of the kind must have.

        Raises:
            DefectiveDataError: it is absent, or no text.
        """
        return self.needed(key, self.text(key))

    def needed_whole(self, key: str) -> int:
        """Return a figure that is a whole number and that every row of the kind must have.

        Raises:
            DefectiveDataError: it is absent, or no whole number.
        """
        return self.needed(key, self.integer(key))

    def needed_quantity(self, key: str, kind: type[Q]) -> Q:
        """Return a figure that is a quantity and that every row of the kind must have.

        Raises:
            DefectiveDataError: it is absent.
            ValueError: the unit is not one of that kind.
        """
        return self.needed(key, self.quantity(key, kind))

    def _must(self, key: str, value: Any, kind: type[T] | tuple[type[T], ...]) -> T:
        """Return a member of a JSON type.

        Raises:
            DefectiveDataError: it is of another type.
        """
        # In Python, True is an int; in JSON it is no number.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DefectiveDataError(f"{self.raw.get('name')}: {key} is {value!r}")
        return value


def _figure(key: str, raw: Mapping[str, Any]) -> Figure:
    """Return the figure of a JSON object; a member too many or too few is a TypeError."""
    members = {**raw, "field": key, "grade": Grade(raw["grade"])}
    return Figure(**members)


def table(file: str) -> Any:
    """Read one JSON file of the package's data folder, `accelerators.json`.

    Raises:
        DefectiveDataError: the wheel was built without its data.
    """
    # `get_data` also reads from a zip archive, where there is no path to open.
    data = pkgutil.get_data(__package__, f"data/{file}")
    if data is None:
        raise DefectiveDataError(f"the package holds no catalog/data/{file}; install it again")
    return orjson.loads(data)


def rows(file: str) -> tuple[Row, ...]:
    """Read the rows of a data file, sorted by name."""
    by_name = sorted(table(file)["rows"], key=lambda raw: str(raw["name"]))
    return tuple(Row.of(raw) for raw in by_name)

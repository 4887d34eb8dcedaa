"""Readers for built-in figures, for a user's file of figures, and for hourly series.

A row of `data/*.json` has a name, a value with unit, its range, its source, the day it was read and its
grade, like the figures of the catalogue. A user's file maps a leaf's name to a number, or to a mapping of
value, low, high and source:

    electricity.FI: 0.062
    price.dgx-b200: {value: 450000, source: offer of 2026-10-01}

    >>> str(figure("failures", "llama3.interruptions").value)
    '419'
"""

from __future__ import annotations

import math
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.catalog import DefectiveDataError, Figure, Grade, UnknownNameError
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import (
    FIGURES,
    SERIES,
    FileKind,
    Refused,
    SourceMap,
    clean_text,
    decode,
    hidden,
    locate_character,
    parse,
    read,
    refuse_empty,
    refuse_secrets,
    rows,
    shown,
)
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

# Products of a few figures beyond these would overflow a float, or vanish.
_LEAST, _MOST = 1e-30, 1e30
_NUMBERS = ("value", "low", "high")
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
_ODD = re.compile(r"[^\x20-\x7e]|_")
"""What only Python accepts in a number: digits of other scripts, and underscores."""
_LONGEST_SOURCE = 200
_MOST_PROBLEMS = 20
"""Problems of a file of series that are reported; a wrong file has one in each of its thousands of lines."""
_WRITE = "write a number, or {value: 1.2, low: 1.1, high: 1.3}"


def figures(file: str) -> Mapping[str, Figure]:
    """Return every figure of one data file, such as `prices`, by name."""
    return _read(file)


def figure(file: str, name: str) -> Figure:
    """Return one figure of a data file.

    Raises:
        UnknownNameError: the file has none of that name.
    """
    try:
        return _read(file)[name]
    except KeyError:
        raise UnknownNameError("figure", name, _read(file)) from None


@cache
def _read(file: str) -> Mapping[str, Figure]:
    """Read a data file, once a process."""
    data = pkgutil.get_data(__package__, f"data/{file}.json")
    if data is None:
        raise DefectiveDataError(f"the package holds no assess/data/{file}.json; install it again")
    figures = [_figure(row) for row in orjson.loads(data)["rows"]]
    figures.sort(key=lambda figure: figure.field)
    # Cached and shared by every caller, so it must not change.
    by_field = {}
    for figure in figures:
        by_field[figure.field] = figure
    return MappingProxyType(by_field)


def _figure(raw: Mapping[str, Any]) -> Figure:
    """Return a row as a figure; a missing or unknown member is a defect and fails."""
    members = dict(raw)
    members["field"] = members.pop("name")
    members["grade"] = Grade(members["grade"])
    return Figure(**members)


@frozen_dataclass
class FigureFile:
    """A user's file of figures, as it was read.

    Attributes:
        figures: figure by name; entries that are no figure are left out.
        names: every name in the file.
        source: the line and column of every name and number.
        problems: the entries that are no figure. The caller raises them together with the problems that only
            it can see, such as names that no assessment has, so that everything that is wrong with a file is
            reported at once.
    """

    figures: Mapping[str, GivenValue]
    names: tuple[str, ...]
    source: SourceMap
    problems: tuple[Problem, ...]

    def place(self, name: str, part: str) -> Where:
        """Return the place of a figure's value, low or high.

        A figure that is a plain number has one place.
        """
        inner = f"{name}.{part}"
        return self.source.where(inner if inner in self.source.values else name)


def read_figures(path: Path) -> FigureFile:
    """Read a user's figures from a YAML or JSON file; a file with comments alone has none.

    Raises:
        SpecError: the file cannot be read, is empty, or its content is no mapping.
    """
    text = decode(read(path, FIGURES), str(path), FIGURES)
    refuse_empty(text, str(path), FIGURES)
    data, source, problems = parse(text, str(path), FIGURES, tabs=path.suffix == ".json")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        place = Where(str(path), 1, 1)
        problem = Problem(
            "wrong-type", "a file of figures maps names to numbers", place, "electricity.FI: 0.06"
        )
        raise SpecError([*problems, problem])
    figures: dict[str, GivenValue] = {}
    for name, value in data.items():
        given, wrong = _given(value, source, name)
        problems += wrong
        if given is not None:
            figures[name] = given
    return FigureFile(figures, tuple(data), source, tuple(problems))


def _given(value: Any, source: SourceMap, name: str) -> tuple[GivenValue | None, list[Problem]]:
    """Read one figure: a number, or a mapping of value, low, high and source.

    Args:
        value: the entry of the file.
        source: the places in the file.
        name: the entry's name.

    Returns:
        The figure, or None and its problems. An entry that the YAML reader refused is no figure and has its
        problem already.
    """
    is_mapping = isinstance(value, dict)
    parts = value if is_mapping else {"value": value}
    places = {part: source.where(f"{name}.{part}" if is_mapping else name) for part in (*_NUMBERS, "source")}
    problems: list[Problem] = []
    for part in parts:
        if part not in places:
            message = f"{shown(part)} is no part of a figure"
            place = source.key(f"{name}.{part}")
            problems.append(Problem("unknown-part", message, place, nearest(part, list(places))))
    numbers: dict[str, float] = {}
    for part in _NUMBERS:
        written = parts.get(part)
        # A value that is missing beside an unknown part is most likely that part misspelt: one problem is
        # enough.
        if isinstance(written, Refused) or (written is None and (part != "value" or problems)):
            continue
        try:
            numbers[part] = _number(written)
        except ValueError as error:
            problems.append(Problem("bad-figure", str(error), places[part], _WRITE))
    words = parts.get("source") or "given by the user"
    try:
        words = _source(words)
    except ValueError as error:
        code = getattr(error, "code", "bad-figure")
        hint = "write it in one line"
        if isinstance(words, str):
            hint = "write where it can be read, in one line"
        problems.append(Problem(code, str(error), places["source"], hint))
    if problems or any(isinstance(part, Refused) for part in parts.values()):
        return None, problems
    try:
        _check_ends(numbers)
    except ValueError as error:
        return None, [Problem("bad-figure", str(error), source.where(name), _WRITE)]
    return GivenValue(source=str(words)[:_LONGEST_SOURCE], **numbers), []


def _source(words: Any) -> Any:
    """Return the source of a figure, cleaned if it is a text; a number or a day is kept as it is.

    Raises:
        ValueError: it is a list or a mapping, or a text with characters that hide.
    """
    if isinstance(words, list | dict):
        message = f"a source is a text, and {shown(words)} is none"
        raise ValueError(message)  # noqa: TRY004 - the caller reports every wrong value alike
    return clean_text(words) if isinstance(words, str) else words


def _check_ends(numbers: Mapping[str, float]) -> None:
    """Refuse a range that has only one end or does not contain its value.

    Raises:
        ValueError: the range is wrong; the message states why.
    """
    if len(numbers) == 2:
        raise ValueError("a range has two ends, low and high")
    if len(numbers) == 3 and not numbers["low"] <= numbers["value"] <= numbers["high"]:
        raise ValueError("the value lies outside its range")


def _text(path: Path, kind: FileKind) -> str:
    """Return the text of a file that contains neither secrets nor characters that hide.

    Raises:
        SpecError: the file cannot be read, or contains one.
    """
    text = decode(read(path, kind), str(path), kind)
    refuse_secrets(text, str(path), kind)
    if (letter := hidden(text, "\n\r\t")) is not None:
        place = locate_character(text, letter.at, str(path))
        message = f"the file holds {letter.say}"
        raise SpecError(
            Problem("hidden-character", message, place, "remove it; write plain digits and spaces")
        )
    return text


def _number(value: Any) -> float:
    """Return a finite number, written as a number or as text with a decimal point.

    Raises:
        ValueError: it is no number, or so large or small that nothing could be calculated with it.
    """
    if value is None:
        raise ValueError("it has no value")
    # float() would accept True, and digits and underscores that other readers of the file refuse.
    is_odd_text = isinstance(value, str) and _ODD.search(value)
    try:
        number = float("" if isinstance(value, bool | list | dict) or is_odd_text else value)
    except ValueError:
        raise ValueError(f"{shown(value)} is no number") from None
    if not math.isfinite(number):
        raise ValueError("it is not finite")
    if number and not _LEAST <= abs(number) <= _MOST:
        raise ValueError(f"{number:g} is beyond any figure: write {_LEAST:g} to {_MOST:g}, or zero")
    return number


def read_series(path: Path) -> tuple[float, ...]:
    """Read a series from a text file with a number a line, in the order of the hours.

    Empty lines and a header of words are left out.

    Raises:
        SpecError: the file cannot be read, or lines are no numbers; all of them at once.
    """
    numbers: list[float] = []
    problems: list[Problem] = []
    for line_number, line in enumerate(_text(path, SERIES).split("\n"), start=1):
        text = line.strip().rstrip(",;")
        if not text:
            continue
        try:
            numbers.append(_number(text))
        except ValueError as error:
            if line_number > 1 or not _is_header(text):
                place = Where(str(path), line_number)
                problems.append(Problem("bad-number", str(error), place, "write one number a line"))
    if not numbers and not problems:
        place = Where(file=str(path))
        problems.append(
            Problem("empty-series", "the file holds no numbers", place, "write one number a line")
        )
    if problems:
        raise SpecError(problems[:_MOST_PROBLEMS])
    return tuple(numbers)


def _is_header(text: str) -> bool:
    """Return whether a first line is a header: it begins with a word.

    `10;1` and `10 degC` are no headers but numbers in a form that is not supported.
    """
    first = next((letter for letter in text if letter.isalnum()), "")
    return first.isalpha() and text.casefold() not in _NOT_FINITE


def _add_row(
    row: Sequence[str], place: Where, head: Sequence[str], numbers: Mapping[int, list[float]]
) -> Iterator[Problem]:
    """Append a row's numbers to their columns, and yield its problems.

    Args:
        row: the cells.
        place: the row's place in the file.
        head: the names of the columns.
        numbers: the numbers so far, by index of their column.
    """
    if len(row) != len(head):
        message = f"it has {counted(len(row), 'cell')}, the header {len(head)}"
        yield Problem("uneven-row", message, place, "fill every cell")
        return
    for column, cells in numbers.items():
        try:
            cells.append(_number(row[column].strip()))
        except ValueError as error:
            yield Problem("bad-number", f"{head[column]}: {error}", place, "write kilowatts")


def read_columns(path: Path) -> dict[str, tuple[float, ...]]:
    """Read named series from a CSV file: a header of names, then a row an hour.

    A column called `time` or `hour` is left out.

    Raises:
        SpecError: the file cannot be read, a name occurs twice, a row has another length than the header, or
            a cell is no number; all of them at once.
    """
    problems: list[Problem] = []
    table = list(rows(_text(path, SERIES), str(path), SERIES, problems))
    head = [name.strip() for name in table[0][1]] if table else []
    if len(set(head)) != len(head) or not all(head):
        message = "each column needs a name of its own"
        problems.append(Problem("bad-header", message, Where(str(path), 1), "load,wind,grid"))
    numbers: dict[int, list[float]] = {}
    for column, name in enumerate(head):
        if name.casefold() not in {"time", "hour"}:
            numbers[column] = []
    for line_number, row in table[1:]:
        problems += _add_row(row, Where(str(path), line_number), head, numbers)
    if not problems and not all(numbers.values()):
        place = Where(file=str(path))
        hint = "write a row an hour below the header"
        problems.append(Problem("empty-series", "the file holds no hours", place, hint))
    if not problems and not numbers:
        place = Where(file=str(path))
        problems.append(Problem("empty-series", "the file names no series", place, "load,wind,grid"))
    if problems:
        raise SpecError(problems[:_MOST_PROBLEMS])
    series = {}
    for column, cells in numbers.items():
        series[head[column]] = tuple(cells)
    return series

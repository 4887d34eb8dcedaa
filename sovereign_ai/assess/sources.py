"""The figures of this room's own data files, and the figures that a user writes into a file of his own.

A row of `data/*.json` has a name, a value with unit, its range, its source, the day it was read and
how far it can be trusted, as the catalogue's figures have. A user's file is a mapping of a leaf's
name to a number, or to a mapping of value, low, high and source:

    electricity.FI: 0.062
    price.dgx-b200: {value: 450000, source: offer of 2026-10-01}

    >>> str(figure("failures", "llama3.interruptions").value)
    '419'
"""

from __future__ import annotations

import csv
import math
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from sovereign_ai.assess.sheet import Given
from sovereign_ai.catalog.figures import DefectiveDataError, Figure, Grade, UnknownNameError
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.spec.secrets import shown
from sovereign_ai.spec.source import SourceMap
from sovereign_ai.spec.yaml_text import Refused, parse

_MOST_BYTES = 1 << 20
_LEAST, _MOST = 1e-30, 1e30
_NUMBERS = ("value", "low", "high")
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
_WRITE = "write a number, or {value: 1.2, low: 1.1, high: 1.3}"


def figures(file: str) -> Mapping[str, Figure]:
    """Give every figure of one data file by name, such as `prices`."""
    return _read(file)


def figure(file: str, name: str) -> Figure:
    """Give one figure.

    Raises:
        UnknownNameError: the file has none of that name.
    """
    try:
        return _read(file)[name]
    except KeyError:
        raise UnknownNameError("figure", name, _read(file)) from None


@cache
def _read(file: str) -> Mapping[str, Figure]:
    """Read a data file once."""
    data = pkgutil.get_data(__package__, f"data/{file}.json")
    if data is None:
        raise DefectiveDataError(f"the package holds no assess/data/{file}.json; install it again")
    rows = [_figure(row) for row in orjson.loads(data)["rows"]]
    return MappingProxyType({row.field: row for row in sorted(rows, key=lambda row: row.field)})


def _figure(raw: Mapping[str, Any]) -> Figure:
    """Turn a row into a figure; a member too many or too few is a defect."""
    rest = {key: value for key, value in raw.items() if key != "name"}
    return Figure(**{**rest, "field": raw["name"], "grade": Grade(raw["grade"])})


@dataclass(frozen=True, slots=True)
class Told:
    """What a user's file of figures says.

    Attributes:
        figures: name to figure; entries that are no figure are left out.
        names: every name that stands in the file.
        source: the place of every name and number.
        problems: what is no figure. Whoever takes the figures raises them, together with what only he can tell, such as
            names that no assessment has: so everything that is wrong with a file comes at once.
    """

    figures: Mapping[str, Given]
    names: tuple[str, ...]
    source: SourceMap
    problems: tuple[Problem, ...]

    def place(self, name: str, part: str) -> Where:
        """Give the place of a figure's value, low or high; a figure that is a plain number has one place."""
        inner = f"{name}.{part}"
        return self.source.where(inner if inner in self.source.values else name)


def given_by(path: Path) -> Told:
    """Read a user's figures from a YAML or JSON file; one that holds comments alone gives none.

    Raises:
        SpecError: the file cannot be read, or what it holds is no mapping.
    """
    text = _text(path)
    data, source, problems = parse(text, str(path), tabs=path.suffix == ".json")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        message = "a file of figures maps names to numbers"
        raise SpecError([*problems, Problem("wrong-type", message, Where(str(path), 1, 1), "electricity.FI: 0.06")])
    found: dict[str, Given] = {}
    for name, value in data.items():
        one, wrong = _given(value, source, name)
        problems += wrong
        if one is not None:
            found[name] = one
    return Told(found, tuple(data), source, tuple(problems))


def _given(value: Any, source: SourceMap, name: str) -> tuple[Given | None, list[Problem]]:
    """Read one figure: a number, or a mapping of value, low, high and source; or give what makes it none.

    What the reader of the text refused is no figure and has its problem already.
    """
    parts = value if isinstance(value, dict) else {"value": value}
    places = {part: source.where(f"{name}.{part}" if isinstance(value, dict) else name) for part in (*_NUMBERS, "source")}
    problems = [
        Problem("unknown-part", f"{shown(part)} is no part of a figure", source.key(f"{name}.{part}"), nearest(part, list(places)))
        for part in parts
        if part not in places
    ]
    numbers: dict[str, float] = {}
    for part in _NUMBERS:
        written = parts.get(part)
        if isinstance(written, Refused) or (written is None and (part != "value" or problems)):
            continue
        try:
            numbers[part] = _number(written)
        except ValueError as error:
            problems.append(Problem("bad-figure", str(error), places[part], _WRITE))
    words = parts.get("source") or "given by the user"
    if isinstance(words, list | dict):
        problems.append(Problem("bad-figure", f"a source is a text, and {shown(words)} is none", places["source"], "write it in one line"))
    if problems or any(isinstance(part, Refused) for part in parts.values()):
        return None, problems
    try:
        _check_ends(numbers)
    except ValueError as error:
        return None, [Problem("bad-figure", str(error), source.where(name), _WRITE)]
    return Given(source=str(words)[:200], **numbers), []


def _check_ends(numbers: Mapping[str, float]) -> None:
    """Refuse a range that has one end alone or does not hold its value.

    Raises:
        ValueError: what is wrong with it.
    """
    if len(numbers) == 2:
        raise ValueError("a range has two ends, low and high")
    if len(numbers) == 3 and not numbers["low"] <= numbers["value"] <= numbers["high"]:
        raise ValueError("the value lies outside its range")


def _bytes(path: Path) -> bytes:
    """Read a file of at most 1 MiB."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SpecError(Problem("no-file", reason, Where(file=str(path)), "name a file that can be read")) from None
    if len(raw) > _MOST_BYTES:
        raise SpecError(Problem("too-large", "it has more than 1 MiB", Where(file=str(path)), "keep figures alone in it"))
    return raw


def _text(path: Path, encoding: str = "utf-8") -> str:
    """Read a file of text."""
    try:
        return _bytes(path).decode(encoding)
    except UnicodeDecodeError:
        raise SpecError(Problem("not-utf8", "the file is no UTF-8 text", Where(file=str(path)), "save it as UTF-8")) from None


def _number(value: Any) -> float:
    """Take a finite number, written as one or as text with a decimal point.

    Raises:
        ValueError: it is no number, or so large or small that nothing could be calculated with it.
    """
    if value is None:
        raise ValueError("it has no value")
    try:
        number = float("" if isinstance(value, bool | list | dict) else value)
    except ValueError:
        raise ValueError(f"{shown(value)} is no number") from None
    if not math.isfinite(number):
        raise ValueError("it is not finite")
    if number and not _LEAST <= abs(number) <= _MOST:
        raise ValueError(f"{number:g} is beyond any figure: {_LEAST:g} to {_MOST:g} and zero are taken")
    return number


def series(path: Path) -> tuple[float, ...]:
    """Read a series from a text file: a number a line, in the order of the hours; empty lines and a header of words are left out.

    Raises:
        SpecError: the file cannot be read, or a line is no number; all of them at once.
    """
    found: list[float] = []
    problems: list[Problem] = []
    for number, line in enumerate(_text(path, "utf-8-sig").splitlines(), start=1):
        text = line.strip().rstrip(",;")
        if not text:
            continue
        try:
            found.append(_number(text))
        except ValueError as error:
            if number > 1 or not _is_header(text):
                problems.append(Problem("bad-number", str(error), Where(str(path), number), "write one number a line"))
    if not found and not problems:
        problems.append(Problem("empty-series", "the file holds no numbers", Where(file=str(path)), "write one number a line"))
    if problems:
        raise SpecError(problems[:20])
    return tuple(found)


def _is_header(text: str) -> bool:
    """Tell whether a first line is a header: it begins with a word; `10;1` and `10 degC` are numbers that we cannot read."""
    first = next((letter for letter in text if letter.isalnum()), "")
    return first.isalpha() and text.casefold() not in _NOT_FINITE


def columns(path: Path) -> dict[str, tuple[float, ...]]:
    """Read named series from a CSV file: a header of names, then a row an hour; a column called `time` or `hour` is left out.

    Raises:
        SpecError: the file cannot be read, a name stands twice, a row has another length, or a cell is no number; all of them.
    """
    try:
        rows = list(csv.reader(_text(path, "utf-8-sig").splitlines()))
    except csv.Error as error:
        raise SpecError(Problem("bad-csv", str(error), Where(file=str(path)), "write a header of names, then numbers")) from None
    head = [name.strip() for name in rows[0]] if rows else []
    problems: list[Problem] = []
    if len(set(head)) != len(head) or not all(head):
        problems.append(Problem("bad-header", "each column needs a name of its own", Where(str(path), 1), "load,wind,grid"))
    wanted = [at for at, name in enumerate(head) if name.casefold() not in {"time", "hour"}]
    found: dict[int, list[float]] = {at: [] for at in wanted}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(head):
            problems.append(
                Problem("uneven-row", f"it has {len(row)} cells, the header {len(head)}", Where(str(path), number), "fill every cell")
            )
            continue
        for at in wanted:
            try:
                found[at].append(_number(row[at].strip()))
            except ValueError as error:
                problems.append(Problem("bad-number", f"{head[at]}: {error}", Where(str(path), number), "write kilowatts"))
    if not problems and not all(found.values()):
        problems.append(Problem("empty-series", "the file holds no hours", Where(file=str(path)), "write a row an hour below the header"))
    if problems or not found:
        raise SpecError(problems[:20] or [Problem("empty-series", "the file names no series", Where(file=str(path)), "load,wind,grid")])
    return {head[at]: tuple(values) for at, values in found.items()}

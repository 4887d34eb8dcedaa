"""Rows of a description: typed, checked and looked up like those of the package.

A row is a mapping in the form of the package's own data: `kind`, `name`, `vendor`, for a system with GPUs its
`accelerator`, and `figures`, each with `value`, `unit` where it has one, `source`, `read` (the day), `grade`,
and `low` and `high` where it is a range.

* No row has the name of a row of the package: it would change what others mean by that name. * The same name
with other figures, in a second description of the same process, is refused for the same reason. * A row may
lack figures: `blocks` returns what cannot be decided without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

from sovereign_ai.catalog import accelerator as accelerators
from sovereign_ai.catalog import controllers, parts
from sovereign_ai.catalog import supplier as suppliers
from sovereign_ai.catalog import switch as switches
from sovereign_ai.catalog import system as systems
from sovereign_ai.catalog.figures import (
    DefectiveDataError,
    Grade,
    Row,
    Sourced,
    add_description_row,
    rows_of_descriptions,
)
from sovereign_ai.catalog.row_figures import (
    RULES,
    FigureRule,
    absent_figures,
    is_mapping,
    names_of,
    rule_of,
    value_problems,
)
from sovereign_ai.errors import Problem, Where, nearest, with_more
from sovereign_ai.files import shown
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import DNS_LABEL
from sovereign_ai.text import counted

_PLAIN = ("kind", "name", "vendor", "accelerator", "title", "makes", "scalable_units", "figures")
_FIGURE = ("value", "unit", "source", "read", "grade", "low", "high", "note")
_TITLED = ("supplier", "controller")
_LONGEST_NAME = 32
_LONGEST_MESSAGE = 300
"""Characters of a message that quotes a wrong value."""


@frozen_dataclass
class RowKind:
    """One kind of row.

    Attributes:
        table: the kind under which the row is looked up; all parts share a table.
        build: returns the typed row.
        model: the type of the row.
        known: returns all rows of that table.
        blocks: field to what cannot be decided where the field is missing.
    """

    table: str
    build: Callable[[Row], Sourced]
    model: type[Sourced]
    known: Callable[[], tuple[Sourced, ...]]
    blocks: Mapping[str, str]


UNFILLED = "FILL IN"
"""The text that `catalog.row_template` writes in place of the user's source."""
_WATTS = {"power": "its watts are in no total"}
_RACKED = {**_WATTS, "rack_units": "no rack is planned for it", "weight_kg": "floor load does not count it"}
_PART_BLOCKS = {"nic": _WATTS, "optic": _WATTS}
"""A card or an optic needs no rack units of its own; every other part does."""
KINDS: Mapping[str, RowKind] = {
    "system": RowKind(
        "system",
        systems.of_row,
        systems.System,
        systems.systems,
        {
            "weight_kg": "whether the floor carries a rack of it is not checked",
            "supplies": "whether it survives the loss of a feed is not decided",
            "rack_units": "how many fit a rack follows from power alone",
            "nodes_per_rack": "how many stand in a rack follows from the hall's limit and the rack's height",
            "idle_power": "energy without work is a question to the user",
            "storage_nics": "storage traffic is not held against its ports",
        },
    ),
    "accelerator": RowKind(
        "accelerator", accelerators.of_row, accelerators.Accelerator, accelerators.accelerators, {}
    ),
    "switch": RowKind(
        "switch",
        switches.of_row,
        switches.SwitchModel,
        switches.switches,
        {"power": "its watts are the range of its ports", "rack_units": "two units are planned for it"},
    ),
    "supplier": RowKind("supplier", suppliers.of_row, suppliers.CatalogSupplier, suppliers.suppliers, {}),
    "controller": RowKind(
        "controller",
        controllers.of_row,
        controllers.CatalogController,
        controllers.controller_rows,
        {"version": "which version runs is open until a description says it"},
    ),
    **{
        kind: RowKind("part", parts.of_row, parts.CatalogPart, parts.parts, _PART_BLOCKS.get(kind, _RACKED))
        for kind in parts.PART_KINDS
    },
}
"""Kinds of row, by the value of `kind` in a row."""


def row_problems(
    raw: object, field: str, wrong: AbstractSet[tuple[str, str]] = frozenset()
) -> Iterator[Problem]:
    """Yield every problem of a row; names of other rows are compared with the rows that exist by now.

    Args:
        raw: the row as plain data.
        field: its dotted field, for the places of problems.
        wrong: kind and name of the rows before it that are wrong: to name one of them is no further problem.
    """
    if not isinstance(raw, Mapping):
        hint = "write kind, name, vendor and figures; 'sovereign-ai catalog new' writes a row to fill in"
        yield Problem("bad-row", "a row of the catalogue is a mapping", Where(field=field), hint)
        return
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        hint = nearest(str(kind), sorted(KINDS)) if kind else f"write one of {', '.join(sorted(KINDS))}"
        yield Problem("bad-row", f"{shown(kind)} is no kind of row", Where(field=f"{field}.kind"), hint)
        return
    for name in raw:
        if name not in _PLAIN:
            message = f"a row has no field {shown(name)}"
            hint = nearest(str(name), _PLAIN)
            yield Problem("unknown-field", message, Where(field=f"{field}.{name}"), hint)
    problems = [*_name_problems(raw, kind, field, wrong), *_member_problems(raw, kind, field)]
    problems += _figure_problems(raw.get("figures"), kind, f"{field}.figures")
    yield from problems
    # A row with wrong names or figures cannot be built; its error would repeat what is reported already.
    if not problems and not _names_wrong_row(raw, wrong) and (problem := _build_problem(raw, kind, field)):
        yield problem


def _names_wrong_row(raw: Mapping[str, Any], wrong: AbstractSet[tuple[str, str]]) -> bool:
    """Return whether a row names one that is wrong itself."""
    named = {("supplier", str(raw.get("vendor"))), ("accelerator", str(raw.get("accelerator")))}
    return not named.isdisjoint(wrong)


def _build_problem(raw: Mapping[str, Any], kind: str, field: str) -> Problem | None:
    """Return why a row cannot be built; None if it can."""
    try:
        row = KINDS[kind].build(Row.of(raw))
    except DefectiveDataError as error:
        message = str(error)
        hint = "add the figure; 'sovereign-ai catalog show' prints a row that has all"
    except (ValueError, KeyError, TypeError) as error:
        message = f"{raw['name']}: {error}"
        hint = "write the unit as in 'sovereign-ai catalog show'"
    else:
        return _contradiction(row, field)
    return Problem("bad-row", message[:_LONGEST_MESSAGE], Where(field=field), hint)


def _contradiction(row: Sourced, field: str) -> Problem | None:
    """Return the first problem of two figures that exclude each other; None if there is none."""
    if not isinstance(row, systems.System):
        return None
    if row.supplies and row.supplies_required and row.supplies_required > row.supplies:
        supplies_text = counted(row.supplies_required, "power supply", "power supplies")
        message = f"it requires {supplies_text} and has {row.supplies}"
        where = Where(field=f"{field}.figures.supplies_required")
        return Problem("bad-row", message, where, "write how many of its supplies it needs to run")
    if row.idle_power and row.idle_power > row.max_power:
        message = f"{row.idle_power} without work is more than its {row.max_power} at most"
        return Problem("bad-row", message, Where(field=f"{field}.figures.idle_power"), "check both figures")
    return None


def new_name_problem(kind: str, name: str) -> Problem | None:
    """Return what is wrong with a name for a new row, by itself or beside the package's rows.

    Args:
        kind: a kind of row.
        name: the name.
    """
    if not _is_name(name):
        return _bad_name(name, Where())
    return _shadow_problem(name, KINDS[kind], Where())


def _is_name(name: str) -> bool:
    return re.fullmatch(DNS_LABEL, name) is not None and len(name) <= _LONGEST_NAME


def _bad_name(name: object, where: Where) -> Problem:
    hint = f"at most {_LONGEST_NAME} lower-case letters, digits and hyphens, starting with a letter"
    return Problem("bad-name", f"{shown(name)} is no name of a row", where, hint)


def _name_problems(
    raw: Mapping[str, Any], kind: str, field: str, wrong: AbstractSet[tuple[str, str]]
) -> Iterator[Problem]:
    """Compare a row's name, and the names of other rows in it, with the rows that exist."""
    name = raw.get("name")
    if not isinstance(name, str) or not _is_name(name):
        yield _bad_name(name, Where(field=f"{field}.name"))
        return
    yield from _duplicate_problems(raw, name, KINDS[kind], f"{field}.name")
    if kind != "supplier" and ("supplier", str(raw.get("vendor"))) not in wrong:
        names = [supplier.name for supplier in suppliers.suppliers()]
        yield from _reference_problems(raw.get("vendor"), "supplier", names, f"{field}.vendor")
    if kind != "system" or ("accelerator", str(raw.get("accelerator"))) in wrong:
        return
    if "accelerator" not in raw and _gpus(raw) == 0:
        return
    if "accelerator" not in raw:
        hint = "name the accelerator of its GPUs, or write that it has 0 'gpus'"
        yield Problem("missing-field", "a system with GPUs has an accelerator", Where(field=field), hint)
    else:
        names = [accelerator.name for accelerator in accelerators.accelerators()]
        yield from _reference_problems(raw.get("accelerator"), "accelerator", names, f"{field}.accelerator")


def _gpus(raw: Mapping[str, Any]) -> object:
    """Return what a row says of its number of GPUs; None where it says nothing."""
    figures = raw.get("figures")
    figure = figures.get("gpus") if isinstance(figures, Mapping) else None
    return figure.get("value") if isinstance(figure, Mapping) else None


def _member_problems(raw: Mapping[str, Any], kind: str, field: str) -> Iterator[Problem]:
    """Yield every problem of a row's members that are neither names nor figures."""
    if kind in _TITLED and not isinstance(raw.get("title"), str):
        message = f"a {kind} has a title"
        yield Problem("missing-field", message, Where(field=f"{field}.title"), "write its full name")
    if kind == "supplier" and not _are_texts(raw.get("makes")):
        hint = "write a list of what it makes, such as [machines]"
        yield Problem("bad-row", "a supplier makes something", Where(field=f"{field}.makes"), hint)
    if "scalable_units" in raw and not _are_units(raw["scalable_units"]):
        hint = "write a list of {nodes: 32, variant: reference}"
        where = Where(field=f"{field}.scalable_units")
        yield Problem("bad-row", "a scalable unit has a number of nodes and a variant", where, hint)


def _are_texts(values: object) -> bool:
    """Return whether plain data is a list of texts."""
    return isinstance(values, list | tuple) and all(isinstance(each, str) for each in values)


def _are_units(units: object) -> bool:
    """Return whether plain data is a list of scalable units."""
    return isinstance(units, list | tuple) and all(
        isinstance(unit, Mapping)
        and set(unit) == {"nodes", "variant"}
        and type(unit["nodes"]) is int
        and unit["nodes"] > 0
        and isinstance(unit["variant"], str)
        for unit in units
    )


def _duplicate_problems(raw: Mapping[str, Any], name: str, kind: RowKind, at: str) -> Iterator[Problem]:
    """Yield the problem of a name that another row has already."""
    if (shadow := _shadow_problem(name, kind, Where(field=at))) is not None:
        yield shadow
        return
    own = rows_of_descriptions(kind.table)
    # A description may be read several times in a process; the same row is no duplicate.
    if name in own and own[name].figures != _figures(raw):
        message = f"another description of this process has other figures for {name!r}"
        yield Problem("duplicate-name", message, Where(field=at), "give one of the two another name")


def _shadow_problem(name: str, kind: RowKind, where: Where) -> Problem | None:
    """Return the problem of a name that a row of the package has; None where none has it."""
    packaged = {row.name for row in kind.known()} - {*rows_of_descriptions(kind.table)}
    if name not in packaged:
        return None
    message = f"the catalogue has a {kind.table} called {name!r} already, and no row shadows another"
    return Problem("duplicate-name", message, where, f"give it another name, such as '{name}-own'")


def _reference_problems(name: object, kind: str, names: list[str], at: str) -> Iterator[Problem]:
    """Yield the problem of a name that no row of a kind has."""
    if name not in names:
        message = f"no {kind} is called {shown(name)}"
        # Rows are added in order, so that a row can name only rows before it.
        hint = with_more(nearest(str(name), names), f"or add a row of kind {kind} before this one")
        yield Problem("unknown-name", message, Where(field=at), hint)


def _figures(raw: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a row's figures; empty where they are wrong."""
    try:
        return Row.of(raw).figures
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _figure_problems(figures: object, kind: str, field: str) -> Iterator[Problem]:
    """Yield every problem of a row's figures."""
    if not isinstance(figures, Mapping) or not figures:
        hint = "write 'figures', each with value, source, read and grade"
        yield Problem("bad-row", "a row has figures", Where(field=field), hint)
        return
    for name, figure in figures.items():
        at = f"{field}.{name}"
        if name not in names_of(kind):
            message = f"no figure is called {shown(name)}"
            yield Problem("unknown-field", message, Where(field=at), nearest(str(name), names_of(kind)))
        elif is_mapping(kind, name):
            yield from _mapping_problems(kind, name, figure, at)
        else:
            yield from _problems_of_figure(figure, rule_of(kind, name), at)
    for name in absent_figures(kind, figures):
        hint = f"add it; 'sovereign-ai catalog new {kind} NAME' writes a row with all"
        yield Problem("missing-field", f"{name} is absent", Where(field=field), hint)


def _mapping_problems(kind: str, name: str, figure: object, at: str) -> Iterator[Problem]:
    """Yield every problem of a mapping of figures, such as the rates by precision."""
    if not isinstance(figure, Mapping) or "value" in figure:
        hint = f"write a figure for each name, as 'sovereign-ai catalog new {kind} NAME' does"
        yield Problem("bad-row", "it is a mapping of figures", Where(field=at), hint)
        return
    for part, inner in figure.items():
        rule = rule_of(kind, f"{name}.{part}")
        if rule is None:
            known = [each.partition(".")[2] for each in RULES[kind] if each.startswith(f"{name}.")]
            message = f"{name} has no {shown(part)}"
            yield Problem("unknown-field", message, Where(field=f"{at}.{part}"), nearest(str(part), known))
        else:
            yield from _problems_of_figure(inner, rule, f"{at}.{part}")


def _problems_of_figure(figure: object, rule: FigureRule | None, at: str) -> Iterator[Problem]:
    """Yield every problem of a single figure."""
    if not isinstance(figure, Mapping):
        hint = "write {value: …, source: …, read: 2026-12-31, grade: datasheet}"
        yield Problem("bad-row", "a figure is a mapping with its source", Where(field=at), hint)
        return
    for name in figure:
        if name not in _FIGURE:
            message = f"a figure has no {shown(name)}"
            hint = nearest(str(name), _FIGURE)
            yield Problem("unknown-field", message, Where(field=f"{at}.{name}"), hint)
    for name in ("value", "source", "read", "grade"):
        # Zero is a value: only None and the empty text are missing.
        if figure.get(name) in (None, ""):
            message = f"a figure without its {name!r}"
            yield Problem("missing-field", message, Where(field=at), f"write '{name}'")
    yield from _source_problems(figure, at)
    of_value = list(value_problems(rule, figure, at)) if rule else []
    yield from of_value
    if not of_value:
        yield from _range_problems(figure, figure.get("grade"), at)


def _source_problems(figure: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """Yield every problem of a figure's source, grade and day."""
    if figure.get("source") == UNFILLED:
        where = Where(field=f"{at}.source")
        yield Problem("missing-field", "the source is not filled in", where, "write where the figure is from")
    grade = figure.get("grade")
    # A missing grade is reported as a missing field.
    if grade not in (None, "") and (not isinstance(grade, str) or grade not in set(Grade)):
        hint = f"write one of {', '.join(Grade)}"
        yield Problem("bad-row", f"{shown(grade)} is no grade", Where(field=f"{at}.grade"), hint)
    day = figure.get("read")
    try:
        # A missing day is reported as a missing field; any valid day stands in for it.
        date.fromisoformat(str(day or "2026-01-01"))
    except ValueError:
        message = f"{shown(day)} is no day"
        yield Problem("bad-date", message, Where(field=f"{at}.read"), "write it as 2026-12-31")


def _range_problems(figure: Mapping[str, Any], grade: object, at: str) -> Iterator[Problem]:
    """Yield every problem of a figure's range."""
    low, value, high = figure.get("low"), figure.get("value"), figure.get("high")
    # In Python, True is an int; in YAML it is no number.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    where = Where(field=at)
    if (low is None) != (high is None):
        yield Problem("bad-row", "a range has both ends", where, "write 'low' and 'high'")
    elif low is not None and is_number and not _is_inside(low, value, high):
        message = f"{value} lies outside {low} to {high}"
        yield Problem("bad-row", message, where, "write a range that holds the value")
    elif grade == "estimate" and is_number and low is None:
        hint = "write 'low' and 'high', or the source that gives the value"
        yield Problem("bad-row", "an estimate is a range", where, hint)
    elif grade == "estimate" and is_number and low == high:
        hint = "write a range that it may lie in, or the source that gives the value and its grade"
        yield Problem("bad-row", f"an estimate from {shown(low)} to {shown(high)} is no range", where, hint)


def _is_inside(low: object, value: object, high: object) -> bool:
    """Return whether a value lies in a range, all of which are numbers."""
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return isinstance(value, int | float) and low <= value <= high


def add_rows(raws: Sequence[object], field: str = "catalog") -> list[Problem]:
    """Check the rows of a description in order, and add those that are right.

    Args:
        raws: rows as plain data.
        field: the field that holds them.

    Returns:
        Every problem. A row without one can be looked up from now on, also by the rows after it.
    """
    problems: list[Problem] = []
    wrong: set[tuple[str, str]] = set()
    for index, raw in enumerate(raws):
        of_row = list(row_problems(raw, f"{field}[{index}]", wrong))
        problems += of_row
        if not isinstance(raw, Mapping):
            continue
        if of_row or _names_wrong_row(raw, wrong):
            # A name that is no text, such as a list, cannot be in a set.
            wrong.add((str(raw.get("kind")), str(raw.get("name"))))
        else:
            kind = KINDS[raw["kind"]]
            add_description_row(kind.table, kind.build(Row.of(raw)))
    return problems


def blocks(row: Sourced) -> list[str]:
    """Return what cannot be decided because a row lacks a figure, each as `field: what`."""
    for name, kind in KINDS.items():
        # The kind of a switch is its network; the kind of a part is one of `KINDS`.
        if type(row) is kind.model and getattr(row, "kind", name) in (name, "infiniband", "ethernet"):
            return [f"{field}: {what}" for field, what in kind.blocks.items() if getattr(row, field) is None]
    return []

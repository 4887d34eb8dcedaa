"""A sheet of numbers that follow from each other: leaves with a source, cells with a formula, and ranges that reach all.

A leaf is a published figure, a number of the plan, an estimate with a range, or a question to the
user. A cell is a function of other numbers. A range is found by moving each leaf to its two ends
in turn: that tells in which direction each leaf moves the cell, and all leaves moved to their low
(or high) sides together give the end of the cell's range. This is exact where a cell rises or
falls with each leaf throughout, which our formulas do.

    >>> sheet = Sheet()
    >>> _ = sheet.estimate("load", 80.0, "kW", 70.0, 90.0, "our guess")
    >>> _ = sheet.plan("hours", 10.0, "h", "as described")
    >>> _ = sheet.derive("energy", "kWh", "load x hours", lambda load, hours: load * hours, "load", "hours")
    >>> print(sheet.measures()[-1])
    800 kWh [700 to 900] (estimate)
    >>> print(Sheet({"load": Given(60.0)}).estimate("load", 80.0, "kW", 70.0, 90.0, "our guess"))
    load
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.assess.measure import Basis, Measure
from sovereign_ai.catalog.figures import Figure, Grade
from sovereign_ai.errors import Problem, UsageError, nearest

Values = dict[str, float | None]
Work = Callable[..., float | None]
_WEAKEST = (Basis.PLAN, Basis.SOURCE, Basis.USER, Basis.ESTIMATE, Basis.OPEN)


@dataclass(frozen=True, slots=True)
class Given:
    """A figure that the user gives; it replaces ours of the same name.

    Attributes:
        value: in the unit of the leaf.
        low: the lower end, where it is uncertain.
        high: the upper end.
        source: in the user's words, such as `contract of 2026-10-01`.
    """

    value: float
    low: float | None = None
    high: float | None = None
    source: str = "given by the user"


@dataclass(frozen=True, slots=True)
class _Cell:
    """A leaf or a formula before its range is known."""

    id: str
    unit: str
    basis: Basis
    value: float | None = None
    low: float | None = None
    high: float | None = None
    source: str = ""
    note: str = ""
    formula: str = ""
    inputs: tuple[str, ...] = ()
    work: Work | None = None


@dataclass(slots=True)
class Sheet:
    """Numbers by name, inputs before what follows from them.

    Attributes:
        given: the user's figures by the name of the leaf that each replaces.
    """

    given: Mapping[str, Given] = field(default_factory=dict)
    _cells: dict[str, _Cell] = field(default_factory=dict)
    _moved: dict[str, tuple[Values, Values]] | None = None

    def figure(self, name: str, figure: Figure | None, *, unit: str | None = None, question: str = "", scale: float = 1.0) -> str:
        """Add a published figure as a leaf; without one, the question that asks the user for it.

        Args:
            name: the leaf's name.
            figure: the figure.
            unit: the leaf's unit, where `scale` changes it or where there is no figure.
            question: what to ask where there is no figure.
            scale: what the figure is multiplied with.
        """
        if figure is None or not isinstance(figure.value, int | float):
            return self.ask(name, unit or "1", question)
        low, high = (None if end is None else end * scale for end in (figure.low, figure.high))
        basis = Basis.ESTIMATE if figure.grade is Grade.ESTIMATE else Basis.SOURCE
        source = f"{figure.source} ({figure.grade}, read {figure.read})"
        return self._leaf(_Cell(name, unit or figure.unit or "1", basis, figure.value * scale, low, high, source, figure.note))

    def plan(self, name: str, value: float, unit: str, why: str) -> str:
        """Add a number of the plan or the description as a leaf."""
        return self._leaf(_Cell(name, unit, Basis.PLAN, float(value), source=why))

    def estimate(self, name: str, value: float, unit: str, low: float, high: float, why: str) -> str:
        """Add a judgement of ours with its range and its reason as a leaf."""
        return self._leaf(_Cell(name, unit, Basis.ESTIMATE, value, low, high, why))

    def ask(self, name: str, unit: str, question: str) -> str:
        """Add a leaf that only the user can fill."""
        return self._leaf(_Cell(name, unit, Basis.OPEN, source=question))

    def derive(self, name: str, unit: str, formula: str, work: Work, *inputs: str, note: str = "") -> str:
        """Add a number that follows from others; with an input missing it is missing too.

        Args:
            name: its name.
            unit: its unit.
            formula: how it follows, in words or symbols.
            work: the function, given the inputs' values in order; None stands for infeasible.
            inputs: names of the numbers it follows from, which must be there already.
            note: what a reader must know.
        """
        if name not in self._cells:
            missing = [one for one in inputs if one not in self._cells]
            if missing:
                message = f"{name} follows from {missing}, which are not on the sheet"
                raise KeyError(message)
            self._cells[name] = _Cell(name, unit, Basis.PLAN, formula=formula, inputs=inputs, work=work, note=note)
            self._moved = None
        return name

    def __contains__(self, name: str) -> bool:
        """Tell whether a number is on the sheet."""
        return name in self._cells

    def value(self, name: str) -> float | None:
        """Give a number as it stands."""
        return self._values({})[name]

    def ends(self, leaf: str) -> tuple[float, float]:
        """Give the two ends of a leaf's range; its value twice where it has none, and 0 where nobody knows it."""
        cell = self._cells[leaf]
        value = cell.value or 0.0
        return (value if cell.low is None else cell.low), (value if cell.high is None else cell.high)

    def swings(self, name: str) -> list[tuple[str, float, float]]:
        """Give each leaf with a range that moves a number: the leaf, and the number at the leaf's low and high end.

        The widest comes first; a leaf that does not move it is left out.
        """
        moved = self._all_moved()
        found: list[tuple[str, float, float]] = []
        for leaf, (low, high) in moved.items():
            ends = low[name], high[name]
            if ends[0] is not None and ends[1] is not None and not _alike(ends[0], ends[1]):
                found.append((leaf, ends[0], ends[1]))
        return sorted(found, key=lambda swing: (-abs(swing[2] - swing[1]), swing[0]))

    def measures(self, about: tuple[str, ...] = ("",)) -> tuple[Measure, ...]:
        """Give numbers with their ranges, inputs before what follows from them.

        Args:
            about: beginnings of names; left out, every number. What they follow from is given too.

        Raises:
            UsageError: the user gave a figure that no leaf of this sheet has.
        """
        self._check_given()
        wanted = self._behind([name for name in self._cells if name.startswith(about)])
        values, moved = self._values({}), self._all_moved()
        return tuple(self._measure(self._cells[name], values, moved) for name in wanted)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Give the names of every figure that can be given, in order."""
        return tuple(cell.id for cell in self._cells.values() if cell.work is None)

    def _check_given(self) -> None:
        """Refuse figures that would change nothing."""
        leaves = self.leaves
        problems = []
        for name in sorted(set(self.given) - set(leaves)):
            kind = "is calculated and cannot be given" if name in self._cells else "is no figure of this assessment"
            problems.append(Problem("unknown-figure", f"{name!r} {kind}", hint=nearest(name, leaves)))
        if problems:
            raise UsageError(problems)

    def _leaf(self, cell: _Cell) -> str:
        """Add a leaf once, as the user gave it where he did."""
        if cell.id not in self._cells:
            mine = self.given.get(cell.id)
            if mine is not None:
                cell = _Cell(cell.id, cell.unit, Basis.USER, mine.value, mine.low, mine.high, mine.source)
            self._cells[cell.id] = cell
            self._moved = None
        return cell.id

    def _values(self, instead: Mapping[str, float]) -> Values:
        """Calculate every number, some leaves replaced."""
        found: Values = {}
        for name, cell in self._cells.items():
            found[name] = instead.get(name, cell.value) if cell.work is None else _apply(cell.work, [found[one] for one in cell.inputs])
        return found

    def _all_moved(self) -> dict[str, tuple[Values, Values]]:
        """Calculate every number with each leaf at its low and its high end."""
        if self._moved is None:
            self._moved = {
                cell.id: (self._values({cell.id: cell.low}), self._values({cell.id: cell.high}))
                for cell in self._cells.values()
                if cell.work is None and cell.value is not None and cell.low is not None and cell.high is not None
            }
        return self._moved

    def _measure(self, cell: _Cell, values: Values, moved: Mapping[str, tuple[Values, Values]]) -> Measure:
        """Give one number with its range, basis and needs."""
        leaves = self._leaves(cell.id)
        low, high = (cell.low, cell.high) if cell.work is None else self._range(cell.id, leaves, values, moved)
        needs = tuple(sorted(one for one in leaves if self._cells[one].value is None))
        basis = max((self._cells[one].basis for one in leaves), key=_WEAKEST.index, default=Basis.PLAN)
        return Measure(
            id=cell.id,
            unit=cell.unit,
            basis=Basis.OPEN if needs else basis,
            value=values[cell.id],
            low=low,
            high=high,
            formula=cell.formula,
            inputs=cell.inputs,
            source=cell.source,
            needs=needs if values[cell.id] is None else (),
            note=cell.note,
        )

    def _range(
        self, name: str, leaves: Sequence[str], values: Values, moved: Mapping[str, tuple[Values, Values]]
    ) -> tuple[float | None, float | None]:
        """Give the ends of a cell's range: every leaf at the side that lowers it, and at the side that raises it."""
        centre = values[name]
        if centre is None:
            return None, None
        down: dict[str, float] = {}
        up: dict[str, float] = {}
        seen = [centre]
        for leaf in leaves:
            if leaf not in moved:
                continue
            at_low, at_high = moved[leaf][0][name], moved[leaf][1][name]
            cell = self._cells[leaf]
            if at_low is None or at_high is None or _alike(at_low, at_high) or cell.low is None or cell.high is None:
                continue
            rises = at_high > at_low
            down[leaf], up[leaf] = (cell.low, cell.high) if rises else (cell.high, cell.low)
            seen += [at_low, at_high]
        if not down:
            return None, None
        order = self._order(name)
        ends = [end for end in (self._at(name, order, down), self._at(name, order, up)) if end is not None]
        return min(seen + ends), max(seen + ends)

    def _at(self, name: str, order: Sequence[str], instead: Mapping[str, float]) -> float | None:
        """Calculate one number alone, some leaves replaced."""
        found: Values = {}
        for one in order:
            cell = self._cells[one]
            found[one] = instead.get(one, cell.value) if cell.work is None else _apply(cell.work, [found[part] for part in cell.inputs])
        return found[name]

    def _order(self, name: str) -> list[str]:
        """Give what a number follows from, itself last, inputs first."""
        return self._behind([name])

    def _behind(self, names: Sequence[str]) -> list[str]:
        """Give some numbers and what they follow from, inputs first."""
        wanted, stack = set(names), list(names)
        while stack:
            for one in self._cells[stack.pop()].inputs:
                if one not in wanted:
                    wanted.add(one)
                    stack.append(one)
        return [one for one in self._cells if one in wanted]

    def _leaves(self, name: str) -> list[str]:
        """Give the leaves that a number follows from."""
        return [one for one in self._order(name) if self._cells[one].work is None]


def _apply(work: Work, inputs: Sequence[Any]) -> float | None:
    """Calculate a cell; a missing input makes it missing, and figures by which nothing can be calculated make it infeasible."""
    if any(one is None for one in inputs):
        return None
    try:
        found = work(*inputs)
    except (ArithmeticError, ValueError):
        return None
    return found if found is not None and math.isfinite(found) else None


def _alike(one: float, other: float) -> bool:
    """Tell whether two results differ by rounding alone."""
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=0.0)

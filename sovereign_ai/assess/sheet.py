"""A sheet of numbers: leaves with a source, formulas, and ranges that reach every result.

A leaf is a published figure, a number of the plan, an estimate with a range, or a question to the user. A
formula calculates a number from other numbers. To calculate its range, the sheet moves each leaf to its two
ends in turn, which shows in which direction the leaf moves the number. All leaves moved to their lowering (or
raising) side together give the end of the range. This is exact where a number rises or falls with each leaf
throughout, as all formulas here do.

    >>> sheet = Sheet()
    >>> _ = sheet.estimate("load", 80.0, "kW", 70.0, 90.0, "an estimate")
    >>> _ = sheet.plan("hours", 10.0, "h", "as described")
    >>> _ = sheet.derive("energy", "kWh", "load x hours", lambda load, hours: load * hours, "load", "hours")
    >>> print(sheet.measures()[-1])
    800 kWh [700 to 900] (estimate)
    >>> print(Sheet({"load": GivenValue(60.0)}).estimate("load", 80.0, "kW", 70.0, 90.0, "an estimate"))
    load
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.assess.measure import Basis, Measure
from sovereign_ai.catalog import Figure, Grade
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass

Values = dict[str, float | None]
Work = Callable[..., float | None]
# From the strongest basis to the weakest: a calculated number is as good as the last of its leaves in this
# order.
_WEAKEST = (Basis.PLAN, Basis.SOURCE, Basis.USER, Basis.ESTIMATE, Basis.OPEN)


@frozen_dataclass
class GivenValue:
    """A figure that the user gives; it replaces the built-in one of the same name.

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


@frozen_dataclass
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

    given: Mapping[str, GivenValue] = field(default_factory=dict)
    _cells: dict[str, _Cell] = field(default_factory=dict)
    _centre: Values = field(default_factory=dict)
    _moved: dict[str, tuple[Values, Values]] | None = None

    def figure(
        self,
        name: str,
        figure: Figure | None,
        *,
        unit: str | None = None,
        question: str = "",
        scale: float = 1.0,
    ) -> str:
        """Add a published figure as a leaf, or without one the question that asks the user for it.

        Args:
            name: the leaf's name.
            figure: the figure.
            unit: the leaf's unit, where `scale` changes it or where there is no figure.
            question: what to ask where there is no figure.
            scale: what the figure is multiplied with.
        """
        if figure is None or not isinstance(figure.value, int | float):
            return self.ask(name, unit or "1", question)
        low = None if figure.low is None else figure.low * scale
        high = None if figure.high is None else figure.high * scale
        basis = Basis.ESTIMATE if figure.grade is Grade.ESTIMATE else Basis.SOURCE
        source = f"{figure.source} ({figure.grade}, read {figure.read})"
        unit = unit or figure.unit or "1"
        return self._leaf(_Cell(name, unit, basis, figure.value * scale, low, high, source, figure.note))

    def plan(
        self,
        name: str,
        value: float,
        unit: str,
        why: str,
        low: float | None = None,
        high: float | None = None,
    ) -> str:
        """Add a number of the plan or the description as a leaf, with its range where it has one."""
        return self._leaf(_Cell(name, unit, Basis.PLAN, float(value), low, high, source=why))

    def estimate(self, name: str, value: float, unit: str, low: float, high: float, why: str) -> str:
        """Add an estimate of this project with its range and its reason as a leaf."""
        return self._leaf(_Cell(name, unit, Basis.ESTIMATE, value, low, high, why))

    def ask(self, name: str, unit: str, question: str) -> str:
        """Add a leaf that only the user can fill."""
        return self._leaf(_Cell(name, unit, Basis.OPEN, source=question))

    def derive(self, name: str, unit: str, formula: str, work: Work, *inputs: str, note: str = "") -> str:
        """Add a number that follows from others. If an input has no value, it has none either.

        Args:
            name: its name.
            unit: its unit.
            formula: its formula in words or symbols, for the reader.
            work: the function that takes the inputs' values in order. It returns None for an infeasible case.
            inputs: names of the numbers it follows from, which must be on the sheet already.
            note: a caveat for the reader.

        Raises:
            KeyError: an input is not on the sheet.
        """
        # Several assessments add the same numbers, so a name that is there already keeps its cell.
        if name not in self._cells:
            missing = []
            for part in inputs:
                if part not in self._cells:
                    missing.append(part)
            if missing:
                message = f"{name} follows from {missing}, which are not on the sheet"
                raise KeyError(message)
            self._cells[name] = _Cell(
                name, unit, Basis.PLAN, formula=formula, inputs=inputs, work=work, note=note
            )
            self._moved = None
        return name

    def __contains__(self, name: str) -> bool:
        """Return whether a number is on the sheet."""
        return name in self._cells

    def value(self, name: str) -> float | None:
        """Return a number at the middle of every range; None where it has no value."""
        return self._values()[name]

    def unit(self, name: str) -> str:
        """Return the unit of a number."""
        return self._cells[name].unit

    def ends(self, leaf: str) -> tuple[float, float]:
        """Return the two ends of a leaf's range.

        A leaf without a range has its value twice; one without a value has 0.
        """
        cell = self._cells[leaf]
        value = cell.value or 0.0
        low = value if cell.low is None else cell.low
        high = value if cell.high is None else cell.high
        return low, high

    def swings(self, name: str) -> list[tuple[str, float, float]]:
        """Return the leaves whose range moves a number, each with the number at its low and high end.

        The widest swing comes first. A leaf that does not move the number is left out.
        """
        swings: list[tuple[str, float, float]] = []
        for leaf, (low, high) in self._all_moved().items():
            if name not in low:
                continue
            at_low, at_high = low[name], high[name]
            if at_low is not None and at_high is not None and not _alike(at_low, at_high):
                swings.append((leaf, at_low, at_high))
        return sorted(swings, key=lambda swing: (-abs(swing[2] - swing[1]), swing[0]))

    def measures(self, about: tuple[str, ...] = ("",)) -> tuple[Measure, ...]:
        """Return numbers with their ranges, inputs before what follows from them.

        Args:
            about: prefixes of names; left out, every number. Numbers that they follow from are returned too.

        Raises:
            UsageError: the user gave a figure that no leaf of this sheet has.
        """
        self._check_given()
        wanted = self._behind([name for name in self._cells if name.startswith(about)])
        values, moved = self._values(), self._all_moved()
        return tuple(self._measure(self._cells[name], values, moved) for name in wanted)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of every figure that can be given, in order."""
        return tuple(cell.id for cell in self._cells.values() if cell.work is None)

    def _check_given(self) -> None:
        """Refuse given figures that would change nothing."""
        leaves = self.leaves
        problems = []
        for name in sorted(set(self.given) - set(leaves)):
            kind = "is no figure of this assessment"
            if name in self._cells:
                kind = "is calculated and cannot be given"
            problems.append(Problem("unknown-figure", f"{name!r} {kind}", hint=nearest(name, leaves)))
        if problems:
            raise UsageError(problems)

    def _leaf(self, cell: _Cell) -> str:
        """Add a leaf once, with the user's figure in place of the built-in one."""
        if cell.id not in self._cells:
            given = self.given.get(cell.id)
            if given is not None:
                cell = _Cell(cell.id, cell.unit, Basis.USER, given.value, given.low, given.high, given.source)
            self._cells[cell.id] = cell
            self._moved = None
        return cell.id

    def _values(self) -> Values:
        """Return every number at the middle of every range."""
        # A cell never changes once it is on the sheet, so only those added since the last call are new.
        added = list(self._cells)[len(self._centre) :]
        self._centre.update(self._calculate(added, {}, self._centre))
        return self._centre

    def _calculate(self, names: Iterable[str], instead: Mapping[str, float], known: Values) -> Values:
        """Calculate some numbers, inputs first, with the values of some leaves replaced.

        Args:
            names: the numbers.
            instead: values of leaves in place of their own.
            known: numbers that are not to be calculated, and that these follow from.
        """
        values: Values = {}
        for name in names:
            cell = self._cells[name]
            if cell.work is None:
                values[name] = instead.get(name, cell.value)
            else:
                inputs = [values[part] if part in values else known[part] for part in cell.inputs]
                values[name] = _apply(cell.work, inputs)
        return values

    def _all_moved(self) -> dict[str, tuple[Values, Values]]:
        """Calculate the numbers that follow from a leaf with it at its low and at its high end, by leaf."""
        # Costs two calculations a leaf, so it is kept until a cell is added.
        if self._moved is None:
            known = self._values()
            moved: dict[str, tuple[Values, Values]] = {}
            for leaf, names in self._followers().items():
                low, high = self.ends(leaf)
                at_low = self._calculate(names, {leaf: low}, known)
                moved[leaf] = (at_low, self._calculate(names, {leaf: high}, known))
            self._moved = moved
        return self._moved

    def _followers(self) -> dict[str, list[str]]:
        """Return each leaf with a range and the numbers that follow from it, the leaf itself first."""
        followers: dict[str, list[str]] = {}
        behind: dict[str, set[str]] = {}
        for cell in self._cells.values():
            is_known_leaf = cell.work is None and cell.value is not None
            if is_known_leaf and cell.low is not None and cell.high is not None:
                followers[cell.id] = []
                behind[cell.id] = {cell.id}
            else:
                behind[cell.id] = set().union(*(behind[part] for part in cell.inputs))
            for leaf in behind[cell.id]:
                followers[leaf].append(cell.id)
        return followers

    def _measure(self, cell: _Cell, values: Values, moved: Mapping[str, tuple[Values, Values]]) -> Measure:
        """Return one number with its range, basis and needs."""
        order = self._behind([cell.id])
        leaves = [part for part in order if self._cells[part].work is None]
        low, high = cell.low, cell.high
        if cell.work is not None:
            low, high = self._range(order, leaves, values, moved)
        needs: list[str] = []
        bases = [Basis.PLAN]
        for leaf in sorted(leaves):
            bases.append(self._cells[leaf].basis)
            if self._cells[leaf].value is None:
                needs.append(leaf)
        return Measure(
            id=cell.id,
            unit=cell.unit,
            basis=Basis.OPEN if needs else max(bases, key=_WEAKEST.index),
            value=values[cell.id],
            low=low,
            high=high,
            formula=cell.formula,
            inputs=cell.inputs,
            source=cell.source,
            needs=tuple(needs) if values[cell.id] is None else (),
            note=cell.note,
        )

    def _range(
        self,
        order: Sequence[str],
        leaves: Sequence[str],
        values: Values,
        moved: Mapping[str, tuple[Values, Values]],
    ) -> tuple[float | None, float | None]:
        """Return the ends of a number's range: every leaf at its lowering side, and at its raising side.

        Args:
            order: the names that the number follows from, inputs first, the number itself last.
            leaves: those of them that are leaves.
            values: every number at the middle of every range.
            moved: the numbers that follow from a leaf at its two ends, by leaf.
        """
        name = order[-1]
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
            if at_low is None or at_high is None or cell.low is None or cell.high is None:
                continue
            if _alike(at_low, at_high):
                continue
            if at_high > at_low:
                down[leaf], up[leaf] = cell.low, cell.high
            else:
                down[leaf], up[leaf] = cell.high, cell.low
            seen += [at_low, at_high]
        if not down:
            return None, None
        # Single leaves are compared too: where a number first rises and then falls, they can reach further.
        for end in (self._at(name, order, down), self._at(name, order, up)):
            if end is not None:
                seen.append(end)
        return min(seen), max(seen)

    def _at(self, name: str, order: Sequence[str], instead: Mapping[str, float]) -> float | None:
        """Calculate one number alone, with the values of some leaves replaced."""
        return self._calculate(order, instead, {})[name]

    def _behind(self, names: Sequence[str]) -> list[str]:
        """Return some numbers and those that they follow from, inputs first."""
        wanted, stack = set(names), list(names)
        while stack:
            for part in self._cells[stack.pop()].inputs:
                if part not in wanted:
                    wanted.add(part)
                    stack.append(part)
        # The sheet holds inputs before what follows from them, so its own order is a valid one.
        return [name for name in self._cells if name in wanted]


def weighted_sum(weights: Sequence[float], values: Sequence[float]) -> float:
    """Return the sum of values times their weights; formulas over a variable number of inputs use it.

    >>> weighted_sum((2, 3), (10, 100))
    320
    """
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _apply(work: Work, inputs: Sequence[Any]) -> float | None:
    """Calculate a formula; None if an input is missing or its figures allow no calculation."""
    if any(value is None for value in inputs):
        return None
    try:
        result = work(*inputs)
    except (ArithmeticError, ValueError):
        # A figure at the end of its range may be a divisor of 0: the case is infeasible, not an error.
        return None
    return result if result is not None and math.isfinite(result) else None


def _alike(first: float, second: float) -> bool:
    """Return whether two results differ by rounding alone."""
    return math.isclose(first, second, rel_tol=1e-12, abs_tol=0.0)

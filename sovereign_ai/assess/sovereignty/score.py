"""Score, level, and the smallest set of changes to the next level, from answers alone.

Answers are numbers from 1, the worst; a criterion without one is open. The score is
`sum over objectives of (sum of its answers' values) / 1000 * weight`, as the calculator computes
it: open criteria add nothing, and it is not clamped, so that the best answers give a little more
than 100 %. The level is the minimum over all 48 criteria. The published workbook leaves open ones
out of that minimum; here an open criterion counts as its worst answer, so that silence never pays.

    >>> best = {one.id: one.top for one in CRITERIA}
    >>> [str(score(best, weights)) for weights in WEIGHTS], level(best)
    (['100.0804', '100.0756'], 4)
    >>> level({**best, "SOV-3.4": 4}), governing({**best, "SOV-3.4": 4})
    (1, ('SOV-3.4',))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sovereign_ai.assess.sovereignty.criteria import CRITERIA, NOMINAL, WEIGHTS, Criterion, Weights

__all__ = ["CRITERIA", "WEIGHTS", "Change", "Step", "governing", "level", "objective_points", "score", "smallest_change"]

Answers = Mapping[str, int]
"""Criterion id to answer number."""


@dataclass(frozen=True, slots=True)
class Change:
    """One criterion that must get a better answer.

    Attributes:
        criterion: its id.
        current: the answer's number today; 0 where it is open.
        target: the lowest number that is enough.
    """

    criterion: str
    current: int
    target: int


@dataclass(frozen=True, slots=True)
class Step:
    """The smallest set of changes that reaches a level.

    Attributes:
        level: the level reached.
        changes: criteria that must change; none can be left out.
        unit: what is counted.
    """

    level: int
    changes: tuple[Change, ...]
    unit: str = "criteria whose answer must change"

    @property
    def cost(self) -> int:
        """How many criteria change."""
        return len(self.changes)


def objective_points(answers: Answers) -> dict[str, Decimal]:
    """Give the points of each objective: the sum of its answers' values."""
    points: dict[str, Decimal] = {}
    for one in CRITERIA:
        value = one.answer(answers[one.id]).value if one.id in answers else Decimal(0)
        points[one.objective] = points.get(one.objective, Decimal(0)) + value
    return points


def score(answers: Answers, weights: Weights) -> Decimal:
    """Give the score in per cent, exact and not clamped."""
    points = objective_points(answers)
    total = sum((points[objective] * weight for objective, weight in weights.values.items()), Decimal(0)) / NOMINAL
    return total.quantize(Decimal("0.0001"))


def _seal(one: Criterion, answers: Answers) -> int:
    """Give the level that a criterion permits; its worst answer's where it is open."""
    return one.answer(answers.get(one.id, 1)).seal


def level(answers: Answers) -> int:
    """Give the SEAL level: the minimum over all criteria, open ones at their worst."""
    return min(_seal(one, answers) for one in CRITERIA)


def governing(answers: Answers) -> tuple[str, ...]:
    """Give the criteria that hold the level where it is."""
    lowest = level(answers)
    return tuple(one.id for one in CRITERIA if _seal(one, answers) == lowest) if lowest < 4 else ()


def smallest_change(answers: Answers, target: int) -> Step:
    """Give the smallest set of answers that must change so that the level is at least `target`.

    The level is a minimum, so each criterion below the target must change and no other needs to:
    the set is unique, and exact without a search. Each moves to the lowest answer that is enough.
    """
    low = (one for one in CRITERIA if _seal(one, answers) < target)
    return Step(target, tuple(Change(one.id, answers.get(one.id, 0), one.least(target)) for one in low))

"""Score, level, and the smallest set of changes to the next level, from answers alone.

Answers are numbers from 1, the worst; a criterion without one is open. The score is `sum over objectives of
(sum of its answers' values) / 1000 * weight`, as the Commission's calculator computes it: open criteria add
nothing, and it is not clamped, so that the best answers give a little more than 100 %. The level is the
minimum over all 48 criteria. The published workbook leaves open criteria out of that minimum; here an open
criterion counts as its worst answer, so that leaving out an answer never raises the level.

    >>> best = {criterion.id: criterion.top for criterion in CRITERIA}
    >>> [str(score(best, weights)) for weights in WEIGHTS], level(best)
    (['100.0804', '100.0756'], 4)
    >>> level({**best, "SOV-3.4": 4}), governing({**best, "SOV-3.4": 4})
    (1, ('SOV-3.4',))
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.criteria import CRITERIA, NOMINAL, WEIGHTS, Criterion, Weights

__all__ = [
    "CRITERIA",
    "WEIGHTS",
    "AnswerChange",
    "LevelStep",
    "governing",
    "level",
    "objective_points",
    "score",
    "smallest_change",
]

Answers = Mapping[str, int]
"""Answer number by criterion id."""
_HIGHEST = 4
"""The highest SEAL level."""


@frozen_dataclass
class AnswerChange:
    """One criterion that must get a better answer.

    Attributes:
        criterion: its id.
        current: the answer's number today; 0 where it is open.
        target: the lowest number that is enough.
    """

    criterion: str
    current: int
    target: int


@frozen_dataclass
class LevelStep:
    """The smallest set of changes that reaches a level.

    Attributes:
        level: the level reached.
        changes: criteria that must change; none can be left out.
        unit: the unit of `cost`.
    """

    level: int
    changes: tuple[AnswerChange, ...]
    unit: str = "criteria whose answer must change"

    @property
    def cost(self) -> int:
        """The number of criteria that change."""
        return len(self.changes)


def objective_points(answers: Answers) -> dict[str, Decimal]:
    """Return the points of each objective: the sum of its answers' values."""
    points: dict[str, Decimal] = {}
    for criterion in CRITERIA:
        value = Decimal(0)
        if criterion.id in answers:
            value = criterion.answer(answers[criterion.id]).value
        points[criterion.objective] = points.get(criterion.objective, Decimal(0)) + value
    return points


def score(answers: Answers, weights: Weights) -> Decimal:
    """Return the score in percent, to four digits and not clamped."""
    points = objective_points(answers)
    total = Decimal(0)
    for objective, weight in weights.values.items():
        total += points[objective] * weight
    return (total / NOMINAL).quantize(Decimal("0.0001"))


def _seal(criterion: Criterion, answers: Answers) -> int:
    """Return the level that a criterion permits; an open one permits its worst answer's."""
    return criterion.answer(answers.get(criterion.id, 1)).seal


def level(answers: Answers) -> int:
    """Return the SEAL level: the minimum over all criteria, open ones at their worst."""
    return min(_seal(criterion, answers) for criterion in CRITERIA)


def governing(answers: Answers) -> tuple[str, ...]:
    """Return the criteria that hold the level where it is; none at the highest level."""
    lowest = level(answers)
    if lowest == _HIGHEST:
        return ()
    return tuple(criterion.id for criterion in CRITERIA if _seal(criterion, answers) == lowest)


def smallest_change(answers: Answers, target: int) -> LevelStep:
    """Return the smallest set of answers that must change so that the level is at least `target`.

    The level is a minimum, so each criterion below the target must change and no other needs to. The set is
    unique, and exact without a search. Each criterion moves to the lowest answer that is enough.
    """
    changes: list[AnswerChange] = []
    for criterion in CRITERIA:
        if _seal(criterion, answers) < target:
            current = answers.get(criterion.id, 0)
            changes.append(AnswerChange(criterion.id, current, criterion.least(target)))
    return LevelStep(target, tuple(changes))

"""The framework's verdict: two scores, the level, what governs it, and the steps up.

`level` counts what is open at its worst, `ceiling` at the best that the description leaves possible:
the truth lies between the two, and they meet when nothing is open. Only `level` is a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sovereign_ai.assess.sovereignty.answers import Answer
from sovereign_ai.assess.sovereignty.criteria import WEIGHTS
from sovereign_ai.assess.sovereignty.score import Step, governing, level, score, smallest_change


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict over all answers.

    Attributes:
        level: the SEAL level that is proven; open criteria count at their worst.
        ceiling: the highest level that open criteria could still give.
        complete: whether nothing is open.
        scores: name of the weights to the score in per cent; open criteria add nothing.
        ceilings: name of the weights to the score with every open criterion at its best.
        open: ids of open criteria.
        governing: criteria that hold the level where it is.
        governing_ceiling: criteria that hold the ceiling where it is: no evidence moves them, only another description.
        steps: the smallest set of changes to each higher level, the next one first.
        by_description: level to those of its changes that no evidence alone can make.
    """

    level: int
    ceiling: int
    complete: bool
    scores: Mapping[str, Decimal]
    ceilings: Mapping[str, Decimal]
    open: tuple[str, ...]
    governing: tuple[str, ...]
    governing_ceiling: tuple[str, ...]
    steps: tuple[Step, ...]
    by_description: Mapping[int, tuple[str, ...]]

    def to_data(self) -> dict[str, Any]:
        """Give plain data; scores as text, exact."""
        return {
            "level": self.level,
            "ceiling": self.ceiling,
            "complete": self.complete,
            "scores": {name: str(value) for name, value in self.scores.items()},
            "score_ceilings": {name: str(value) for name, value in self.ceilings.items()},
            "open": list(self.open),
            "governing": list(self.governing),
            "governing_ceiling": list(self.governing_ceiling),
            "steps": [
                {
                    "level": step.level,
                    "cost": step.cost,
                    "unit": step.unit,
                    "changes": [{"criterion": one.criterion, "current": one.current, "target": one.target} for one in step.changes],
                    "by_description": list(self.by_description[step.level]),
                }
                for step in self.steps
            ],
        }


def verdict(answers: tuple[Answer, ...]) -> Verdict:
    """Judge all answers."""
    given = {one.criterion: one.number for one in answers if not one.open}
    best = {one.criterion: one.best for one in answers}
    proven = level(given)
    steps = tuple(smallest_change(given, target) for target in range(proven + 1, 5))
    return Verdict(
        level=proven,
        ceiling=level(best),
        complete=len(given) == len(answers),
        scores={weights.name: score(given, weights) for weights in WEIGHTS},
        ceilings={weights.name: score(best, weights) for weights in WEIGHTS},
        open=tuple(one.criterion for one in answers if one.open),
        governing=governing(given),
        governing_ceiling=governing(best),
        steps=steps,
        by_description={step.level: tuple(one.criterion for one in step.changes if best[one.criterion] < one.target) for step in steps},
    )

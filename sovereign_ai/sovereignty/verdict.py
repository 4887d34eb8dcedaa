"""The framework's verdict: two scores, the level, the criteria that hold it, and the steps to higher levels.

`level` counts open criteria at their worst, `ceiling` at the best that the description leaves possible. The
truth is between the two, and they meet when nothing is open. Only `level` is a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.sovereignty.answers import CriterionAnswer
from sovereign_ai.sovereignty.criteria import WEIGHTS
from sovereign_ai.sovereignty.score import LevelStep, governing, level, score, smallest_change


@frozen_dataclass
class SovereigntyVerdict:
    """The verdict over all answers.

    Attributes:
        level: the SEAL level that is proven; open criteria count at their worst.
        ceiling: the highest level that open criteria could still give.
        complete: whether nothing is open.
        scores: score in percent by name of the weights; open criteria add nothing.
        ceilings: score with every open criterion at its best, by name of the weights.
        open: ids of open criteria.
        governing: criteria that hold the level where it is.
        governing_ceiling: criteria that hold the ceiling where it is; only another description moves them, no
            evidence.
        steps: the smallest set of changes to each higher level, the next one first.
        by_description: criteria that evidence alone cannot change, by level.
    """

    level: int
    ceiling: int
    complete: bool
    scores: Mapping[str, Decimal]
    ceilings: Mapping[str, Decimal]
    open: tuple[str, ...]
    governing: tuple[str, ...]
    governing_ceiling: tuple[str, ...]
    steps: tuple[LevelStep, ...]
    by_description: Mapping[int, tuple[str, ...]]

    def to_data(self) -> dict[str, Any]:
        """Return plain data; scores as text, exact."""
        steps: list[dict[str, Any]] = []
        for step in self.steps:
            row = {"level": step.level, "cost": step.cost, "unit": step.unit}
            changes = [asdict(change) for change in step.changes]
            barred = list(self.by_description[step.level])
            steps.append({**row, "changes": changes, "by_description": barred})
        return {
            "level": self.level,
            "ceiling": self.ceiling,
            "complete": self.complete,
            "scores": _text(self.scores),
            "score_ceilings": _text(self.ceilings),
            "open": list(self.open),
            "governing": list(self.governing),
            "governing_ceiling": list(self.governing_ceiling),
            "steps": steps,
        }


def _text(scores: Mapping[str, Decimal]) -> dict[str, str]:
    """Return scores as text, which keeps every digit."""
    return {name: str(value) for name, value in scores.items()}


def _scores(answers: Mapping[str, int]) -> dict[str, Decimal]:
    """Return the score by each set of weights."""
    return {weights.name: score(answers, weights) for weights in WEIGHTS}


def verdict(answers: tuple[CriterionAnswer, ...]) -> SovereigntyVerdict:
    """Return the verdict over all answers."""
    given: dict[str, int] = {}
    best: dict[str, int] = {}
    missing: list[str] = []
    for answer in answers:
        best[answer.criterion] = answer.best
        if answer.open:
            missing.append(answer.criterion)
        else:
            given[answer.criterion] = answer.number
    proven = level(given)
    steps = tuple(smallest_change(given, target) for target in range(proven + 1, 5))
    by_description: dict[int, tuple[str, ...]] = {}
    for step in steps:
        # Where even the best possible answer is below the target, no evidence helps.
        barred: list[str] = []
        for change in step.changes:
            name = change.criterion
            if best[name] < change.target:
                barred.append(name)
        by_description[step.level] = tuple(barred)
    return SovereigntyVerdict(
        level=proven,
        ceiling=level(best),
        complete=not missing,
        scores=_scores(given),
        ceilings=_scores(best),
        open=tuple(missing),
        governing=governing(given),
        governing_ceiling=governing(best),
        steps=steps,
        by_description=by_description,
    )

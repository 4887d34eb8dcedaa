"""One reading: an answer to a criterion or a ceiling on it, with the fields it follows from.

>>> at_most("SOV-2.3", 4, "a parent outside can be ordered", "operator.parent.seat").exact
False
"""

from __future__ import annotations

from collections.abc import Mapping

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.drill import Drill
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.spec import AIFactory


@frozen_dataclass
class CriterionReading:
    """The answer of the description to one criterion.

    Attributes:
        criterion: its id.
        answer: the answer's number, or the best one that is possible.
        exact: whether the description itself answers; otherwise evidence can reach `answer` at most.
        why: the reason in words.
        fields: fields of the description that it follows from.
    """

    criterion: str
    answer: int
    exact: bool
    why: str
    fields: tuple[str, ...]


@frozen_dataclass
class Subject:
    """The description, its plan, its dependencies and its drills.

    Attributes:
        factory: the description.
        plan: its plan.
        graph: its dependencies.
        drills: every drill over them.
        schemes: schemes of the certificates in force on the day.
    """

    factory: AIFactory
    plan: Plan
    graph: Graph
    drills: tuple[Drill, ...]
    schemes: tuple[str, ...]


def exactly(criterion: str, answer: int, why: str, *fields: str) -> CriterionReading:
    """Return a reading that answers."""
    return CriterionReading(criterion, answer, exact=True, why=why, fields=tuple(sorted(fields)))


def at_most(criterion: str, answer: int, why: str, *fields: str) -> CriterionReading:
    """Return a reading that only leaves an answer possible."""
    return CriterionReading(criterion, answer, exact=False, why=why, fields=tuple(sorted(fields)))


Readings = Mapping[str, CriterionReading]
"""Reading by criterion id; absent where the description has none."""

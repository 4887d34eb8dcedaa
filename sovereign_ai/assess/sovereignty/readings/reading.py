"""One reading: an answer, or a ceiling on it, with the fields it follows from.

>>> at_most("SOV-2.3", 4, "a parent outside can be ordered", "operator.parent.seat").exact
False
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sovereign_ai.assess.sovereignty.drill import Drill
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True)
class Reading:
    """What the description says to one criterion.

    Attributes:
        criterion: its id.
        answer: the answer's number, or the best that is left possible.
        exact: whether the description itself answers; else evidence may at most reach `answer`.
        why: the reason in words.
        fields: fields of the description that it follows from.
    """

    criterion: str
    answer: int
    exact: bool
    why: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read.

    Attributes:
        factory: the description.
        plan: what follows from it.
        graph: its dependencies.
        drills: every drill over them.
        schemes: schemes of the certificates in force on the day.
    """

    factory: AIFactory
    plan: Plan
    graph: Graph
    drills: tuple[Drill, ...]
    schemes: tuple[str, ...]


def exactly(criterion: str, answer: int, why: str, *fields: str) -> Reading:
    """Make a reading that answers."""
    return Reading(criterion, answer, exact=True, why=why, fields=tuple(sorted(fields)))


def at_most(criterion: str, answer: int, why: str, *fields: str) -> Reading:
    """Make a reading that only leaves an answer possible."""
    return Reading(criterion, answer, exact=False, why=why, fields=tuple(sorted(fields)))


Readings = Mapping[str, Reading]
"""Criterion id to its reading; none where the description says nothing."""

"""What a factory that is made in Python is refused for."""

from __future__ import annotations

from typing import Any

from sovereign_ai.errors import Problem, SpecError
from tests.plan.factories import factory


def problems(**more: Any) -> list[Problem]:
    """Make the test factory with some parts changed, and return its problems."""
    try:
        factory(**more)
    except SpecError as error:
        return list(error.problems)
    return []


def refusals(**more: Any) -> list[tuple[str, str]]:
    """Return code and field of each problem."""
    return [(problem.code, problem.where.field) for problem in problems(**more)]

"""Gives a problem that names only a field its place in the user's own text."""

from __future__ import annotations

from dataclasses import replace

from sovereign_ai.errors import Problem
from sovereign_ai.spec.source import SourceMap


def located(problem: Problem, source: SourceMap) -> Problem:
    """Give the problem with file, line and column, if it has none and the field is known."""
    if problem.where.file is not None or not problem.where.field:
        return problem
    return replace(problem, where=source.where(problem.where.field))

"""The user's figures of a fit: one file serves it and every other assessment."""

from __future__ import annotations

from dataclasses import replace

from sovereign_ai.assess.figures import impossible, split
from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
from sovereign_ai.assess.fit.report import fit_sheet
from sovereign_ai.assess.measure import by_name
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import FigureFile
from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory


def split_figures(
    factory: AIFactory, plan: Plan, work: TrainingJob | InferenceService, file: FigureFile
) -> dict[str, GivenValue]:
    """Return the figures of a file that a fit uses.

    Raises:
        SpecError: everything that is wrong with the file, at once.
    """
    sheet = fit_sheet(factory, plan, work, {}).sheet
    own = set(sheet.leaves)
    figures: dict[str, GivenValue] = {}
    others: dict[str, GivenValue] = {}
    for name, value in file.figures.items():
        (figures if name in own else others)[name] = value
    problems: list[Problem] = []
    try:
        # The other assessments know the other names, and report those that nobody knows.
        names = tuple(name for name in file.names if name not in own)
        split(factory, plan, replace(file, figures=others, names=names))
    except SpecError as error:
        problems += error.problems
    problems += impossible(replace(file, figures=figures), by_name(sheet.measures()))
    if problems:
        raise SpecError(sorted(problems, key=lambda problem: problem.order))
    return figures

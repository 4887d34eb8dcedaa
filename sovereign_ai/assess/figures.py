"""The file of figures: lists every figure that a user can give for a factory, and checks a filled-in file.

One file serves goodput, energy and cost alike. Figures with a value are listed as comments, so the file
changes nothing until the user uncomments a line:

    # stall: 60  # s [10 to 300]: where the figure comes from
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from sovereign_ai.assess.cost import report as cost
from sovereign_ai.assess.energy import report as energy
from sovereign_ai.assess.goodput import report as goodput
from sovereign_ai.assess.measure import Basis, Measure, plain
from sovereign_ai.assess.ranges import permitted, whole_of
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import FigureFile
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory

_INSTEAD = (
    "site.X.pue",
    "site.X.water",
    "job.X.active",
    "service.X.active",
    "service.X.experts",
    "service.X.experts-chosen",
    "service.X.batch",
    "electricity.CC",
    "building.per-watt.CC",
)
"""Figures that are on a sheet only once they are given; X is a name of the description, CC a country."""
_ASSESSMENTS = {"goodput": goodput, "energy": energy, "cost": cost}
_ANY = GivenValue(0.5)
"""Any figure, where its name alone matters: which figures there are does not depend on their numbers."""
_MOST_LOST = 50
"""Unknown names that are reported one by one; a file of another kind would have thousands."""
_SEE = "`assess figures STACK` lists what can be given"
_LONGEST = 1e18
"""From here on a number has more digits than the reader of figures accepts."""


def split(factory: AIFactory, plan: Plan, file: FigureFile) -> dict[str, dict[str, GivenValue]]:
    """Return the figures of a file for each assessment: `goodput`, `energy`, `cost`.

    Raises:
        SpecError: everything that is wrong with the file, at once: entries that are no figures, names that no
            assessment has, each with the nearest, and numbers that a figure cannot have.
    """
    named = dict.fromkeys(file.names, _ANY)
    accepted: dict[str, frozenset[str]] = {}
    given: dict[str, dict[str, GivenValue]] = {}
    for assessment, module in _ASSESSMENTS.items():
        accepted[assessment] = frozenset(module.leaves(factory, plan, named))
        given[assessment] = dict.fromkeys(accepted[assessment] & set(named), _ANY)
    known = frozenset().union(*accepted.values())
    measures = _measures(factory, plan, given)
    problems = [
        *file.problems,
        *_unknown_names(factory, plan, file, known, measures),
        *impossible(file, measures),
    ]
    if problems:
        raise SpecError(problems)
    figures: dict[str, dict[str, GivenValue]] = {}
    for assessment, names in accepted.items():
        figures[assessment] = {}
        for name, figure in file.figures.items():
            if name in names:
                figures[assessment][name] = figure
    return figures


def _measures(
    factory: AIFactory, plan: Plan, given: Mapping[str, Mapping[str, GivenValue]]
) -> dict[str, Measure]:
    """Return every number of every assessment by name."""
    assessments = (
        # Names and units matter here, which the simulation has no part in.
        goodput.assess_goodput(factory, plan, given["goodput"], runs=0),
        energy.assess_energy(factory, plan, given["energy"]),
        cost.assess_cost(factory, plan, given["cost"]),
    )
    measures: dict[str, Measure] = {}
    for assessment in assessments:
        for measure in assessment.measures:
            measures[measure.id] = measure
    return measures


def _unknown_names(
    factory: AIFactory, plan: Plan, file: FigureFile, known: Collection[str], measures: Mapping[str, Measure]
) -> Iterator[Problem]:
    """Yield a problem for each name that no assessment has; of very many, for the first ones."""
    lost = [name for name in file.names if name not in known]
    if not lost:
        return
    usual: set[str] = set()
    for module in _ASSESSMENTS.values():
        usual.update(module.leaves(factory, plan, {}))
    offered = sorted({*known, *_instead(factory, usual)})
    for name in lost[:_MOST_LOST]:
        yield _lost_name(file, name, usual, offered, measures)
    if len(lost) > _MOST_LOST:
        message = f"and {len(lost) - _MOST_LOST:,} more that are no figures of any assessment"
        yield Problem("unknown-figure", message, Where(file.source.file), _SEE)


def _lost_name(
    file: FigureFile,
    name: str,
    usual: Collection[str],
    offered: Collection[str],
    measures: Mapping[str, Measure],
) -> Problem:
    """Return the problem of a name that no assessment has.

    Args:
        file: the file of figures.
        name: the name in it.
        usual: names that could be given in an empty file.
        offered: names that could be given instead.
        measures: every number of every assessment, with the file's figures in place.
    """
    place = file.source.key(name)
    if name in measures:
        # A usual leaf that is calculated now: another figure of the file made it follow from others.
        if name in usual:
            message = "it is calculated from the others that are given and cannot be given"
            return Problem("unknown-figure", message, place, "remove it or the others")
        return Problem("unknown-figure", "it is calculated and cannot be given", place, _SEE)
    if name in usual:
        message = "it changes nothing beside the other figures that are given"
        return Problem("unused-figure", message, place, "remove it, or the figure that is given in its place")
    return Problem("unknown-figure", "it is no figure of any assessment", place, nearest(name, offered))


def _instead(factory: AIFactory, usual: Collection[str]) -> Iterator[str]:
    """Yield the figures that are on a sheet only once they are given, with the names of a description."""
    subjects: set[tuple[str, str]] = set()
    for name in usual:
        if name.count(".") > 1:
            kind, subject, _ = name.split(".", 2)
            subjects.add((kind, subject))
    for pattern in _INSTEAD:
        pattern_kind = pattern.partition(".")[0]
        if ".X." in pattern:
            for kind, subject in subjects:
                if kind == pattern_kind:
                    yield pattern.replace(".X.", f".{subject}.")
        if pattern.endswith(".CC"):
            for site in factory.sites:
                yield pattern.replace(".CC", f".{site.country}")


def impossible(file: FigureFile, measures: Mapping[str, Measure]) -> Iterator[Problem]:
    """Yield a problem for each number that a figure cannot have.

    It is outside its permitted range, or more than the whole of which it is a part.
    """
    values = {name: measure.value for name, measure in measures.items() if name not in file.names}
    for name, figure in file.figures.items():
        if name not in measures:
            continue
        problems = list(_out_of_range(file, name, figure, measures[name].unit))
        yield from problems
        # A figure with a problem of its own is not compared with others, so one slip is reported once.
        if not problems:
            values[name] = figure.value
    for name in file.figures:
        value = values.get(name)
        most = _upper_limit(name, values)
        if value is not None and most is not None and value > most:
            message = f"{value:.15g} is out of range: at most {plain(most, 6)}{_in(measures[name].unit)}"
            hint = f"that is {' x '.join(whole_of(name))}"
            yield Problem("impossible-figure", message, file.place(name, "value"), hint)


def _upper_limit(name: str, values: Mapping[str, float | None]) -> float | None:
    """Return the most that a figure can be, as a part of others.

    None where nothing limits it, or where one of the others is unknown.
    """
    factors: list[float] = []
    for factor in whole_of(name):
        value = values.get(factor)
        if value is None:
            return None
        factors.append(value)
    return math.prod(factors) if factors else None


def _out_of_range(file: FigureFile, name: str, figure: GivenValue, unit: str) -> Iterator[Problem]:
    """Yield a problem for each number of a figure that lies outside its permitted range."""
    allowed = permitted(name, unit)
    for part, number in (("value", figure.value), ("low", figure.low), ("high", figure.high)):
        if number is not None and not allowed.holds(number):
            message = f"{number:.15g} is out of range: {allowed.words}{_in(unit)}"
            yield Problem("impossible-figure", message, file.place(name, part), allowed.why)


def _in(unit: str) -> str:
    """Return the unit as it follows a number in a sentence; nothing for a ratio or a date."""
    return "" if unit in ("1", "yyyymmdd") else f", in {unit}"


def template(factory: AIFactory, plan: Plan) -> Iterator[str]:
    """Yield the lines of a file of figures."""
    nothing: dict[str, dict[str, GivenValue]] = {}
    for assessment in _ASSESSMENTS:
        nothing[assessment] = {}
    leaves: dict[str, Measure] = {}
    for name, measure in _measures(factory, plan, nothing).items():
        if not measure.formula:
            leaves[name] = measure
    yield (
        f"# Figures of {factory.name}. Uncomment a line and write your own figure; "
        "it replaces the built-in one in every assessment."
    )
    yield "# Also accepted, in place of what is calculated or of a wider figure:"
    yield f"# {', '.join(_INSTEAD)}"
    yield "# Not known yet:"
    for measure in _sorted(leaves, Basis.OPEN):
        yield f"# {measure.id}:  # {measure.unit}: {measure.source}"
    yield "# Estimates of this project, with their range:"
    for measure in _sorted(leaves, Basis.ESTIMATE):
        yield _line(measure)
    yield "# Published:"
    for measure in _sorted(leaves, Basis.SOURCE):
        yield _line(measure)


def _sorted(measures: Mapping[str, Measure], basis: Basis) -> list[Measure]:
    """Return the measures of one basis, by name."""
    return [measures[name] for name in sorted(measures) if measures[name].basis is basis]


def _line(measure: Measure) -> str:
    """Return one figure as a commented line of a file of figures."""
    value = _written(measure.value)
    spread = ""
    if measure.low is not None and measure.high is not None:
        spread = f" [{measure.low:.6g} to {measure.high:.6g}]"
    return f"# {measure.id}: {value}  # {measure.unit}{spread}: {measure.source}"


def _written(value: float | None) -> str:
    """Return a number as the reader of figures accepts it.

    It has no exponent, or is a text where it has too many digits for a plain number.
    """
    if value is None:
        return ""
    return f"{value:.9f}".rstrip("0").rstrip(".") if abs(value) < _LONGEST else f"'{value:g}'"

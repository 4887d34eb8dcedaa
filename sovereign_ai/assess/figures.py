"""Every figure that a user can give for a factory, as a file to edit: what we hold, with its source, and what nobody knows.

One file serves goodput, energy and cost alike. Lines of figures that we hold are comments, so that the file
changes nothing until somebody takes the mark away.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from sovereign_ai.assess.cost import report as cost
from sovereign_ai.assess.energy import report as energy
from sovereign_ai.assess.goodput import report as goodput
from sovereign_ai.assess.measure import Basis, Measure, plain
from sovereign_ai.assess.ranges import permitted, whole_of
from sovereign_ai.assess.sheet import Given
from sovereign_ai.assess.sources import Told
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

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
"""Figures that stand on a sheet only once they are given; X is a name of the description, CC a country."""
_ROOMS = {"goodput": goodput, "energy": energy, "cost": cost}
_ANY = Given(0.5)
"""Stands for a figure where its name alone matters: which figures there are hangs on what is given, and on no number."""
_MOST_LOST = 50
_SEE = "`assess figures STACK` lists what can be given"
_LONGEST = 1e18
"""From here on a number has more digits than the reader takes."""


def split(factory: AIFactory, plan: Plan, told: Told) -> dict[str, dict[str, Given]]:
    """Give each assessment (`goodput`, `energy`, `cost`) the figures that it takes.

    Raises:
        SpecError: everything that is wrong with the file, at once: what is no figure, names that no assessment takes, each with
            the nearest, and numbers that a figure cannot have.
    """
    named = dict.fromkeys(told.names, _ANY)
    names = {what: frozenset(room.leaves(factory, plan, named)) for what, room in _ROOMS.items()}
    known = frozenset().union(*names.values())
    measures = _measures(factory, plan, {what: dict.fromkeys(taken & set(named), _ANY) for what, taken in names.items()})
    problems = [*told.problems, *_lost(factory, plan, told, known, measures), *_impossible(told, measures)]
    if problems:
        raise SpecError(problems)
    return {what: {name: one for name, one in told.figures.items() if name in taken} for what, taken in names.items()}


def _measures(factory: AIFactory, plan: Plan, given: Mapping[str, Mapping[str, Given]]) -> dict[str, Measure]:
    """Give every number of every assessment by name."""
    found = (
        goodput.assess(factory, plan, given["goodput"], runs=0).measures,
        energy.assess(factory, plan, given["energy"]).measures,
        cost.assess(factory, plan, given["cost"]).measures,
    )
    return {one.id: one for measures in found for one in measures}


def _lost(factory: AIFactory, plan: Plan, told: Told, known: Collection[str], measures: Mapping[str, Measure]) -> Iterator[Problem]:
    """Give the names that no assessment takes, each with the nearest; the first of very many."""
    lost = [name for name in told.names if name not in known]
    if not lost:
        return
    usual = {name for room in _ROOMS.values() for name in room.leaves(factory, plan, {})}
    offered = sorted({*known, *_instead(factory, usual)})
    for name in lost[:_MOST_LOST]:
        if name in measures:
            since, hint = (" from the others that are given", "take it or them out") if name in usual else ("", _SEE)
            yield Problem("unknown-figure", f"it is calculated{since} and cannot be given", told.source.key(name), hint)
        elif name in usual:
            hint = "take it out, or what is given in its place"
            yield Problem("unused-figure", "it changes nothing beside the other figures that are given", told.source.key(name), hint)
        else:
            yield Problem("unknown-figure", "it is no figure of any assessment", told.source.key(name), nearest(name, offered))
    if len(lost) > _MOST_LOST:
        message = f"and {len(lost) - _MOST_LOST:,} more that are no figures of any assessment"
        yield Problem("unknown-figure", message, Where(told.source.file), _SEE)


def _instead(factory: AIFactory, usual: Collection[str]) -> Iterator[str]:
    """Give the figures that stand on a sheet only once they are given, by the names of a description."""
    parts = {(name.split(".")[0], name.split(".")[1]) for name in usual if name.count(".") > 1}
    for pattern in _INSTEAD:
        room = pattern.partition(".")[0]
        yield from (pattern.replace(".X.", f".{name}.") for kind, name in parts if kind == room and ".X." in pattern)
        yield from (pattern.replace(".CC", f".{site.country}") for site in factory.sites if pattern.endswith(".CC"))


def _impossible(told: Told, measures: Mapping[str, Measure]) -> Iterator[Problem]:
    """Give the numbers that a figure cannot have: outside its range, or more than that of which it is a part."""
    values = {name: one.value for name, one in measures.items() if name not in told.names}
    for name, one in told.figures.items():
        if name in measures:
            wrong = list(_out_of_range(told, name, one, measures[name].unit))
            yield from wrong
            if not wrong:
                values[name] = one.value
    for name in told.figures:
        whole = [values.get(one) for one in whole_of(name)]
        value, most = values.get(name), math.prod(one for one in whole if one is not None)
        if value is not None and whole and None not in whole and value > most:
            message = f"{value:.15g} is out of range: at most {plain(most, 6)}{_in(measures[name].unit)}"
            yield Problem("impossible-figure", message, told.place(name, "value"), f"that is {' x '.join(whole_of(name))}")


def _out_of_range(told: Told, name: str, one: Given, unit: str) -> Iterator[Problem]:
    """Give the numbers of one figure that lie outside its range."""
    taken = permitted(name, unit)
    for part, number in (("value", one.value), ("low", one.low), ("high", one.high)):
        if number is not None and not taken.holds(number):
            yield Problem(
                "impossible-figure", f"{number:.15g} is out of range: {taken.words}{_in(unit)}", told.place(name, part), taken.why
            )


def _in(unit: str) -> str:
    """Name a unit behind a number; nothing for what has none."""
    return "" if unit in ("1", "yyyymmdd") else f", in {unit}"


def template(factory: AIFactory, plan: Plan) -> Iterator[str]:
    """Give the lines of a file of figures."""
    found = {name: one for name, one in _measures(factory, plan, {what: {} for what in _ROOMS}).items() if not one.formula}
    yield f"# Figures of {factory.name}. Take the mark from a line and write your own; each replaces ours in every assessment."
    yield "# Also taken, in place of what is calculated or of a wider figure:"
    yield f"# {', '.join(_INSTEAD)}"
    yield "# Nobody knows these yet:"
    yield from (f"# {one.id}:  # {one.unit}: {one.source}" for one in _sorted(found, Basis.OPEN))
    yield "# Our judgement, with its range:"
    yield from (_line(one) for one in _sorted(found, Basis.ESTIMATE))
    yield "# Published:"
    yield from (_line(one) for one in _sorted(found, Basis.SOURCE))


def _sorted(found: Mapping[str, Measure], basis: Basis) -> list[Measure]:
    """Give figures of one basis by name."""
    return [found[name] for name in sorted(found) if found[name].basis is basis]


def _line(one: Measure) -> str:
    """Write one figure as a comment in a file of figures."""
    value = _written(one.value)
    spread = "" if one.low is None or one.high is None else f" [{one.low:.6g} to {one.high:.6g}]"
    return f"# {one.id}: {value}  # {one.unit}{spread}: {one.source}"


def _written(value: float | None) -> str:
    """Write a number as the reader takes it: without an exponent, or as text where it has too many digits for that."""
    if value is None:
        return ""
    return f"{value:.9f}".rstrip("0").rstrip(".") if abs(value) < _LONGEST else f"'{value:g}'"

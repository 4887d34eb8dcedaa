"""Every figure that a user can give for a factory, as a file to edit: what we hold, with its source, and what nobody knows.

One file serves goodput, energy and cost alike. Lines of figures that we hold are comments, so that the file
changes nothing until somebody takes the mark away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sovereign_ai.assess.cost import report as cost
from sovereign_ai.assess.energy import report as energy
from sovereign_ai.assess.goodput import report as goodput
from sovereign_ai.assess.measure import Basis, Measure
from sovereign_ai.assess.sheet import Given
from sovereign_ai.errors import Problem, UsageError, nearest
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


def split(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> dict[str, dict[str, Given]]:
    """Give each assessment (`goodput`, `energy`, `cost`) the figures that it takes.

    Raises:
        UsageError: figures that none of them takes, each with the nearest name.
    """
    names = {room.__name__.split(".")[-2]: frozenset(room.leaves(factory, plan, given)) for room in (goodput, energy, cost)}
    known = sorted(frozenset().union(*names.values()))
    lost = sorted(set(given) - set(known))
    if lost:
        raise UsageError(Problem("unknown-figure", f"{name!r} is no figure of any assessment", hint=nearest(name, known)) for name in lost)
    return {room: {name: value for name, value in given.items() if name in leaves} for room, leaves in names.items()}


def template(factory: AIFactory, plan: Plan) -> Iterator[str]:
    """Give the lines of a file of figures."""
    found: dict[str, Measure] = {}
    for measures in (
        goodput.assess(factory, plan, runs=0).measures,
        energy.assess(factory, plan).measures,
        cost.assess(factory, plan).measures,
    ):
        found |= {one.id: one for one in measures if not one.formula}
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
    value = f"{one.value:.9f}".rstrip("0").rstrip(".") if one.value is not None else ""
    spread = "" if one.low is None or one.high is None else f" [{one.low:.6g} to {one.high:.6g}]"
    return f"# {one.id}: {value}  # {one.unit}{spread}: {one.source}"

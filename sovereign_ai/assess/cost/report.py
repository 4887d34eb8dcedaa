"""`assess`: the cost of a factory, from its description, its plan, dated prices, and what the user adds.

>>> from sovereign_ai.plan.factory import plan
>>> from sovereign_ai.spec.load import load
>>> factory = load("stacks/lab")
>>> cost = assess(factory, plan(factory))
>>> cost.measure("gpu-hour").value is None, cost.measure("gpu-hour.known").unit
(True, 'EUR/GPU-h')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sovereign_ai.assess.cost.compare import Bar, add_break_even, tornado
from sovereign_ai.assess.cost.focus import focus_csv, focus_rows
from sovereign_ai.assess.cost.prices import Part, add_prices
from sovereign_ai.assess.cost.tco import add_tco, add_work
from sovereign_ai.assess.energy.power import sites_of
from sovereign_ai.assess.energy.report import add_energy
from sovereign_ai.assess.goodput.jobs import Job, add_job, jobs
from sovereign_ai.assess.goodput.training import add_training
from sovereign_ai.assess.measure import Assessment, Said, plain
from sovereign_ai.assess.ranges import permitted
from sovereign_ai.assess.sheet import Given, Sheet
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.shapes import shapes
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost(Assessment):
    """What the factory costs.

    Attributes:
        operator: who runs it.
        parts: every line of what is bought; its cost is the measure it names.
        tornado: the figures that move the known cost of a GPU-hour most, the widest first.
        jobs: training jobs, whose cost of useful work is `job.<name>.exaflop`.
    """

    operator: str
    parts: tuple[Part, ...]
    tornado: tuple[Bar, ...]
    jobs: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say on a page what was found."""
        return [line for line, _ in self.said()]

    def said(self) -> Iterator[Said]:
        """Give the lines, each with the names of the numbers on it."""
        return said(self)

    def focus(self, month: date) -> str:
        """Give one month in FOCUS 1.2's columns, as CSV.

        Raises:
            UsageError: the month is beyond those that a figure may name.
        """
        taken = permitted("", "yyyymmdd")
        if not taken.holds(float(f"{month:%Y%m%d}")):
            raise UsageError(Problem("bad-date", f"the month of {month} is out of range: {taken.words}", hint="such as 2026-12"))
        by_name = {measure.id: measure for measure in self.measures}
        return focus_csv(list(focus_rows(self.factory, self.operator, self.parts, by_name, month)))


def assess(factory: AIFactory, plan: Plan, given: Mapping[str, Given] | None = None) -> Cost:
    """Assess a factory's cost.

    Args:
        factory: the description.
        plan: what follows from it.
        given: the user's figures, by the name of the leaf that each replaces.

    Raises:
        UsageError: a figure was given that this assessment does not have.
    """
    sheet, parts, mine = _built(factory, plan, given or {})
    work = tuple(f"job.{job.name}.exaflop" for job in mine)
    return Cost(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=sheet.measures(("capex.", "year.", "gpu-hour", "break-even", "rent.", *work)),
        operator=factory.operator.name,
        parts=tuple(parts),
        tornado=tornado(sheet),
        jobs=tuple(job.name for job in mine),
    )


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> tuple[str, ...]:
    """Give the names of every figure that `assess` takes."""
    return _built(factory, plan, given)[0].leaves


def _built(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> tuple[Sheet, list[Part], list[Job]]:
    """Build the sheet, and list what is bought."""
    sheet = Sheet(dict(given))
    found = shapes(factory)
    here = list(sites_of(factory, plan, found))
    for one in here:
        add_energy(sheet, one, plan)
    parts = add_prices(sheet, factory, plan, found)
    add_tco(sheet, parts, here, found)
    add_break_even(sheet, found)
    mine = list(jobs(factory, found))
    for job in mine:
        add_job(sheet, job, plan)
        add_training(sheet, job)
        name = f"job.{job.name}"
        add_work(sheet, name, f"peak.{job.chip.name}", f"mfu.{job.chip.name}", f"{name}.goodput")
    return sheet, parts, mine


def said(cost: Cost) -> Iterator[Said]:
    """Say on a page what was found, and with each line the names of the numbers on it."""
    yield f"cost of {cost.factory}; calculated from dated prices, each of which your own replaces", ()
    for name, label in _SHOWN.items():
        yield f"  {label}: {cost.measure(name)}", (name,)
    for name, job in ((f"job.{job}.exaflop.known", job) for job in cost.jobs):
        yield f"  10^18 useful operations of {job}, known part: {cost.measure(name)}", (name,)
    yield "what moves the known cost of a GPU-hour most:", ()
    for bar in cost.tornado:
        yield f"  {bar.leaf}: {plain(min(bar.low, bar.high))} to {plain(max(bar.low, bar.high))} EUR", (bar.leaf,)
    if cost.needs:
        yield f"figures that would close gaps: {', '.join(cost.needs)}", ()


_SHOWN = {
    "capex.total": "to build, whole",
    "capex.total.known": "to build, known part",
    "capex.machines.known": "machines, known part",
    "capex.building.known": "buildings, known part",
    "year.total": "a year, whole",
    "year.total.known": "a year, known part",
    "year.energy": "energy of a year",
    "gpu-hour": "a GPU-hour, whole",
    "gpu-hour.known": "a GPU-hour, known part",
    "rent.gpu-hour": "the same, rented",
    "break-even.known": "utilisation from which owning is cheaper, known part",
}

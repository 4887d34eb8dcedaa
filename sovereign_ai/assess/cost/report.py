"""The cost assessment of a factory, from its description, its plan and dated prices; and its report.

>>> from sovereign_ai.plan import plan
>>> from sovereign_ai.spec import load
>>> factory = load("stacks/lab")
>>> cost = assess_cost(factory, plan(factory))
>>> cost.measure("gpu-hour").value is None, cost.measure("gpu-hour.known").unit
(True, 'EUR/GPU-h')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from sovereign_ai.assess.cost.compare import Bar, add_break_even, tornado
from sovereign_ai.assess.cost.focus import focus_csv, focus_rows, unpriced
from sovereign_ai.assess.cost.prices import PricedPart, add_prices
from sovereign_ai.assess.cost.tco import add_tco, add_work
from sovereign_ai.assess.energy.power import equipment_of_sites, planned_shapes
from sovereign_ai.assess.energy.report import add_energy
from sovereign_ai.assess.goodput.capped_work import under_cap
from sovereign_ai.assess.goodput.training import add_training
from sovereign_ai.assess.goodput.training_jobs import GoodputJob, add_job, jobs
from sovereign_ai.assess.measure import Assessment, ReportLine, by_name, plain
from sovereign_ai.assess.ranges import permitted
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory


@frozen_dataclass(kw_only=True)
class Cost(Assessment):
    """The cost assessment of a factory.

    Attributes:
        operator: the operator's name.
        parts: every line of the capital cost, with the name of its measure.
        tornado: the figures that move the known cost of a GPU-hour most, the widest first.
        jobs: training jobs, whose cost of useful work is `job.<name>.exaflop`.
    """

    operator: str
    parts: tuple[PricedPart, ...]
    tornado: tuple[Bar, ...]
    jobs: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        return [line for line, _ in self.lines_with_measures()]

    def lines_with_measures(self) -> Iterator[ReportLine]:
        """Yield the lines of the report, each with the names of the measures on it."""
        return report_lines(self)

    def focus(self, month: date) -> tuple[str, list[str]]:
        """Return one month as CSV in the columns of FOCUS 1.2, and the lines left out of it without a price.

        Raises:
            UsageError: the month is outside the range of days that a figure may have.
        """
        allowed = permitted("", "yyyymmdd")
        if not allowed.holds(float(f"{month:%Y%m%d}")):
            message = f"the month of {month} is out of range: {allowed.words}"
            raise UsageError(Problem("bad-date", message, hint="such as 2026-12"))
        named = by_name(self.measures)
        rows = list(focus_rows(self.factory, self.operator, self.parts, named, month))
        return focus_csv(rows), unpriced(rows)


def assess_cost(factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue] | None = None) -> Cost:
    """Assess a factory's cost.

    Args:
        factory: the description.
        plan: the plan of that description.
        given: the user's figures, by the name of the leaf that each replaces.

    Raises:
        UsageError: a given figure is not part of this assessment.
    """
    sheet, parts, training = _built(factory, plan, given or {})
    work = tuple(f"job.{job.name}.exaflop" for job in training)
    return Cost(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=sheet.measures(("capex.", "year.", "gpu-hour", "break-even", "rent.", *work)),
        operator=factory.operator.name,
        parts=tuple(parts),
        tornado=tornado(sheet),
        jobs=tuple(job.name for job in training),
    )


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue]) -> tuple[str, ...]:
    """Return the names of every figure that `assess` accepts."""
    return _built(factory, plan, given)[0].leaves


def _built(
    factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue]
) -> tuple[Sheet, list[PricedPart], list[GoodputJob]]:
    """Build the sheet, and list the capital cost and the jobs."""
    sheet = Sheet(dict(given))
    pools = planned_shapes(factory, plan)
    sites = list(equipment_of_sites(factory, plan, pools))
    for equipment in sites:
        add_energy(sheet, equipment, plan)
    parts = add_prices(sheet, factory, plan, pools)
    add_tco(sheet, parts, sites, pools)
    add_break_even(sheet, pools)
    training = list(jobs(factory, pools))
    for job in training:
        add_job(sheet, job, plan)
        add_training(sheet, job)
        name = f"job.{job.name}"
        peak = under_cap(sheet, job.shape, f"peak.{job.chip.name}")
        add_work(sheet, name, peak, f"mfu.{job.chip.name}", f"{name}.goodput")
    return sheet, parts, training


def report_lines(cost: Cost) -> Iterator[ReportLine]:
    """Yield the lines of the report, each with the names of the measures on it."""
    yield f"cost of {cost.factory}; calculated from dated prices, each of which your own replaces", ()
    for name, label in _SHOWN.items():
        yield f"  {label}: {cost.measure(name)}", (name,)
    for job in cost.jobs:
        name = f"job.{job}.exaflop.known"
        yield f"  10^18 useful operations of {job}, known part: {cost.measure(name)}", (name,)
    yield "what moves the known cost of a GPU-hour most:", ()
    for bar in cost.tornado:
        # The low end of a figure such as utilisation gives the high cost.
        low, high = sorted((bar.low, bar.high))
        yield f"  {bar.leaf}: {plain(low)} to {plain(high)} EUR", (bar.leaf,)
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

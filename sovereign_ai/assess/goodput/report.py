"""The goodput assessment of a factory: its jobs, training runs, services and spares; and its report as text.

>>> from sovereign_ai.plan import plan
>>> from sovereign_ai.spec import load
>>> factory = load("stacks/superpod")
>>> goodput = assess_goodput(factory, plan(factory), runs=50)
>>> [job.name for job in goodput.jobs], goodput.jobs[0].verdict
(['dgx'], 'short of spares')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from sovereign_ai.assess.energy.power import equipment_of_sites, planned_shapes
from sovereign_ai.assess.energy.report import add_energy
from sovereign_ai.assess.goodput.between_sites import add_between_sites
from sovereign_ai.assess.goodput.exact import FLOOR
from sovereign_ai.assess.goodput.inference import InferenceLoad, add_service, services
from sovereign_ai.assess.goodput.recovery import add_recovery
from sovereign_ai.assess.goodput.simulate import GoodputCase, SimulatedGoodput, simulate
from sovereign_ai.assess.goodput.spares import add_spares
from sovereign_ai.assess.goodput.training import add_training
from sovereign_ai.assess.goodput.training_jobs import GoodputJob, add_job, jobs
from sovereign_ai.assess.measure import Assessment, Measure, ReportLine, by_name
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

# A fixed seed, so that the same description gives the same report.
RUNS, STEPS, SEED = 200, 300, 1
"""Runs, steps a run, and seed of the simulation beside each job."""


@frozen_dataclass
class JobGoodput:
    """The verdict on one job; its numbers are measures under `job.<name>`.

    Attributes:
        name: the job.
        declared: whether the description names it.
        verdict: `feasible`, `infeasible` (below half), `uncertain` (the range has both), or `short of spares`
            (feasible with enough spares, and below half in the simulation with those that the pool has).
        simulated: the simulation under exponential, Weibull and correlated failures.
    """

    name: str
    declared: bool
    verdict: str
    simulated: tuple[SimulatedGoodput, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = asdict(self)
        data["simulated"] = [result.to_data() for result in self.simulated]
        return data


@frozen_dataclass(kw_only=True)
class Goodput(Assessment):
    """The goodput assessment of a factory.

    Attributes:
        jobs: the verdict on each job.
        services: names of the services, whose numbers are measures under `service.<name>`.
        recovery: names of the measures about the loss and the restore of a tier, and the round trip to a
            site.
    """

    jobs: tuple[JobGoodput, ...]
    services: tuple[str, ...]
    recovery: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        return [line for line, _ in self.lines_with_measures()]

    def lines_with_measures(self) -> Iterator[ReportLine]:
        """Yield the lines of the report, each with the names of the measures on it."""
        return report_lines(self)


def assess_goodput(
    factory: AIFactory,
    plan: Plan,
    given: Mapping[str, GivenValue] | None = None,
    runs: int = RUNS,
    seed: int = SEED,
) -> Goodput:
    """Assess every job and service of a factory.

    Args:
        factory: the description.
        plan: the plan of that description.
        given: the user's figures, by the name of the leaf that each replaces.
        runs: simulated runs a job and kind of failure; 0 for none.
        seed: the simulation's seed.

    Raises:
        UsageError: a given figure is not part of this assessment.
    """
    sheet, training, served, recovery = _built(factory, plan, given or {})
    measures = sheet.measures(("job.", "pool.", "service.", "tier.", *recovery, *_SIMULATED))
    named = by_name(measures)
    verdicts: list[JobGoodput] = []
    for job in training:
        simulated = _simulated(sheet, job, runs, seed)
        verdicts.append(_judged(job, named[f"job.{job.name}.goodput"], simulated))
    return Goodput(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=measures,
        jobs=tuple(verdicts),
        services=tuple(service.name for service in served),
        recovery=tuple(recovery),
    )


_SIMULATED = ("weibull.shape", "domain.share", "domain.repair")
"""Figures that only the simulation uses."""


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue]) -> tuple[str, ...]:
    """Return the names of every figure that `assess` accepts."""
    return _built(factory, plan, given)[0].leaves


def _built(
    factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue]
) -> tuple[Sheet, list[GoodputJob], list[InferenceLoad], list[str]]:
    """Build the sheet, and list jobs, services and the names of the numbers about recovery."""
    sheet = Sheet(dict(given))
    pools = planned_shapes(factory, plan)
    for equipment in equipment_of_sites(factory, plan, pools):
        add_energy(sheet, equipment, plan)
    training, served = list(jobs(factory, pools)), list(services(factory, pools))
    for job in training:
        add_job(sheet, job, plan)
        add_training(sheet, job)
    for shape in pools:
        # The rate of failures is that of accelerators; how many other machines fail was not counted.
        if shape.system.gpus:
            add_spares(sheet, shape, plan)
    for service in served:
        add_service(sheet, service)
    for part in _SIMULATED:
        sheet.figure(part, figure("failures", part))
    recovery = add_recovery(sheet, factory, plan)
    recovery += add_between_sites(sheet, factory, plan, training)
    return sheet, training, served, recovery


def _judged(job: GoodputJob, goodput: Measure, simulated: tuple[SimulatedGoodput, ...]) -> JobGoodput:
    """Return the verdict by the closed form, and by the simulation with the spares that the pool has."""
    verdict = _verdict(goodput)
    if verdict != "infeasible" and simulated and simulated[-1].goodput < FLOOR:
        verdict = "short of spares"
    return JobGoodput(job.name, job.declared, verdict, simulated)


def _verdict(goodput: Measure) -> str:
    """Return whether a job reaches the least goodput: `feasible`, `infeasible` or `uncertain`."""
    low = goodput.value if goodput.low is None else goodput.low
    high = goodput.value if goodput.high is None else goodput.high
    if goodput.value is None or high is None or high < FLOOR or goodput.value < FLOOR:
        return "infeasible"
    return "feasible" if low is not None and low >= FLOOR else "uncertain"


def _simulated(sheet: Sheet, job: GoodputJob, runs: int, seed: int) -> tuple[SimulatedGoodput, ...]:
    """Simulate a job at the middle of every range.

    Failures are exponential as in the closed form, then bunched, then correlated with the spares of the plan.
    """
    name = f"job.{job.name}"
    names = (
        f"{name}.mean",
        f"{name}.interval",
        f"{name}.down",
        "stall",
        *_SIMULATED,
        "repair",
        f"pool.{job.shape.pool.name}.spares.domain",
    )
    values: list[float] = []
    for figure_name in names:
        value = sheet.value(figure_name)
        if value is not None:
            values.append(value)
    if not runs or len(values) < len(names):
        return ()
    mean, interval, down, stall, shape, share, swap, repair, domain = values
    # Checkpoints that cost nothing are made all the time: there is no step to simulate.
    if not interval:
        return ()
    # The mean is in hours, the other times in seconds.
    case = GoodputCase(mean=mean * 3600, interval=interval, stall=stall, down=down, steps=STEPS)
    spares = job.shape.total - job.machines
    correlated = replace(
        case,
        domain_share=share,
        domain=int(domain or 1),
        spares=spares,
        repair=repair,
        domain_repair=swap,
    )
    # Server by server is slower than step by step, so the correlated case gets a quarter of the runs.
    few = max(runs // 4, 1)
    return (
        simulate(case, runs, seed),
        simulate(replace(case, shape=shape or 1.0), runs, seed, "weibull"),
        simulate(correlated, few, seed, f"whole domains at times, {counted(spares, 'machine')} to spare"),
    )


def report_lines(goodput: Goodput) -> Iterator[ReportLine]:
    """Yield the lines of the report, each with the names of the measures on it."""
    head = f"goodput of the jobs of {goodput.factory}; a calculation, from counted failures of other clusters"
    yield head, ()
    for job in goodput.jobs:
        whose = "" if job.declared else " (no workload is described: the whole pool as one job)"
        yield f"job {job.name}{whose}: {job.verdict}", ()
        yield from _labelled(goodput, f"job.{job.name}", _JOB)
        for result in job.simulated:
            yield _simulation_line(result), ()
    for service in goodput.services:
        yield f"service {service}", ()
        yield from _labelled(goodput, f"service.{service}", _SERVICE)
    for measure in goodput.measures:
        if measure.id.endswith(".spares.needed"):
            yield _spares_line(goodput, measure.id.removesuffix(".needed"))
    for name in goodput.recovery:
        yield f"{name}: {goodput.measure(name)}", (name,)
    if goodput.needs:
        yield f"figures that would close gaps: {', '.join(goodput.needs)}", ()


def _simulation_line(result: SimulatedGoodput) -> str:
    """Return the line of one simulated case."""
    runs = counted(result.runs, "run")
    stopped = f", stopped after {counted(result.stopped, 'failure')}" if result.stopped else ""
    waits = f", {result.waited:.1%} of the time waiting for repairs" if result.waited else ""
    details = f"{runs}{stopped}, seed {result.seed}; exact {result.exact:.3f}{waits}"
    return f"  simulated, {result.name}: {result.goodput:.3f} +- {result.error:.3f} ({details})"


def _spares_line(goodput: Goodput, prefix: str) -> ReportLine:
    """Return the line about the spares of one pool.

    Args:
        goodput: the assessment.
        prefix: beginning of the pool's measures, `pool.<name>.spares`.
    """
    names = tuple(f"{prefix}.{part}" for part in ("needed", "poisson", "domain", "planned"))
    needed, poisson, domain, planned = (goodput.measure(name) for name in names)
    pool = prefix.split(".")[1]
    why = f"Poisson {poisson}, the largest of NVLink domain, rack and leaf {domain}; spares planned {planned}"
    return f"machines of {pool} that can be out at once: {needed}; {why}", names


def _labelled(goodput: Goodput, start: str, labels: Mapping[str, str]) -> Iterator[ReportLine]:
    """Yield the measures whose names begin alike, each with its label."""
    for suffix, label in labels.items():
        name = f"{start}.{suffix}"
        yield f"  {label}: {goodput.measure(name)}", (name,)


_JOB = {
    "mean": "mean time between interruptions",
    "goodput": "goodput",
    "gross": "goodput without silent corruption",
    "interval": "checkpoint interval",
    "checkpoint": "checkpoint",
    "drain": "drain to storage",
    "bandwidth": "bandwidth that the best interval needs",
    "time": "training time",
    "gpu-hours": "GPU-hours",
    "flop": "operations",
    "energy": "energy of machines and building",
    "carbon": "carbon of that energy",
}
_SERVICE = {
    "replica": "machines a replica",
    "concurrency": "sequences a replica",
    "prefill": "prefill a replica",
    "decode": "decode a replica",
    "decode.all": "decode of all replicas",
}

"""`assess`: the goodput of each job of a factory, its training runs, its services and its spares.

>>> from sovereign_ai.plan.factory import plan
>>> from sovereign_ai.spec.load import load
>>> factory = load("stacks/superpod")
>>> found = assess(factory, plan(factory), runs=50)
>>> [job.name for job in found.jobs], found.jobs[0].verdict
(['dgx'], 'short of spares')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sovereign_ai.assess.energy.power import sites_of
from sovereign_ai.assess.energy.report import add_energy
from sovereign_ai.assess.goodput.exact import FLOOR
from sovereign_ai.assess.goodput.inference import Service, add_service, services
from sovereign_ai.assess.goodput.jobs import Job, add_job, jobs
from sovereign_ai.assess.goodput.recovery import add_recovery
from sovereign_ai.assess.goodput.simulate import Case, Simulated, simulate
from sovereign_ai.assess.goodput.spares import add_spares
from sovereign_ai.assess.goodput.training import add_training
from sovereign_ai.assess.measure import Assessment, Measure, Said
from sovereign_ai.assess.sheet import Given, Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.shapes import shapes
from sovereign_ai.spec.factory import AIFactory

RUNS, STEPS, SEED = 200, 300, 1
"""Runs, steps a run, and seed of the simulation beside each job."""


@dataclass(frozen=True, slots=True)
class JobGoodput:
    """The verdict on one job; its numbers are measures under `job.<name>`.

    Attributes:
        name: the job.
        declared: whether the description names it.
        verdict: `feasible`, `infeasible` (below half), `uncertain` (the range holds both), or `short of spares` (feasible
            with machines to take over, and below half in the simulation with those that the pool has).
        simulated: what the simulation says under exponential, Weibull and correlated failures.
    """

    name: str
    declared: bool
    verdict: str
    simulated: tuple[Simulated, ...]

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"simulated": [one.to_data() for one in self.simulated]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodput(Assessment):
    """What becomes of the jobs' time.

    Attributes:
        jobs: a verdict a job.
        services: names of the services, whose numbers are measures under `service.<name>`.
        recovery: names of the measures that say what is lost with a tier or a site, and how long a restore takes.
    """

    jobs: tuple[JobGoodput, ...]
    services: tuple[str, ...]
    recovery: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say on a page what was found."""
        return [line for line, _ in self.said()]

    def said(self) -> Iterator[Said]:
        """Give the lines, each with the names of the numbers on it."""
        return said(self)


def assess(factory: AIFactory, plan: Plan, given: Mapping[str, Given] | None = None, runs: int = RUNS, seed: int = SEED) -> Goodput:
    """Assess every job and service of a factory.

    Args:
        factory: the description.
        plan: what follows from it.
        given: the user's figures, by the name of the leaf that each replaces.
        runs: simulated runs a job and kind of failure; 0 for none.
        seed: the simulation's seed.

    Raises:
        UsageError: a figure was given that this assessment does not have.
    """
    sheet, mine, served, again = _built(factory, plan, given or {})
    extra = list(_SIMULATED)
    measures = sheet.measures(("job.", "pool.", "service.", "tier.", *again, *extra))
    by_name = {measure.id: measure for measure in measures}
    return Goodput(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=measures,
        jobs=tuple(_judged(job, by_name[f"job.{job.name}.goodput"], _simulated(sheet, job, extra, runs, seed)) for job in mine),
        services=tuple(service.name for service in served),
        recovery=tuple(again),
    )


_SIMULATED = ("weibull.shape", "domain.share", "domain.repair")
"""Figures that the simulation alone takes."""


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> tuple[str, ...]:
    """Give the names of every figure that `assess` takes."""
    return _built(factory, plan, given)[0].leaves


def _built(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> tuple[Sheet, list[Job], list[Service], list[str]]:
    """Build the sheet, and find jobs, services and what is said of recovery."""
    sheet = Sheet(dict(given))
    found = shapes(factory)
    for here in sites_of(factory, plan, found):
        add_energy(sheet, here, plan)
    mine, served = list(jobs(factory, found)), list(services(factory, found))
    for job in mine:
        add_job(sheet, job, plan)
        add_training(sheet, job)
    for shape in found:
        add_spares(sheet, shape, plan)
    for service in served:
        add_service(sheet, service)
    for part in _SIMULATED:
        sheet.figure(part, figure("failures", part))
    return sheet, mine, served, add_recovery(sheet, factory, plan)


def _judged(job: Job, found: Measure, simulated: tuple[Simulated, ...]) -> JobGoodput:
    """Judge a job by the closed form, and by the simulation with the machines that really stand by."""
    verdict = _verdict(found)
    if verdict != "infeasible" and simulated and simulated[-1].goodput < FLOOR:
        verdict = "short of spares"
    return JobGoodput(job.name, job.declared, verdict, simulated)


def _verdict(found: Measure) -> str:
    """Say whether a job gets anywhere; half its time is the floor."""
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    if found.value is None or high is None or high < FLOOR or found.value < FLOOR:
        return "infeasible"
    return "feasible" if low is not None and low >= FLOOR else "uncertain"


def _simulated(sheet: Sheet, job: Job, extra: list[str], runs: int, seed: int) -> tuple[Simulated, ...]:
    """Simulate a job at the middle of every range: as the closed form has it, bunched, and correlated with the planned spares."""
    name = f"job.{job.name}"
    mean, interval, down = (sheet.value(f"{name}.{part}") for part in ("mean", "interval", "down"))
    stall, (shape, share, swap) = sheet.value("stall"), map(sheet.value, extra)
    repair, domain = sheet.value("repair"), sheet.value(f"pool.{job.shape.pool.name}.spares.domain")
    if not runs or None in (mean, interval, down, stall, shape, share, swap, repair, domain) or not interval:
        return ()
    case = Case(mean=(mean or 0) * 3600, interval=interval, stall=stall or 0.0, down=down or 0.0, steps=STEPS)
    free = job.shape.total - job.machines
    together = replace(
        case, domain_share=share or 0.0, domain=int(domain or 1), spares=free, repair=repair or 0.0, domain_repair=swap or 0.0
    )
    return (
        simulate(case, runs, seed),
        simulate(replace(case, shape=shape or 1.0), runs, seed, "weibull"),
        simulate(together, max(runs // 4, 1), seed, f"whole domains at times, {free} machines to spare"),
    )


def said(found: Goodput) -> Iterator[Said]:
    """Say on a page what was found, and with each line the names of the numbers on it."""
    yield f"goodput of the jobs of {found.factory}; a calculation, from counted failures of other clusters", ()
    for job in found.jobs:
        whose = "" if job.declared else " (no workload is described: the whole pool as one job)"
        yield f"job {job.name}{whose}: {job.verdict}", ()
        yield from _labelled(found, f"job.{job.name}", _JOB)
        for one in job.simulated:
            waits = f", {one.waited:.1%} of the time waiting for repairs" if one.waited else ""
            stopped = f", stopped after {one.stopped:,} failures" if one.stopped else ""
            runs = f"{one.runs:,} run{'s' if one.runs != 1 else ''}{stopped}, seed {one.seed}; exact {one.exact:.3f}{waits}"
            yield f"  simulated, {one.name}: {one.goodput:.3f} +- {one.error:.3f} ({runs})", ()
    for service in found.services:
        yield f"service {service}", ()
        yield from _labelled(found, f"service.{service}", _SERVICE)
    pools = [one.id.split(".")[1] for one in found.measures if one.id.endswith(".spares.needed")]
    for pool in pools:
        names = tuple(f"pool.{pool}.spares.{part}" for part in ("needed", "poisson", "domain", "planned"))
        parts = [str(found.measure(name)) for name in names]
        why = f"Poisson {parts[1]}, the largest of NVLink domain, rack and leaf {parts[2]}; spares planned {parts[3]}"
        yield f"machines of {pool} that can be out at once: {parts[0]}; {why}", names
    yield from ((f"{name}: {found.measure(name)}", (name,)) for name in found.recovery)
    if found.needs:
        yield f"figures that would close gaps: {', '.join(found.needs)}", ()


def _labelled(found: Goodput, start: str, labels: Mapping[str, str]) -> Iterator[Said]:
    """Give the numbers whose names begin alike, each with its label."""
    for name, label in ((f"{start}.{suffix}", label) for suffix, label in labels.items()):
        yield f"  {label}: {found.measure(name)}", (name,)


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
    "energy": "energy with the building",
    "carbon": "carbon",
}
_SERVICE = {
    "replica": "machines a replica",
    "concurrency": "sequences a replica",
    "prefill": "prefill a replica",
    "decode": "decode a replica",
    "decode.all": "decode of all replicas",
}

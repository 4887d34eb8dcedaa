"""Many months of one cluster, with and without what keeps work going, beside the assessed goodput.

Each seed's month runs once with everything and once without each help, so that all of them have the same
faults. What is measured is the mean over the seeds, with Student's interval of 95 %. Of a single month, or of
months that are all alike, that interval has no width and says nothing: what the number of interruptions may
be by chance (Garwood's interval of a Poisson count) takes its place. The measured mean agrees with the
assessment (`assess/goodput`) where its interval overlaps the assessed range; where it does not, the reasons
are named.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, stdev

from sovereign_ai.assess import GivenValue
from sovereign_ai.assess.goodput import Goodput, assess_goodput, goodput
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.months.gangs import GangTerms, Shares
from sovereign_ai.operate.months.month import DAY, Month, Safeguard, VirtualSite, run_month
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory, Workload
from sovereign_ai.text import counted

_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Quantiles of Student's t for two-sided 95 %, for 1 to 10 degrees of freedom."""
_NORMAL = 1.95996
"""The same of the normal distribution, which Student's t comes near to."""
_NOTABLE = 0.005
"""A share of the time from which a reason is named."""


@frozen_dataclass
class MeasuredShare:
    """A share over several months.

    Attributes:
        value: the mean.
        low: lower end of the 95 % interval of the mean; the mean where there is one month.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@frozen_dataclass
class MonthSeries:
    """The months of all seeds under one condition.

    Attributes:
        without: what was left out; None for nothing.
        goodput: job to its share of useful time.
        totals: job to the sum of its times and failures.
        faults: faults of the fleet, a month.
        out: machines out of work, on average.
        decisions: decisions of the repair core, all months together.
    """

    without: Safeguard | None
    goodput: Mapping[str, MeasuredShare]
    totals: Mapping[str, Shares]
    faults: float
    out: float
    decisions: Mapping[str, int]


@frozen_dataclass
class AssessedJob:
    """What the assessment says of a job.

    Attributes:
        name: the job.
        value: goodput before silent corruption, which no seed draws, since nobody reports it.
        low: lower end of its range.
        high: upper end.
        mean: seconds between two interruptions.
    """

    name: str
    value: float
    low: float
    high: float
    mean: float


@frozen_dataclass
class Agreement:
    """How the measured and the assessed goodput of a job agree.

    Attributes:
        job: the assessment.
        measured: what was measured with everything.
        explained: the closed form with the interruptions and waits that were measured.
        agrees: whether the measured interval overlaps the assessed range.
        reasons: what differs; empty where nothing does that is worth naming.
    """

    job: AssessedJob
    measured: MeasuredShare
    explained: float
    agrees: bool
    reasons: tuple[str, ...]


def divide_pools(factory: AIFactory, plan: Plan, cluster: str, jobs: int) -> AIFactory:
    """Return a description whose training pools are divided into equal jobs; itself for none.

    Args:
        factory: the description.
        plan: its plan.
        cluster: the cluster whose pools are divided.
        jobs: jobs a pool; 0 for those that are described.
    """
    if not jobs:
        return factory
    kept = [workload for workload in factory.workloads if workload.kind != "training"]
    tenants = {zone.name: zone.tenants[0] for zone in factory.zones if zone.tenants}
    counted = Counter(node.pool for node in plan.nodes_of(cluster) if not node.spare)
    for pool in factory.pools:
        is_trained_on = pool.trains and system(pool.system).gpus
        if not is_trained_on or counted[pool.name] < jobs:
            continue
        for number in range(1, jobs + 1):
            work = Workload.model_construct(
                name=f"{pool.name}-{number}",
                tenant=tenants.get(pool.zone, ""),
                pool=pool.name,
                kind="training",
                # Nothing is started: a job of a virtual month has no image.
                image="",
                nodes=counted[pool.name] // jobs,
                data=(),
                model=None,
            )
            kept.append(work)
    return factory.model_copy(update={"workloads": tuple(kept)})


def assessed_jobs(
    factory: AIFactory, plan: Plan, cluster: str, given: Mapping[str, GivenValue]
) -> tuple[list[GangTerms], list[AssessedJob]]:
    """Return the jobs of a cluster: the terms of the simulation, and what is assessed of each.

    Raises:
        UsageError: a given figure is not part of the assessment.
    """
    assessed = assess_goodput(factory, plan, given, runs=0)
    pools = {node.pool for node in plan.nodes_of(cluster)}
    of_job = {workload.name: workload.pool for workload in factory.workloads}
    terms, judged = [], []
    for job in assessed.jobs:
        pool = of_job.get(job.name, job.name)
        gross = assessed.measure(f"job.{job.name}.gross")
        if pool not in pools or gross.value is None:
            continue
        terms.append(_terms(assessed, job.name, pool))
        mean = _value(assessed, f"job.{job.name}.mean") * 3600
        low = gross.value if gross.low is None else gross.low
        high = gross.value if gross.high is None else gross.high
        judged.append(AssessedJob(job.name, gross.value, low, high, mean))
    return terms, judged


def _terms(assessed: Goodput, name: str, pool: str) -> GangTerms:
    """Return what the simulation needs of a job, all of it from the assessment."""
    start = f"job.{name}"
    detection = _value(assessed, "detection")
    return GangTerms(
        name=name,
        pool=pool,
        machines=int(_value(assessed, f"{start}.machines")),
        interval=_value(assessed, f"{start}.interval"),
        stall=_value(assessed, "stall"),
        detection=detection,
        restart=_value(assessed, f"{start}.down") - detection,
    )


def _value(assessed: Goodput, name: str) -> float:
    return float(assessed.measure(name).value or 0.0)


def run_series(
    site: VirtualSite,
    seeds: Sequence[int],
    days: float,
    without: Safeguard | None = None,
    progress: Callable[[str], object] = lambda _line: None,
) -> MonthSeries:
    """Run the month of every seed under one condition.

    Args:
        site: the cluster.
        seeds: the seeds.
        days: how long a month is.
        without: what is left out; None for nothing.
        progress: receives a line after each month.
    """
    what = f"without {without}" if without else "with everything"
    months = []
    for number, seed in enumerate(seeds, 1):
        months.append(run_month(site, seed=seed, days=days, without=without))
        progress(f"{what}: month {number} of {len(seeds)}")
    measured, totals = {}, {}
    for terms in site.terms:
        shares = [month.shares[terms.name] for month in months]
        measured[terms.name] = _mean([share.useful / (days * DAY) for share in shares])
        total = Shares()
        for share in shares:
            total.add(share)
        totals[terms.name] = total
    faults = fmean(month.faults for month in months)
    out = fmean(month.out for month in months)
    return MonthSeries(without, measured, totals, faults, out, _summed(months))


def _summed(months: Sequence[Month]) -> dict[str, int]:
    decisions: Counter[str] = Counter()
    for month in months:
        decisions.update(month.decisions)
    # JSON takes plain text as keys, and no members of an enumeration.
    return {str(act): number for act, number in sorted(decisions.items())}


def _mean(values: Sequence[float]) -> MeasuredShare:
    """Return a mean with its interval: Student's for few values, the normal one for many."""
    mean = fmean(values)
    if len(values) < 2:
        return MeasuredShare(mean, mean, mean)
    freedom = len(values) - 1
    half = _quantile(freedom) * stdev(values) / math.sqrt(len(values))
    return MeasuredShare(mean, max(0.0, mean - half), min(1.0, mean + half))


def _quantile(freedom: int) -> float:
    """Return Student's quantile, beyond the table by its expansion (Abramowitz and Stegun, 26.7.5)."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    first = (_NORMAL**3 + _NORMAL) / 4
    second = (5 * _NORMAL**5 + 16 * _NORMAL**3 + 3 * _NORMAL) / 96
    return _NORMAL + first / freedom + second / freedom**2


def compare(site: VirtualSite, judged: Sequence[AssessedJob], series: MonthSeries) -> list[Agreement]:
    """Return for each job how what was measured with everything agrees with what is assessed."""
    terms = {each.name: each for each in site.terms}
    agreements = []
    for job in judged:
        total = series.totals[job.name]
        measured = _with_width(series.goodput[job.name], terms[job.name], total)
        agrees = measured.low <= job.high and measured.high >= job.low
        explained = _explained(terms[job.name], total)
        reasons = tuple(_reasons(job, total, series))
        if not agrees and not reasons:
            reasons = (_by_chance(job, total),)
        agreements.append(Agreement(job, measured, explained, agrees, reasons))
    return agreements


def _with_width(measured: MeasuredShare, terms: GangTerms, total: Shares) -> MeasuredShare:
    """Return a mean with an interval, also where all months came out alike or there was one."""
    if measured.low < measured.high:
        return measured
    fewest, most = _poisson_interval(total.interruptions)
    worst, best = (_explained(terms, total, count) for count in (most, fewest))
    return MeasuredShare(measured.value, min(measured.value, worst), max(measured.value, best))


def _poisson_interval(count: int) -> tuple[float, float]:
    """Return Garwood's interval of 95 % of the mean of a Poisson count (Garwood, Biometrika 28, 1936)."""
    tail = 0.025
    most = _root(lambda mean: _at_most(count, mean) - tail, count + 10 * math.sqrt(count + 1) + 10)
    if not count:
        return 0.0, most
    return _root(lambda mean: tail - 1 + _at_most(count - 1, mean), float(count)), most


def _at_most(count: int, mean: float) -> float:
    """Return the probability of at most so many events of a Poisson process with a mean above zero."""
    terms = (number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(count + 1))
    return math.fsum(map(math.exp, terms))


def _root(falling: Callable[[float], float], high: float) -> float:
    """Return where a falling function above zero is zero, by halvings."""
    low = 0.0
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high


def _explained(terms: GangTerms, total: Shares, interruptions: float | None = None) -> float:
    """Return the closed form at the measured time between interruptions, of the time without waits.

    Args:
        terms: the job.
        total: where its time went.
        interruptions: how many there are taken to be; left out, those that were measured.
    """
    counted = total.interruptions if interruptions is None else interruptions
    working = total.total - total.waiting
    if not working:
        return 0.0
    if not counted:
        share = terms.interval / (terms.interval + terms.stall) if terms.interval else 1.0
        return share * working / total.total
    down = terms.detection + terms.restart
    return goodput(terms.interval, working / counted, terms.stall, down) * working / total.total


def _by_chance(job: AssessedJob, total: Shares) -> str:
    """Return what the figures have in common where nothing else sets them apart."""
    interruptions_text = counted(total.interruptions, "interruption")
    return (
        f"{interruptions_text}, where the assessed rate gives {total.total / job.mean:.1f}: "
        "within chance; more --months narrow the interval"
    )


def _reasons(job: AssessedJob, total: Shares, series: MonthSeries) -> Iterator[str]:
    """Yield what sets the measured figure apart from the assessed one."""
    waited = total.waiting / total.total
    if waited >= _NOTABLE:
        yield (
            f"it waited for machines {waited:.1%} of the time, with {series.out:.1f} broken on average; "
            "the assessed figure has a spare for every failure"
        )
    expected = total.total / job.mean
    # Two standard deviations of a Poisson count.
    if abs(total.interruptions - expected) > 2 * math.sqrt(max(expected, 1.0)):
        yield f"{counted(total.interruptions, 'interruption')}, where the assessed rate gives {expected:.0f}"
    if total.wide:
        interruptions_text = counted(total.interruptions, "interruption")
        yield (
            f"{total.wide} of {interruptions_text} are of switches, power or whole racks, "
            "of which most are not in the assessed rate"
        )

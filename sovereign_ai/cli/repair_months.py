"""`repair simulate`: the same months of faults in virtual time, with and without what keeps work going."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.cli.target import StackOption
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.operate import Agreement, MonthSeries, Safeguard, VirtualSite


class LeftOut(StrEnum):
    """The values of `--without`: those of the simulation, which is imported only when it runs."""

    SPARES = "spares"
    CHECKPOINTS = "checkpoints"
    TOPOLOGY = "topology"
    REPAIR = "repair"


_HOUR = 3600.0
_BUDGETS = (
    "disruption budgets hold nothing back here: each drawn fault, as those that were counted, stops the work "
    "of its machines at once, and a machine without work is never held back"
)
"""What is said where the description has disruption budgets."""
_FROM_HELP = "One run of the faults of a file, which `repair inject --output` writes."
_METRICS_HELP = "File for the first run, hour by hour, as OpenMetrics text."
_SILENT = 2.0
"""Seconds after which progress is reported."""


@frozen_dataclass
class MonthsAsked:
    """What is simulated.

    Attributes:
        stack: the stack's folder.
        name: the Pulumi stack; None for the usual one.
        figures: the file of the user's figures; None for none.
        days: how long a month is.
        months: how many seeds.
        seed: the first of them.
        jobs: equal jobs of each training pool; 0 for those that are described.
        without: what is left out, one at a time; empty for all.
        metrics: the file for OpenMetrics text; None for none.
        source: the file of the faults of each run; None to draw them.
    """

    stack: Path
    name: str | None
    figures: Path | None
    days: float
    months: int
    seed: int
    jobs: int
    without: Sequence[Safeguard]
    metrics: Path | None = None
    source: Path | None = None


def add_simulate(group: typer.Typer) -> None:
    """Add the command."""

    @group.command(
        "simulate", **example("sovereign-ai repair simulate stacks/lab --days 30 --without spares")
    )
    def simulate_(
        stack: StackArgument = Path(),
        days: Annotated[
            float, typer.Option("--days", min=1, max=3660, metavar="DAYS", help="Length of each run in days.")
        ] = 30.0,
        months: Annotated[
            int,
            typer.Option(
                "--months", min=1, max=1000, metavar="N", help="Number of runs, each with its own faults."
            ),
        ] = 10,
        seed: Annotated[
            int, typer.Option("--seed", min=0, metavar="N", help="The first run's seed; then the next ones.")
        ] = 1,
        without: Annotated[
            list[LeftOut] | None,
            typer.Option("--without", help="What to leave out; may be repeated. Otherwise each once."),
        ] = None,
        jobs: Annotated[
            int,
            typer.Option(
                "--jobs", min=0, max=1000, metavar="N", help="Divide each training pool into equal jobs."
            ),
        ] = 0,
        source: Annotated[Path | None, typer.Option("--from", metavar="FILE", help=_FROM_HELP)] = None,
        metrics: Annotated[Path | None, typer.Option("--metrics", metavar="FILE", help=_METRICS_HELP)] = None,
        figures: Annotated[
            Path | None, typer.Option("--figures", "-f", help="Your own figures, as for `assess goodput`.")
        ] = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Simulate months of faults; with and without what keeps work going.

        Time is virtual, the controller's own decisions repair the machines, and no cluster is needed.
        Measured is how much of each job's time was useful work, beside what `assess goodput` calculates.
        """

        def work(output: Output) -> None:
            from sovereign_ai.operate import Safeguard

            left = [Safeguard(each.value) for each in without or ()]
            runs = 1 if source else months
            asked = MonthsAsked(stack, name, figures, days, runs, seed, jobs, left, metrics, source)
            simulate_months(output, asked)

        run_command("repair simulate", as_json, work, outputs=metrics)


def simulate_months(output: Output, asked: MonthsAsked) -> None:
    """Simulate, and print the conditions side by side and how they agree with the assessment.

    Raises:
        UsageError: the cluster has no training job.
        SpecError: the description, or the file of figures, has problems.
    """
    from sovereign_ai.cli.fault_series import series_of
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.operate import (
        Policy,
        Safeguard,
        assessed_jobs,
        compare,
        divide_pools,
        read_site,
        run_series,
    )

    stack, given, cluster = _opened(asked)

    factory = divide_pools(stack.factory, stack.plan, cluster, asked.jobs)
    terms, judged = assessed_jobs(factory, stack.plan, cluster, given)
    if not terms:
        message = f"{cluster} has no training job to simulate"
        hint = "describe a workload of kind training, or a pool with another purpose than inference"
        raise UsageError(Problem("no-job", message, hint=hint))
    site = read_site(stack.plan, cluster, terms, Policy())
    if asked.source is not None:
        recorded = series_of(asked.stack, asked.name, None, asked.days, asked.source)
        site = replace(site, recorded=recorded.events)
    seeds = range(asked.seed, asked.seed + asked.months)
    progress = _Patient(output)
    compared = [run_series(site, seeds, asked.days, None, progress.show)]
    for safeguard in asked.without or tuple(Safeguard):
        compared.append(run_series(site, seeds, asked.days, safeguard, progress.show))
    agreements = compare(site, judged, compared[0])
    data = {
        "cluster": cluster,
        "days": asked.days,
        "seeds": list(seeds) if asked.source is None else [],
        "conditions": [_series_data(series) for series in compared],
        "agreement": [_agreement_data(agreement) for agreement in agreements],
    }
    lines = [*_lines(asked, cluster, compared, agreements)]
    if factory.disruption_budgets:
        data["disruption_budgets"] = _BUDGETS
        lines += wrapped(_BUDGETS)
    if asked.metrics is not None:
        lines.append(_write_metrics(asked.metrics, asked, cluster, (site, compared)))
    output.finish(data, lines)


def _write_metrics(
    file: Path, asked: MonthsAsked, cluster: str, measured: tuple[VirtualSite, Sequence[MonthSeries]]
) -> str:
    """Write the first run and the conditions as OpenMetrics text, and return what was done."""
    from sovereign_ai.files.writing import write
    from sovereign_ai.operate import open_metrics, run_month

    site, compared = measured
    first = run_month(site, seed=asked.seed, days=asked.days, every=_HOUR)
    write(file, open_metrics(cluster, first.samples, compared, asked.days))
    return f"wrote {file}"


def _opened(asked: MonthsAsked) -> tuple[Any, Any, str]:
    """Return the stack, the user's figures of goodput, and the cluster's name."""
    from sovereign_ai.assess import split
    from sovereign_ai.assess.sources import read_figures
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(asked.stack)
    given: Any = {}
    if asked.figures is not None:
        given = split(stack.factory, stack.plan, read_figures(asked.figures))["goodput"]
    return stack, given, stack.bundle(asked.name).cluster


class _Patient:
    """Progress that is silent for the first seconds."""

    def __init__(self, output: Output) -> None:
        self._output, self._began = output, time.monotonic()

    def show(self, line: str) -> None:
        """Report a line, once it takes longer than a person expects."""
        if time.monotonic() - self._began > _SILENT:
            self._output.progress(line)


def _lines(
    asked: MonthsAsked, cluster: str, compared: Sequence[MonthSeries], agreements: Sequence[Agreement]
) -> Iterator[str]:
    """Yield the report: a table a job, and how its first row agrees with the assessment."""
    everything = compared[0]
    seeds = (
        f"seeds {asked.seed} to {asked.seed + asked.months - 1}" if asked.months > 1 else f"seed {asked.seed}"
    )
    if asked.source is not None:
        seeds = f"as {asked.source} has them"
    yield f"{cluster}: faults of {asked.days:g} d in virtual time, {seeds}"
    yield f"{everything.faults:.1f} faults a run; {everything.out:.1f} machines broken on average"
    for agreement in agreements:
        name = agreement.job.name
        yield f"job {name}: share of its time"
        rows = [_row(series, name) for series in compared]
        yield from table(["condition", "useful", "saving", "lost", "restart", "waiting", "failures"], rows)
        yield from _agreement_lines(agreement)


def _row(series: MonthSeries, name: str) -> tuple[str, ...]:
    """Return the row of one condition."""
    total = series.totals[name]
    parts = [total.useful, total.stalls, total.lost, total.restarting, total.waiting]
    shares = [f"{part / total.total:.3f}" for part in parts]
    condition = f"without {series.without}" if series.without else "with everything"
    return (condition, *shares, str(total.interruptions))


def _agreement_lines(agreement: Agreement) -> Iterator[str]:
    """Yield how what was measured agrees with what is assessed."""
    job = agreement.job
    verdict = "agrees with" if agreement.agrees else "differs from"
    yield f"  useful time {agreement.measured}, 95 % of the mean: {verdict}"
    yield f"  the assessed {job.value:.3f} ({job.low:.3f} to {job.high:.3f}), without silent corruption"
    yield f"  the formula with the measured failures and waits: {agreement.explained:.3f}"
    for reason in agreement.reasons:
        yield from wrapped(f"- {reason}", "  ")


def _series_data(series: MonthSeries) -> dict[str, Any]:
    return asdict(series)


def _agreement_data(agreement: Agreement) -> dict[str, Any]:
    return asdict(agreement)

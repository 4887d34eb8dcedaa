"""`jobs usage`: GPU-hours, energy and cost of the work of each tenant and team."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.verify import TenantUsage, WorkUsage

_SINCE_HELP = "The first day, or moment with its time zone; left out, all that Kueue still holds."
_FIGURES_HELP = "Your own prices and figures, as for `assess cost`."
_FOCUS_HELP = "File for a row of each piece of work and month in the columns of FOCUS 1.2."


@frozen_dataclass
class UsageQuestion:
    """What is asked.

    Attributes:
        since: the first day or moment; None for all that is known.
        figures: the file of the user's prices; None for the project's own.
        focus: the file for the CSV; None for none.
    """

    since: datetime | None
    figures: Path | None
    focus: Path | None


@frozen_dataclass
class HourPrice:
    """What a GPU-hour costs.

    Attributes:
        euro: EUR.
        is_lower_bound: whether it has the known part of the cost alone.
    """

    euro: float
    is_lower_bound: bool


def add_usage(group: typer.Typer) -> None:
    """Add the command to the group `jobs`."""

    @group.command("usage", **example("sovereign-ai jobs usage stacks/lab --since 2026-12-01"))
    def usage(
        stack: StackArgument = Path(),
        since: Annotated[str, typer.Option("--since", metavar="DAY", help=_SINCE_HELP)] = "",
        figures: Annotated[Path | None, typer.Option("--figures", "-f", help=_FIGURES_HELP)] = None,
        focus: Annotated[Path | None, typer.Option("--focus", metavar="FILE", help=_FOCUS_HELP)] = None,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what tenants have used: GPU-hours, energy and EUR."""

        def work(output: Output) -> None:
            question = UsageQuestion(_moment(since), figures, focus)
            _usage(output, stack, question, (cluster, kubeconfig, name))

        run_command("jobs usage", as_json, work, outputs=focus)


def _moment(text: str) -> datetime | None:
    """Return the beginning of a day in UTC, or a moment; None for an empty text.

    Raises:
        UsageError: it is neither.
    """
    from sovereign_ai.errors import Problem, UsageError

    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # The first hours of the year 1 in Asia are no moment in UTC.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        hint = "write a day, 2026-12-01, or a moment, 2026-12-01T06:00:00+01:00"
        raise UsageError(Problem("bad-date", f"--since {text[:40]!r} is no day", hint=hint)) from None


def _require_past(since: datetime | None, now: datetime) -> None:
    """Refuse a period that has not begun, of which an empty answer would look like one without usage.

    Raises:
        UsageError: it has not.
    """
    from sovereign_ai.errors import Problem, UsageError

    if since is not None and since >= now:
        message = f"the period begins at {since.isoformat()}, which is still to come"
        raise UsageError(Problem("bad-date", message, hint="write a day or moment that has been"))


def _usage(
    output: Output,
    path: Path,
    question: UsageQuestion,
    where: tuple[Backend, Path | None, str | None],
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.plan import sent_pools
    from sovereign_ai.verify import by_tenant, observe_queues, usage_of

    backend, kubeconfig, name = where
    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    now = datetime.now(UTC)
    _require_past(question.since, now)
    # Whatever is wrong with the figures needs no cluster to be said.
    price = hour_price(stack, question.figures)
    api = open_deployed(stack, cluster, backend, kubeconfig, output.progress).api
    planned = stack.plan
    sent = sent_pools(stack.factory, planned.clusters, cluster)
    workloads = observe_queues(api).workloads
    uses = usage_of(workloads, planned.cluster(cluster), question.since, now, sent)
    sums = by_tenant(uses)
    lines = usage_lines(uses, sums, price)
    if question.focus is not None:
        lines.append(_write_focus(stack, question.focus, uses, price, (question.since, now)))
    lines.append(f"{cluster}: tenants with usage: {len(sums)}")
    output.finish({"factory": stack.factory.name, "cluster": cluster, **_data(uses, sums, price)}, lines)


def hour_price(stack: Stack, figures: Path | None) -> HourPrice | None:
    """Return what a GPU-hour costs by the cost assessment; None where nothing of it is known.

    Raises:
        SpecError: the file of figures has problems.
        UsageError: one of its figures is not known.
    """
    from sovereign_ai.assess import split
    from sovereign_ai.assess.cost import assess_cost
    from sovereign_ai.assess.sources import read_figures

    given = {}
    if figures is not None:
        given = dict(split(stack.factory, stack.plan, read_figures(figures))["cost"])
    cost = assess_cost(stack.factory, stack.plan, given)
    full, known = cost.measure("gpu-hour").value, cost.measure("gpu-hour.known").value
    if full is not None:
        return HourPrice(full, is_lower_bound=False)
    return HourPrice(known, is_lower_bound=True) if known is not None else None


def usage_lines(uses: list[WorkUsage], sums: list[TenantUsage], price: HourPrice | None) -> list[str]:
    """Return what was used, for a person."""
    if not sums:
        return ["no work of a tenant was admitted in this period, or Kueue holds it no more"]
    rows = []
    for each in sums:
        rows.append((each.tenant, str(each.works), *_figures(each.gpu_hours, each.kwh, price)))
    head = ["GPU-h", "kWh", "EUR"]
    lines = table(["tenant", "works", *head], rows)
    lines += _team_lines(uses, head, price)
    lines += table(["work", "GPUs", *head], _work_rows(uses, price))
    lines += wrapped("kWh: machines at full load, without cooling and switches; calculated, not measured")
    if price is not None:
        bound = ", a lower bound: `sovereign-ai assess cost` names what is not known"
        lines += wrapped(f"EUR: {price.euro:.2f} for a GPU-hour{bound if price.is_lower_bound else ''}")
    evicted = sum(use.was_evicted for use in uses)
    if evicted:
        lines += wrapped(
            f"works that lost their place before, whose time until then is not counted: {evicted}"
        )
    return lines


def _work_rows(uses: list[WorkUsage], price: HourPrice | None) -> list[tuple[str, ...]]:
    """Return a row for each piece of work; the groups of a service are one, with the GPUs of all."""
    groups: defaultdict[tuple[str, str], list[WorkUsage]] = defaultdict(list)
    for use in uses:
        groups[f"{use.namespace}/{use.name}", "ended" if use.is_over else "holds"].append(use)
    rows: list[tuple[str, ...]] = []
    for (name, state), own in groups.items():
        hours, energy = sum(use.gpu_hours for use in own), sum(use.kwh for use in own)
        rows.append((name, f"{state} {sum(use.gpus for use in own):g}", *_figures(hours, energy, price)))
    return rows


def _team_lines(uses: list[WorkUsage], head: list[str], price: HourPrice | None) -> list[str]:
    """Return what teams used; nothing where no work names one."""
    from sovereign_ai.verify import by_team

    if not any(use.team for use in uses):
        return []
    rows = []
    for each in by_team(uses):
        name = f"{each.tenant}/{each.team or '-'}"
        rows.append((name, str(each.works), *_figures(each.gpu_hours, each.kwh, price)))
    return table(["team", "works", *head], rows)


def _figures(gpu_hours: float, kwh: float, price: HourPrice | None) -> tuple[str, str, str]:
    """Return GPU-hours, energy and cost of a row."""
    euro = f"{gpu_hours * price.euro:,.2f}" if price is not None else "-"
    return f"{gpu_hours:,.2f}", f"{kwh:,.1f}", euro


def _write_focus(
    stack: Stack,
    file: Path,
    uses: list[WorkUsage],
    price: HourPrice | None,
    period: tuple[datetime | None, datetime],
) -> str:
    """Write a row for each piece of work, and return what was done.

    Raises:
        UsageError: there is no price, and FOCUS has no empty cost.
    """
    from sovereign_ai.assess.cost import TenantCharge, UsagePeriod, tenant_csv
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.files.writing import write

    if price is None:
        hint = "give prices by --figures; `sovereign-ai assess figures` lists them"
        raise UsageError(Problem("no-price", "no part of the cost of a GPU-hour is known", hint=hint))
    since, until = period
    begin = since or min((use.begin for use in uses), default=until)
    span = UsagePeriod(
        factory=stack.factory.name,
        operator=stack.factory.operator.name,
        begin=begin,
        end=until,
        price=price.euro,
        is_lower_bound=price.is_lower_bound,
    )
    rows = []
    for use in uses:
        work = f"{use.namespace}/{use.name}"
        spent = (use.gpu_hours, use.kwh)
        rows.append(TenantCharge(use.tenant, *spent, work, use.team, use.begin, use.end))
    write(file, tenant_csv(span, rows))
    return f"wrote {file}"


def _data(uses: list[WorkUsage], sums: list[TenantUsage], price: HourPrice | None) -> dict[str, Any]:
    """Return what was used as plain data."""
    from sovereign_ai.verify import by_team

    works = []
    for use in uses:
        begin, end = use.begin.isoformat(), use.end.isoformat()
        works.append({**asdict(use), "begin": begin, "end": end, "gpu_hours": use.gpu_hours, "kwh": use.kwh})
    tenants = []
    for each in sums:
        own = asdict(each)
        del own["team"]  # the sums are of tenants
        tenants.append(own)
    teams = [asdict(each) for each in by_team(uses)]
    return {"price": asdict(price) if price else None, "tenants": tenants, "teams": teams, "works": works}

"""Disruption budgets for a person: of a plan, and with what is out of work on a running cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sovereign_ai.cli.output import table
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.operate import Budget, Machine
    from sovereign_ai.plan import Plan
    from sovereign_ai.spec import AIFactory, DisruptionBudget, MaintenanceWindow


def planned_budget_lines(factory: AIFactory, plan: Plan, *, why: bool) -> Iterator[str]:
    """Yield the table of a description's disruption budgets, a row for each cluster that one holds in.

    Args:
        factory: the description.
        plan: its plan.
        why: whether the formula behind each limit follows.
    """
    from sovereign_ai.operate import budgets_of

    described = {budget.name: budget for budget in factory.disruption_budgets}
    rows, reasons = [], []
    for cluster in plan.clusters:
        for budget in budgets_of(factory, plan, cluster.name):
            limit = "any number" if budget.most is None else f"{budget.most:,} of {len(budget.machines):,}"
            rows.append((budget.name, cluster.name, limit, _windows(budget.windows)))
            reasons.append(f"  {budget.name}.max_unavailable: {_formula(described[budget.name], budget)}")
    if rows:
        yield ""
        yield from table(["disruption budget", "cluster", "out of work at most", "drains"], rows)
        if why:
            yield from reasons


def _formula(described: DisruptionBudget, budget: Budget) -> str:
    """Return the formula of a limit, with its inputs."""
    most = described.max_unavailable
    if most is None:
        return "no limit is described"
    if isinstance(most, int):
        return "as described"
    return f"max(1, {most} x {counted(len(budget.machines), 'machine')}, rounded down) = {budget.most:,}"


def _windows(windows: Sequence[MaintenanceWindow]) -> str:
    """Return windows as one text."""
    texts = []
    for window in windows:
        days = ",".join(window.days) or "daily"
        texts.append(f"{days} {window.start} for {window.duration} ({window.time_zone})")
    return "; ".join(texts) or "at any time"


def live_budget_rows(
    budgets: Sequence[Budget], machines: Sequence[Machine], now: datetime
) -> list[dict[str, object]]:
    """Return what is out of work of each budget, and why it lets nothing more be drained, as plain data."""
    from sovereign_ai.operate import out_of_work

    rows: list[dict[str, object]] = []
    for budget in budgets:
        out = sorted(out_of_work(machines, budget))
        closed = budget.closed(now) or budget.full(out)
        rows.append({"budget": budget.name, "most": budget.most, "out_of_work": out, "closed": closed})
    return rows


def live_budget_lines(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """Yield a line for each row of `live_budget_rows`."""
    for row in rows:
        out, most = row["out_of_work"], row["most"]
        count = len(out) if isinstance(out, list) else 0
        limit = "" if most is None else f" of at most {most}"
        yield f"budget {row['budget']}: {count} out of work{limit}; {row['closed'] or 'more may be drained'}"

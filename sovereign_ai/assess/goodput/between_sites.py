"""What the lines between two sites carry, against the copies and the gradients that would pass them.

    backups  = sum over tiers of capacity x changed share / interval
    exchange = parameters x bytes of a gradient / rate: each of two halves sends all of its gradients once
    least interval of exchanges = exchange / 5 %

A job never spans sites here. The exchange says what one would wait if it did: work that sends its gradients
at every step needs it below a step, and work that sends them after some hundred steps (as in arXiv
2311.08105) needs the interval. Rates are those of the lines, without overhead: all lower bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sovereign_ai.assess.goodput.training_jobs import GoodputJob
from sovereign_ai.assess.sheet import Sheet, weighted_sum
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory, Site, Uplink
from sovereign_ai.text import counted

_GRADIENT = 2
"""Bytes of a gradient in BF16."""
_OVERHEAD = 0.05
"""Share of a job's time that exchanges may take: our judgement."""


def lines_between(first: Site, second: Site) -> list[Uplink]:
    """Return the lines between two sites, at whichever of them they are described."""
    lines: list[Uplink] = []
    for site, other in ((first, second), (second, first)):
        lines += [line for line in site.uplinks if line.to == other.name]
    return lines


def add_between_sites(sheet: Sheet, factory: AIFactory, plan: Plan, jobs: Sequence[GoodputJob]) -> list[str]:
    """Add what the lines between each two sites carry and what would pass them.

    Returns:
        The names of the numbers that a report shows.
    """
    names: list[str] = []
    for number, second in enumerate(factory.sites):
        for first in factory.sites[:number]:
            lines = lines_between(first, second)
            if lines:
                names += _pair(sheet, factory, plan, (first, second), lines)
                names += _exchanges(sheet, (first, second), jobs)
    return names


def _pair(
    sheet: Sheet, factory: AIFactory, plan: Plan, ends: tuple[Site, Site], lines: Sequence[Uplink]
) -> Iterator[str]:
    """Add the rate of the lines between two sites, with the largest of them lost, and that of the backups."""
    name = f"wan.{ends[0].name}.{ends[1].name}"
    rates = [line.rate.count / 8 for line in lines]
    yield sheet.plan(f"{name}.rate", sum(rates), "B/s", f"{counted(len(lines), 'line')}, as described")
    left = sheet.plan(f"{name}.left", sum(rates) - max(rates), "B/s", "without the line of the highest rate")
    yield left
    parts: list[str] = []
    for tier, size in _copied(factory, plan, ends):
        why = f"usable capacity over the interval between backups of {tier}"
        parts.append(sheet.plan(f"{name}.{tier}.whole", size, "B/s", why))
    if parts:
        changed = sheet.figure("backup.changed", figure("engineering", "backup.changed"))
        formula = "sum over tiers of capacity / interval x changed share"
        backups = sheet.derive(f"{name}.backups", "B/s", formula, _share_of_sum, changed, *parts)
        yield backups
        formula = "backups / what the lines carry without the largest; above 1 they fall behind"
        yield sheet.derive(f"{name}.load", "1", formula, _quotient, backups, left)


def _copied(factory: AIFactory, plan: Plan, ends: tuple[Site, Site]) -> Iterator[tuple[str, float]]:
    """Yield each tier that is backed up between two sites, with its bytes a second if all changed."""
    tiers = {tier.name: tier for tier in factory.storage}
    names = {site.name for site in ends}
    for storage in plan.storage:
        backup = tiers[storage.tier].backup
        if backup is not None and {storage.site, backup.site} == names:
            yield f"{storage.tier}.{storage.site}", storage.capacity / backup.every.count


def _exchanges(sheet: Sheet, ends: tuple[Site, Site], jobs: Sequence[GoodputJob]) -> Iterator[str]:
    """Add the time in which a job at one of two sites would exchange its gradients with the other."""
    name = f"wan.{ends[0].name}.{ends[1].name}"
    for job in jobs:
        if job.shape.site.name not in (ends[0].name, ends[1].name):
            continue
        time = f"{name}.exchange.{job.name}"
        parameters = f"job.{job.name}.parameters"
        formula = f"parameters x {_GRADIENT} bytes / rate of all lines"
        yield sheet.derive(time, "s", formula, _exchange, parameters, f"{name}.rate")
        often = f"exchange / {_OVERHEAD:g} of a job's time"
        work = partial(_quotient, divisor=_OVERHEAD)
        yield sheet.derive(f"{time}.interval", "s", often, work, time)


def _share_of_sum(share: float, *rates: float) -> float:
    """Return a share of the sum of some rates."""
    return weighted_sum([share] * len(rates), rates)


def _exchange(parameters: float, rate: float) -> float:
    """Return the seconds in which all gradients pass once."""
    return parameters * _GRADIENT / rate


def _quotient(amount: float, divisor: float) -> float | None:
    """Return a quotient; None where nothing is there to divide by."""
    return amount / divisor if divisor else None

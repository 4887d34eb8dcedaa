"""Disruption budgets: each limits something, holds for some machine, and has windows that open."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.files import shown

if TYPE_CHECKING:
    from sovereign_ai.spec.disruption import DisruptionBudget, MaintenanceWindow
    from sovereign_ai.spec.factory import AIFactory

_WEEK = 7 * 86_400


def check_disruption_budgets(factory: AIFactory) -> Iterator[Problem]:
    """Refuse budgets that limit nothing or hold for nothing, and windows that never open or have no clock."""
    for index, budget in enumerate(factory.disruption_budgets):
        field = f"disruption_budgets[{index}]"
        yield from _check_limit(budget, field)
        if budget.tenants and not factory.pools_of(budget):
            message = f"no pool of budget {budget.name!r} lies in a zone of its tenants"
            hint = "name tenants of a zone that has one of the pools, or leave them out"
            yield Problem("empty-budget", message, Where(field=f"{field}.tenants"), hint)
        for number, window in enumerate(budget.windows):
            yield from _check_window(window, f"{field}.windows[{number}]")


def _check_limit(budget: DisruptionBudget, field: str) -> Iterator[Problem]:
    if budget.max_unavailable is None and not budget.windows:
        message = f"budget {budget.name!r} limits nothing: it has neither max_unavailable nor windows"
        hint = "write max_unavailable: 2, or windows: [{start: '22:00', duration: 6 h}]"
        yield Problem("empty-budget", message, Where(field=field), hint)


def _check_window(window: MaintenanceWindow, field: str) -> Iterator[Problem]:
    if window.duration.count > _WEEK:
        message = f"a window that opens every week is open for {window.duration}: always"
        hint = "write at most 7 d; without windows, machines are drained at any time"
        yield Problem("out-of-range", message, Where(field=f"{field}.duration"), hint)
    known = _time_zones()
    if window.time_zone not in known:
        message = f"the time zone database has no {shown(window.time_zone)}"
        hint = nearest(window.time_zone, sorted(known)) if known else "install tzdata on this computer"
        yield Problem("unknown-name", message, Where(field=f"{field}.time_zone"), hint)


@cache
def _time_zones() -> frozenset[str]:
    """Return the names in the time zone database, which opens each of its files to tell."""
    return frozenset(zoneinfo.available_timezones())

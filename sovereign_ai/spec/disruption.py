"""Disruption budgets: how many machines may be out of work at a time, and when machines may be drained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from sovereign_ai.spec.base import Count, Model, Name, Text
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.units import Percent, Seconds

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    TextForm("bad-time", "a time of day, such as 22:00", digits=True),
]
"""A time of day, `00:00` to `23:59`."""


class MaintenanceWindow(Model):
    """A time that comes every week, on one day or on several."""

    days: tuple[Weekday, ...] = ()
    """The days on which it opens; left out, every day."""
    start: TimeOfDay
    """When it opens, as the clocks of its time zone show it. A time that they skip is that of the clock
    before the change; of one that they show twice the first counts (RFC 5545, 3.3.5)."""
    duration: Seconds
    """How long it stays open, at most a week. It passes as on a stopwatch: on a day on which the clocks
    change, it closes an hour earlier or later by the clock."""
    time_zone: Text = "UTC"
    """Time zone of the IANA database, such as `Europe/Berlin`."""


class DisruptionBudget(Model):
    """What repair may take out of work at a time, and when; of several budgets of a machine all hold."""

    name: Name
    """Unique in the factory."""
    pools: tuple[Name, ...] = ()
    """Its pools; left out, all of them."""
    tenants: tuple[Name, ...] = ()
    """Tenants; of the pools, those in the zones of one of them count. Left out, all."""
    max_unavailable: Count | Percent | None = None
    """The most machines that may be out of work at a time, whoever took them out: a number, or a share such
    as `10 %` that is rounded down, but at least 1. Left out, no limit."""
    windows: tuple[MaintenanceWindow, ...] = ()
    """When running work may be drained: while one of them is open. Left out, at any time."""

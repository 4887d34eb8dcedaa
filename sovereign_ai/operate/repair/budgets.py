"""Disruption budgets at work: how many machines are out of work, and whether a window is open.

A window opens at a time of day of its time zone and stays open for a duration that passes as on a stopwatch
(RFC 5545, 3.3.5): of a time that the clocks show twice the first counts, and one that they skip is that of
the clock before the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory, MaintenanceWindow
from sovereign_ai.text import counted
from sovereign_ai.units import Percent

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `datetime.weekday`."""
_LOOK_BACK, _LOOK_AHEAD = 8, 9
"""Days: a window is open for a week at most, comes every week, and days of two time zones differ by one."""


@frozen_dataclass
class Budget:
    """A disruption budget of one cluster's machines.

    Attributes:
        name: its name.
        machines: the machines that it holds for.
        most: how many of them may be out of work at a time; None for any number.
        windows: when running work may be drained; empty for any time.
    """

    name: str
    machines: frozenset[str]
    most: int | None = None
    windows: tuple[MaintenanceWindow, ...] = ()

    def closed(self, now: datetime) -> str:
        """Return why nothing may be drained at a moment, for a person; empty if it may."""
        if not self.windows or is_open(self.windows, now):
            return ""
        opens = next_opening(self.windows, now)
        return f"the maintenance window of budget {self.name} opens at {opens:%Y-%m-%dT%H:%MZ}"

    def full(self, out: Sequence[str]) -> str:
        """Return why no more machines may be taken out of work, for a person; empty if some may.

        Args:
            out: its machines that are out of work.
        """
        if self.most is None or len(out) < self.most:
            return ""
        named = ", ".join(sorted(out)[:3]) + (", ..." if len(out) > 3 else "")
        machines_text = counted(len(out), "machine is", "machines are")
        return f"budget {self.name}: {machines_text} out of work, of at most {self.most}: {named}"


def budgets_of(factory: AIFactory, plan: Plan, cluster: str) -> tuple[Budget, ...]:
    """Return the disruption budgets that hold for machines of a cluster.

    A budget over several clusters holds in each of them by itself: no controller sees two.

    Raises:
        KeyError: the plan has no such cluster.
    """
    nodes = plan.nodes_of(cluster)
    budgets = []
    for described in factory.disruption_budgets:
        pools = factory.pools_of(described)
        machines = frozenset(node.name for node in nodes if node.pool in pools)
        if machines:
            most = _most(described.max_unavailable, len(machines))
            budgets.append(Budget(described.name, machines, most, described.windows))
    return tuple(budgets)


def _most(limit: int | Percent | None, machines: int) -> int | None:
    """Return how many machines may be out of work: a share rounded down, but at least one."""
    return max(1, int(limit.of(machines))) if isinstance(limit, Percent) else limit


def is_open(windows: Iterable[MaintenanceWindow], now: datetime) -> bool:
    """Return whether one of some windows is open at a moment; at its end it is not any more."""
    for window in windows:
        for opens in _openings(window, now):
            if opens <= now < opens + timedelta(seconds=window.duration.count):
                return True
    return False


def next_opening(windows: Iterable[MaintenanceWindow], now: datetime) -> datetime:
    """Return the first moment after now at which one of some windows opens, in UTC."""
    later = [opens for window in windows for opens in _openings(window, now) if opens > now]
    return min(later)


def _openings(window: MaintenanceWindow, now: datetime) -> Iterator[datetime]:
    """Yield the moments around now at which a window opens, in UTC."""
    zone = ZoneInfo(window.time_zone)
    start = time.fromisoformat(window.start)
    today = now.astimezone(zone).date()
    for days in range(-_LOOK_BACK, _LOOK_AHEAD):
        day = today + timedelta(days=days)
        if not window.days or _DAYS[day.weekday()] in window.days:
            # Without a fold: the first of a time shown twice, the clock before the change of a skipped one.
            yield datetime.combine(day, start, zone).astimezone(UTC)

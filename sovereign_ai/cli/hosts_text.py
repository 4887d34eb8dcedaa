"""What `hosts` says to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.cli.output import wrapped

if TYPE_CHECKING:
    from sovereign_ai.deploy.hosts import Outcome
    from sovereign_ai.render.hosts.inventory import Inventory


def roles_of(part: Inventory) -> str:
    """Give the roles of a unit's hosts in one line."""
    names = dict.fromkeys(group for one in part.hosts for group in one.groups if group == "switches" or group.startswith("role_"))
    return " ".join(name.removeprefix("role_") for name in names)


def told(outcome: Outcome) -> list[str]:
    """Say what came of each host: a line a host, and below it what differs, what failed, and what a role noted."""
    lines: list[str] = []
    for one in outcome.results:
        lines += wrapped(f"{one.state:<11} {one.host}" + (f": {one.failure}" if one.failure else ""))
        for change in one.changes:
            lines.append(f"    {change.role}: {change.task}" + (f" ({change.item})" if change.item else ""))
            lines += [f"      {line}" for line in change.diff.splitlines()]
        lines += [line for note in one.notes for line in wrapped(f"note: {note}", "    ")]
    counts = outcome.to_data()["states"]
    lines.append(", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) + f" in {outcome.seconds:.0f} s")
    return [*lines, *([outcome.stopped] if outcome.stopped else [])]

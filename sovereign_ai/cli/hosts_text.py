"""The text output of `hosts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.cli.output import wrapped

if TYPE_CHECKING:
    from sovereign_ai.deploy.hosts import HostResult, HostRun
    from sovereign_ai.render.hosts import HostInventory


def roles_of(part: HostInventory) -> str:
    """Return the roles of a unit's hosts in one line, in the order in which they first occur."""
    roles: dict[str, None] = {}
    for host in part.hosts:
        for group in host.groups:
            # Other groups are units and pools, which have columns of their own.
            if group == "switches" or group.startswith("role_"):
                roles[group.removeprefix("role_")] = None
    return " ".join(roles)


def result_lines(outcome: HostRun) -> list[str]:
    """Return the results of a run: each host with its changes, failure and notes, and the counts last."""
    lines: list[str] = []
    for result in outcome.results:
        lines += _host_lines(result)
    counts = [f"{count:,} {state}" for state, count in sorted(outcome.to_data()["states"].items())]
    lines.append(f"{', '.join(counts)} in {outcome.seconds:.0f} s")
    if outcome.stopped:
        lines.append(outcome.stopped)
    return lines


def _host_lines(result: HostResult) -> list[str]:
    """Return the result of one host."""
    failure = f": {result.failure}" if result.failure else ""
    lines = wrapped(f"{result.state:<11} {result.host}{failure}")
    for change in result.changes:
        item = f" ({change.item})" if change.item else ""
        lines.append(f"    {change.role}: {change.task}{item}")
        # A difference is not wrapped: it shows a file's lines as they are.
        lines += [f"      {line}" for line in change.diff.splitlines()]
    for note in result.notes:
        lines += wrapped(f"note: {note}", "    ")
    return lines

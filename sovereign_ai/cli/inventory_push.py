"""`inventory push`: write the plan's inventory to a NetBox by its REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, problem_lines, table, wrapped
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.errors import Problem
    from sovereign_ai.operate.netbox import CableStatuses, PushDifference, PushOutcome

_QUIET_SECONDS = 2.0
"""Seconds without progress at the beginning: what ends before needs none."""
_MOST_LISTED = 10
"""Objects of each kind and action that are listed without `--all`."""


@frozen_dataclass
class _PushOptions:
    """What was asked for."""

    url: str
    token_file: Path | None
    authorities: Path | None
    dry_run: bool
    yes: bool
    mass_deletion: bool
    every: bool
    observed: Path | None
    macs: Path | None


def add(group: typer.Typer) -> None:
    """Add the command."""

    @group.command(
        "push",
        **example("sovereign-ai inventory push stacks/lab --url https://netbox.example --token-file t"),
    )
    def push(
        stack: DescriptionArgument,
        url: Annotated[str, typer.Option("--url", metavar="URL", help="NetBox's address: https://HOST.")],
        token_file: Annotated[
            Path | None,
            typer.Option(
                "--token-file",
                metavar="FILE",
                help="File of mode 0600 with the token; left out, SOVEREIGN_AI_NETBOX_TOKEN holds it.",
            ),
        ] = None,
        authorities: Annotated[
            Path | None,
            typer.Option(
                "--ca", metavar="FILE", help="Certificates of who signed NetBox's; left out, the system's."
            ),
        ] = None,
        observed: Annotated[
            Path | None,
            typer.Option(
                "--observed",
                metavar="FOLDER",
                help="Reports as 'fabric observe' reads them: cables get the status that was seen.",
            ),
        ] = None,
        macs: Annotated[
            Path | None,
            typer.Option("--macs", metavar="FILE", help="CSV 'machine,mac', for MAC and neighbour tables."),
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Say what would be done; only read from NetBox.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
        mass_deletion: Annotated[
            bool,
            typer.Option(
                "--allow-mass-deletion", help="Delete even more than half of this factory's objects."
            ),
        ] = False,
        every: Annotated[
            bool, typer.Option("--all", help=f"List every object, not the first {_MOST_LISTED} of a kind.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write the plan's inventory into a NetBox.

        Only objects that carry this factory's mark are changed or deleted. Exit 3: others stand in the way.
        """
        options = _PushOptions(
            url, token_file, authorities, dry_run, yes, mass_deletion, every, observed, macs
        )
        run_command("inventory push", as_json, lambda output: _push(output, stack, options))


def _push(output: Output, path: Path, options: _PushOptions) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import EnvironmentLacksError, ExitCode
    from sovereign_ai.operate.netbox import (
        NetBoxConnection,
        Push,
        compare,
        parse_netbox_url,
        planned_objects,
        read_held,
        read_token,
        with_statuses,
    )

    address, token = parse_netbox_url(options.url), read_token(options.token_file)
    progress = _late(output.progress)
    connection = NetBoxConnection(address, token, options.authorities, output.progress)
    stack = open_stack(path)
    progress(f"planning {path}")
    planned = planned_objects(stack.factory, stack.plan)
    statuses, unread = _observed(stack, options)
    if statuses is not None:
        planned = with_statuses(planned, statuses)
    progress(f"reading NetBox at {address}")
    held = read_held(connection, stack.factory.name, planned, progress)
    if held.foreign:
        raise EnvironmentLacksError([foreign.to_problem(held.factory) for foreign in held.foreign])
    difference = compare(planned, held, () if statuses is None else statuses.unplanned)
    data: dict[str, Any] = {"factory": held.factory, "url": str(address), "netbox": held.version}
    data |= {"kinds": difference.counts(), "changes": [change.to_data() for change in difference.changes]}
    observed = list(_observed_lines(statuses, unread))
    if statuses is not None:
        problems = {"unread": [problem.to_data() for problem in unread]}
        data["observed"] = merged(statuses.to_data(), problems)
    lines = [*_difference_lines(difference, every=options.every), *observed]
    if options.dry_run or not difference.writes:
        lines.append(_closing(difference, address=str(address)))
        output.finish({**data, "written": False}, lines)
        return
    _require_permission(difference, options)
    _confirm(lines, f"write {counted(difference.writes, 'object')} to {address}?", options.yes, output)
    outcome = Push(connection, held, progress).apply(difference)
    lines = [*observed, *_outcome_lines(outcome, str(address))]
    data |= {"written": True, "done": _done(outcome), "waiting": outcome.waiting}
    data["problems"] = [problem.to_data() for problem in outcome.problems]
    output.finish(data, lines, ExitCode.DEPLOYMENT if outcome.problems else ExitCode.OK)


def _observed(stack: Stack, options: _PushOptions) -> tuple[CableStatuses | None, tuple[Problem, ...]]:
    """Return the status of cables by the reports, and the files that cannot be read; None without reports.

    Raises:
        UsageError: the folder holds no report, or addresses are given without it.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.operate import observe
    from sovereign_ai.operate.netbox import cable_statuses
    from sovereign_ai.render.interop import read_macs

    if options.observed is None:
        if options.macs is None:
            return None, ()
        message = "--macs is read only together with --observed"
        raise UsageError(Problem("no-reports", message, hint="name the folder of reports by --observed"))
    macs = read_macs(options.macs, stack.plan) if options.macs else {}
    observation = observe(stack.factory, stack.plan, options.observed, macs=macs)
    return cable_statuses(observation), observation.unread


def _observed_lines(statuses: CableStatuses | None, unread: Iterable[Problem]) -> Iterator[str]:
    """Yield what the reports say of cables, and which of them cannot be read."""
    if statuses is None:
        return
    for problem in unread:
        yield from problem_lines(problem.lines)
    yield from wrapped(statuses.text)


def _difference_lines(difference: PushDifference, *, every: bool) -> Iterator[str]:
    """Yield what is to be done: each object, and a table by kind."""
    left: dict[tuple[str, str], int] = {}
    for change in difference.changes:
        place = (change.kind, change.action)
        left[place] = left.get(place, 0) + 1
        if every or left[place] <= _MOST_LISTED:
            yield from wrapped(change.line)
    for (kind, action), number in left.items():
        if not every and number > _MOST_LISTED:
            yield f"{action} {kind}: {number - _MOST_LISTED:,} more; --all lists them"
    rows = []
    for kind, counts in difference.counts().items():
        if any(counts.values()):
            rows.append((kind, *counts.values()))
    yield from table(("kind", "create", "change", "delete", "leave", "same"), rows)


def _closing(difference: PushDifference, address: str) -> str:
    """Return the last line of a run that writes nothing."""
    if not difference.writes:
        return f"NetBox at {address} is as planned; nothing to do"
    return f"{counted(difference.writes, 'object')} would be written to {address}; nothing was"


def _require_permission(difference: PushDifference, options: _PushOptions) -> None:
    """Refuse to delete most of a factory unless that was asked for.

    Raises:
        UsageError: it was not.
    """
    from sovereign_ai.errors import Problem, UsageError

    deletions = len(difference.of("delete"))
    if options.mass_deletion or deletions * 2 <= difference.held:
        return
    objects_text = counted(difference.held, "object")
    message = f"{deletions:,} of this factory's {objects_text} in NetBox would be deleted"
    hint = "look by --dry-run; add --allow-mass-deletion where that is meant"
    raise UsageError(Problem("mass-deletion", message, hint=hint))


def _confirm(lines: list[str], question: str, yes: bool, output: Output) -> None:
    """Ask before anything is written.

    Raises:
        UsageError: the answer was no, or there is no terminal to ask on.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.text import clean

    if yes:
        return
    if output.as_json or not typer.get_text_stream("stdin").isatty():
        message = f"standard input is no terminal to ask on: {question}"
        raise UsageError(Problem("unconfirmed", message, hint="add --yes, or look first by --dry-run"))
    for line in lines:
        typer.echo(clean(line), err=True)
    if not typer.confirm(question, err=True):
        raise UsageError(Problem("unconfirmed", "nothing was written"))


def _done(outcome: PushOutcome) -> dict[str, dict[str, int]]:
    """Return kind to the number of objects by action."""
    done: dict[str, dict[str, int]] = {}
    for (kind, action), number in outcome.done.items():
        done.setdefault(kind, {})[action] = number
    return done


def _outcome_lines(outcome: PushOutcome, address: str) -> Iterator[str]:
    """Yield what was written, and what was not."""
    rows = []
    for kind, counts in _done(outcome).items():
        rows.append((kind, *(counts.get(action, 0) for action in ("create", "change", "delete"))))
    if rows:
        yield from table(("kind", "created", "changed", "deleted"), rows)
    for problem in outcome.problems:
        yield from problem_lines(problem.lines)
    if outcome.waiting:
        objects_text = counted(outcome.waiting, "object is", "objects are")
        yield f"{objects_text} left to write: run it again, it goes on from there"
    yield f"wrote {counted(outcome.written, 'object')} to NetBox at {address}"


def _late(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that reports progress once the command has taken a while."""
    started = time.monotonic()

    def report(line: str) -> None:
        if time.monotonic() - started >= _QUIET_SECONDS:
            progress(line)

    return report

"""`acceptance`: the tests that a site must pass before it is accepted, and the judgement of their results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, continued, table, wrapped

_MOST_OUTCOMES = 40
"""Failed tests that are listed as text; JSON has all of them."""
_MOST_SUBJECTS = 2
"""Subjects that the line of a test names as examples."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="List the acceptance tests of machines, rails, units and sites, and judge their results.",
    )
    app.add_typer(group, name="acceptance")

    @group.command("plan", **example("sovereign-ai acceptance plan stacks/lab"))
    def plan(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Print every test with its command and its limits, from the plan."""
        run_command("acceptance plan", as_json, lambda output: _plan(output, stack))

    @group.command("judge", **example("sovereign-ai acceptance judge stacks/lab results/"))
    def judge(
        stack: DescriptionArgument,
        files: Annotated[
            list[Path],
            typer.Argument(help="Result files SUBJECT.TEST.ENDING, such as train-001.links.txt, or folders."),
        ],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge the outputs of tools.

        Exit 1 names each planned figure that was missed, and what was not run.
        """
        run_command("acceptance judge", as_json, lambda output: _judge(output, stack, files))


def _plan(output: Output, path: Path) -> None:
    from sovereign_ai.assess.acceptance import sheet
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    test_sheet = sheet(stack.factory, stack.plan)
    lines: list[str] = []
    for test in test_sheet.tests:
        examples = ", ".join(test.subjects[:_MOST_SUBJECTS])
        if len(test.subjects) > _MOST_SUBJECTS:
            examples += ", …"
        title = f"{test.level} {test.name}: {test.group}"
        lines += wrapped(f"{title}, {len(test.subjects):,} x ({examples})")
        lines += continued(test.command, "  ")
        for limit in test.limits:
            lines += wrapped(f"{limit}: {limit.planned}", "  ")
    for reason in test_sheet.untested:
        lines += wrapped(f"not tested: {reason}")
    output.finish({"sheet": test_sheet.to_data()}, lines)


def _judge(output: Output, path: Path, places: list[Path]) -> None:
    from sovereign_ai.assess.acceptance import State, judge, sheet
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    # The files come first: a wrong name is reported before the stack is planned.
    results = _read_results(places)
    stack = open_stack(path)
    verdict = judge(sheet(stack.factory, stack.plan), results)
    states: tuple[State, ...] = ("passed", "missed", "unreadable", "not run")
    rows = []
    for level, counts in verdict.counts().items():
        rows.append((level, *(f"{counts.get(state, 0):,}" for state in states)))
    lines = table(["", *states], rows)
    failed = [outcome for outcome in verdict.outcomes if outcome.state in ("missed", "unreadable")]
    for outcome in failed[:_MOST_OUTCOMES]:
        lines.append(f"{outcome.state} {outcome.subject} {outcome.test}")
        for detail in (*outcome.misses, *outcome.details):
            lines += wrapped(str(detail), "  ")
    if len(failed) > _MOST_OUTCOMES:
        lines.append(f"and {len(failed) - _MOST_OUTCOMES:,} more: --json lists all")
    lines.append("accepted" if verdict.accepted else "not accepted")
    output.finish(verdict.to_data(), lines, ExitCode.OK if verdict.accepted else ExitCode.FINDINGS)


def _read_results(places: list[Path]) -> Mapping[str, str]:
    """Return result files by their names without the last ending; a folder means the files in it.

    Raises:
        UsageError: a path does not exist, a folder is in a folder, or two files have the same name.
    """
    from sovereign_ai.assess.acceptance import results

    return results(places)

"""`acceptance`: what a site must show before it is accepted, and whether it did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table, wrapped

Stack = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]
_MOST_LINES = 40


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Say what machines, rails, units and sites must show, and judge what they did.")
    app.add_typer(group, name="acceptance")

    @group.command("plan", **example("sovereign-ai acceptance plan stacks/lab"))
    def plan(stack: Stack = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Print every test with its command and its limits, from the plan."""
        speak("acceptance plan", as_json, lambda output: _plan(output, stack))

    @group.command("judge", **example("sovereign-ai acceptance judge stacks/lab results/"))
    def judge(
        stack: Stack,
        files: Annotated[list[Path], typer.Argument(help="Result files SUBJECT.TEST.ENDING, such as train-001.links.txt, or folders.")],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge tools' outputs; exit 1 names each planned figure that was missed, and what was not run."""
        speak("acceptance judge", as_json, lambda output: _judge(output, stack, files))


def _plan(output: Output, path: Path) -> None:
    from sovereign_ai.assess.acceptance.sheet import sheet
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    found = sheet(stack.factory, stack.plan)
    lines: list[str] = []
    for test in found.tests:
        few = ", ".join(test.subjects[:2]) + (", …" if len(test.subjects) > 2 else "")
        lines += [*wrapped(f"{test.level} {test.name}: {test.group}, {len(test.subjects):,} x ({few})"), f"  {test.command}"]
        lines += [line for limit in test.limits for line in wrapped(f"{limit}: {limit.planned}", "  ")]
    lines += [line for one in found.untested for line in wrapped(f"not tested: {one}")]
    output.finish({"sheet": found.to_data()}, lines)


def _judge(output: Output, path: Path, places: list[Path]) -> None:
    from sovereign_ai.assess.acceptance.judge import State, judge
    from sovereign_ai.assess.acceptance.sheet import sheet
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    texts = _read(places)
    stack = open_stack(path)
    verdict = judge(sheet(stack.factory, stack.plan), texts)
    states: tuple[State, ...] = ("passed", "missed", "unreadable", "not run")
    rows = [(level, *(f"{counts.get(state, 0):,}" for state in states)) for level, counts in verdict.counts().items()]
    lines = table(["", *states], rows)
    told = [one for one in verdict.outcomes if one.state in ("missed", "unreadable")]
    for one in told[:_MOST_LINES]:
        lines += [
            f"{one.state} {one.subject} {one.test}",
            *(f"  {miss}" for miss in one.misses),
            *(f"  {detail}" for detail in one.details),
        ]
    lines += [f"and {len(told) - _MOST_LINES:,} more: --json tells all"] if len(told) > _MOST_LINES else []
    lines += ["accepted" if verdict.accepted else "not accepted"]
    output.finish(verdict.to_data(), lines, ExitCode.OK if verdict.accepted else ExitCode.FINDINGS)


def _read(places: list[Path]) -> dict[str, str]:
    """Read result files by their names without the last ending; a folder stands for the files in it.

    Raises:
        UsageError: a place that is not there, cannot be read as text, or a name that stands twice.
    """
    from sovereign_ai.errors import Problem, UsageError, Where

    found: dict[str, str] = {}
    problems = []
    for place in [file for one in places for file in (sorted(one.iterdir()) if one.is_dir() else [one])]:
        if place.is_dir():
            problems.append(Problem("no-result", "a folder in a folder is not read", Where(file=str(place)), "name that folder itself"))
            continue
        name = place.name.rpartition(".")[0]
        if name in found:
            problems.append(Problem("result-twice", f"{name!r} stands twice", Where(file=str(place)), "keep one file a subject and test"))
        try:
            found[name] = place.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            problems.append(
                Problem("no-result", error.strerror or "it cannot be read", Where(file=str(place)), "name result files or folders")
            )
    if problems:
        raise UsageError(problems)
    return found

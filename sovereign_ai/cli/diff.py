"""`diff`: compare two descriptions and all that is derived from them, to review a change."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.attest import Side
    from sovereign_ai.cli.stack import Stack


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("diff", **example("sovereign-ai diff stacks/lab stacks/superpod"))
    def diff(
        left: DescriptionArgument,
        right: Annotated[Path, typer.Argument(help="The other one.")],
        on: Annotated[
            str | None,
            typer.Option(
                "--on", metavar="DAY", help="The day that counts, such as 2026-12-31; left out, today."
            ),
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Compare fields, plan, findings, sovereignty, power and cost; exit code 1 where they differ."""
        run_command("diff", as_json, lambda output: _diff(output, left, right, on))


def _diff(output: Output, left: Path, right: Path, on: str | None) -> None:
    from sovereign_ai.attest import compare
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    now = day(on)
    # Both are read first: a misspelt second name is told at once, and not after the first was assessed.
    stacks = open_stack(left), open_stack(right)
    comparison = compare(_side(left, stacks[0], now), _side(right, stacks[1], now))
    code = ExitCode.FINDINGS if comparison.differs else ExitCode.OK
    output.finish(comparison.to_data(), comparison.lines(), code)


def _side(path: Path, stack: Stack, now: date) -> Side:
    """Return one of the two stacks as it is compared, with its sovereignty evidence."""
    from sovereign_ai.attest import compared_side
    from sovereign_ai.sovereignty import read_evidence

    return compared_side(str(path), stack.factory, stack.plan, now=now, evidence=read_evidence(stack.folder))

"""`diff`: two descriptions side by side; the review tool for a change."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.attest.compare import Side


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("diff", **example("sovereign-ai diff stacks/lab stacks/superpod"))
    def diff(
        left: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")],
        right: Annotated[Path, typer.Argument(help="The other one.")],
        on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day that counts, 2026-12-31; left out, today.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Compare fields, plan, findings, sovereignty, power and cost; exit code 1 where they differ."""
        speak("diff", as_json, lambda output: _diff(output, left, right, on))


def _diff(output: Output, left: Path, right: Path, on: str | None) -> None:
    from sovereign_ai.attest.compare import compare
    from sovereign_ai.cli.report import day
    from sovereign_ai.errors import ExitCode

    now = day(on)
    found = compare(_side(left, now), _side(right, now))
    output.finish(found.to_data(), found.lines(), ExitCode.FINDINGS if found.differs else ExitCode.OK)


def _side(path: Path, now: date) -> Side:
    """Read one of the two."""
    from sovereign_ai.assess.sovereignty.evidence import read_evidence
    from sovereign_ai.attest.compare import side
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    return side(str(path), stack.factory, stack.plan, now=now, evidence=read_evidence(stack.folder))

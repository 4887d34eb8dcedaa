"""`plan`: derive the plan of a description, as tables, a picture or the canonical JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.files.writing import write


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("plan", **example("sovereign-ai plan stacks/lab --picture plan.svg"))
    def plan(
        stack: Annotated[
            Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")
        ] = Path(),
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write the canonical JSON to a file.")
        ] = None,
        picture: Annotated[
            Path | None, typer.Option("--picture", help="Draw racks and fabric into an SVG file.")
        ] = None,
        why: Annotated[
            bool, typer.Option("--why", help="Show the formula and inputs behind each number.")
        ] = False,
        phase: Annotated[
            str | None,
            typer.Option("--phase", metavar="NAME", help="Show one phase of construction and what it adds."),
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Derive racks, fabric, power, storage and clusters; `--json` prints the canonical plan."""
        if phase is not None:
            run_command("plan", as_json, lambda output: _phase(output, stack, phase))
            return
        run_command("plan", as_json, lambda output: _plan(output, stack, out, picture, why))


def _phase(output: Output, path: Path, name: str) -> None:
    from sovereign_ai.cli.phase_text import phase_data, phase_lines
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    data = phase_data(stack.factory, stack.plan, name)
    output.finish(data, list(phase_lines(data, stack.plan.phases)))


def _plan(output: Output, path: Path, out: Path | None, picture: Path | None, why: bool) -> None:
    from sovereign_ai.cli.plan_text import summary_lines
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.plan import summary

    # Checked before anything is planned or written.
    if picture is not None and not picture.name.endswith(".svg"):
        message = f"{picture}: unknown picture format: use .svg"
        raise UsageError(Problem("bad-output", message, hint="end it in .svg"))
    stack = open_stack(path)
    written = []
    if out is not None:
        write(out, stack.plan.canonical)
        written.append(f"wrote {out}")
    if picture is not None:
        from sovereign_ai.render import draw_plan as draw

        write(picture, draw(stack.plan))
        written.append(f"wrote {picture}")
    if output.as_json:
        # The bytes of the canonical form, of which the plan's digest is made; nothing may be sorted or
        # escaped anew.
        sys.stdout.flush()
        sys.stdout.buffer.write(stack.plan.canonical + b"\n")
        return
    tables = summary_lines(summary(stack.plan), why=why, notes=stack.plan.notes)
    output.finish({}, [*tables, *written])

"""`plan`: derive the plan of a description, as tables, a picture or the canonical JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.files.writing import write
from sovereign_ai.frozen_dataclass import frozen_dataclass


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("plan", **example("sovereign-ai plan stacks/lab --picture plan.svg"))
    def plan(
        stack: DescriptionArgument = Path(),
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
        cables: Annotated[
            bool,
            typer.Option(
                "--cables", help="Show the order list: cables, transceivers, fibres, panels, spares."
            ),
        ] = False,
        order: Annotated[
            Path | None, typer.Option("--order", metavar="FILE.csv", help="Write the order list as CSV.")
        ] = None,
        figures: Annotated[
            Path | None, typer.Option("--figures", "-f", help="Your own prices for the order list, in YAML.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Derive racks, fabric, power, storage and clusters; `--json` prints the canonical plan."""
        if cables or order is not None or figures is not None:
            wish = _Order(stack, phase, order, figures, why)
            if out is not None or picture is not None:
                message = (
                    "--cables, --order and --figures show the order list, without the plan or its picture"
                )
                hint = "leave out --output and --picture; '--order FILE.csv' writes the order list"
                problem = Problem("contradiction", message, hint=hint)
                run_command("plan", as_json, lambda _: _refuse(problem), outputs=out)
                return
            run_command("plan", as_json, lambda output: _cables(output, wish), outputs=order)
            return
        if phase is not None:
            run_command("plan", as_json, lambda output: _phase(output, stack, phase), outputs=out)
            return
        files = [file for file in (out, picture) if file is not None]
        run_command("plan", as_json, lambda output: _plan(output, stack, out, picture, why), outputs=files)


@frozen_dataclass
class _Order:
    """What is asked of the order list.

    Attributes:
        stack: the stack's folder or description.
        phase: the phase that is asked for alone; None for all.
        file: where it is written as CSV.
        figures: the user's prices.
        why: whether the rules behind it are shown.
    """

    stack: Path
    phase: str | None
    file: Path | None
    figures: Path | None
    why: bool


def _refuse(problem: Problem) -> None:
    raise UsageError(problem)


def _cables(output: Output, wish: _Order) -> None:
    from sovereign_ai.assess.cost import order_csv
    from sovereign_ai.cli.cable_text import order_data, order_lines, ordered
    from sovereign_ai.cli.stack import open_stack

    # Checked before anything is planned or written.
    if wish.file is not None and not wish.file.name.endswith(".csv"):
        message = f"{wish.file}: unknown format of an order list: use .csv"
        raise UsageError(Problem("bad-output", message, hint="end it in .csv"))
    stack = open_stack(wish.stack)
    listed = ordered(stack.factory, stack.plan, wish.phase, wish.figures)
    lines = list(order_lines(listed, why=wish.why))
    if wish.file is not None:
        write(wish.file, order_csv(listed.lines).encode())
        lines.append(f"wrote {wish.file}")
    output.finish(order_data(listed), lines)


def _phase(output: Output, path: Path, name: str) -> None:
    from sovereign_ai.cli.phase_text import phase_data, phase_lines
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    data = phase_data(stack.factory, stack.plan, name)
    output.finish(data, list(phase_lines(data, stack.plan.phases)))


def _plan(output: Output, path: Path, out: Path | None, picture: Path | None, why: bool) -> None:
    from sovereign_ai.cli.budget_text import planned_budget_lines
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
    budgets = planned_budget_lines(stack.factory, stack.plan, why=why)
    output.finish({}, [*tables, *budgets, *written])

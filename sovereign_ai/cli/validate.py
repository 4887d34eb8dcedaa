"""`validate`: every problem of a description, with its line and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("validate", **example("sovereign-ai validate stacks/lab --json"))
    def validate(
        stack: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")] = Path(),
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Check a description, and whether it can be built; it is not planned whole."""
        speak("validate", as_json, lambda output: _validate(output, stack))


def _validate(output: Output, path: Path) -> None:
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.cli.plan_text import wrapped
    from sovereign_ai.errors import SpecError
    from sovereign_ai.plan.feasible import draft
    from sovereign_ai.plan.network_notes import network_notes

    factory = read_description(path)
    found, problems = draft(factory, factory.where)
    if problems:
        raise SpecError(problems)
    counts = {"site": len(factory.sites), "pool": len(factory.pools), "node": sum(pool.nodes for pool in factory.pools)}
    said = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
    notes = list(network_notes(factory, found.shapes, found.storage))
    output.finish(
        {"problems": [], "factory": factory.name, "digest": factory.digest, "notes": notes},
        [f"{factory.name}: fine; {said}", *wrapped(notes), f"digest {factory.digest}"],
    )

"""`init`: create a stack in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, next_line


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("init", **example("sovereign-ai init my-factory"))
    def init(
        folder: Annotated[
            Path, typer.Argument(help="The new stack's folder; its name becomes the factory's.")
        ],
        name: Annotated[
            str, typer.Option(metavar="NAME", help="The factory's name, where it is not the folder's.")
        ] = "",
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Create a stack: a description, a Pulumi program, a schema for the editor."""
        run_command("init", as_json, lambda output: _init(output, folder, name, dry_run))


def _init(output: Output, folder: Path, name: str, dry_run: bool) -> None:
    from sovereign_ai.deploy import scaffold

    # Resolved, so that `.` gives the folder's name.
    factory = name or folder.resolve().name
    written = scaffold(folder, factory, dry_run=dry_run)
    files = [str(file) for file in written]
    verb = "would write" if dry_run else "wrote"
    lines = [f"{verb} {file}" for file in files]
    named = ["--name", name] if name else []
    # There is nothing to plan where nothing was written.
    lines += ["", next_line("init", folder, *named) if dry_run else next_line("plan", folder)]
    output.finish({"files": files, "dry_run": dry_run}, lines)

"""`init`: make a stack in a folder."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("init", **example("sovereign-ai init my-factory"))
    def init(
        folder: Annotated[Path, typer.Argument(help="The new stack's folder; its name becomes the factory's.")],
        name: Annotated[str, typer.Option(metavar="NAME", help="The factory's name, where it is not the folder's.")] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make a stack: a description, a Pulumi program, a schema for the editor."""
        speak("init", as_json, lambda output: _init(output, folder, name or folder.resolve().name, dry_run))


def _init(output: Output, folder: Path, name: str, dry_run: bool) -> None:
    from sovereign_ai.deploy.scaffold import scaffold

    files = scaffold(folder, name, dry_run=dry_run)
    word = "would write" if dry_run else "wrote"
    lines = [f"{word} {file}" for file in files]
    output.finish(
        {"files": [str(file) for file in files], "dry_run": dry_run}, [*lines, "", f"next: sovereign-ai plan {quote(str(folder))}"]
    )

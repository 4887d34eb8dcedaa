"""`schema`: the JSON Schema of a description, for editors and other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, indented_json
from sovereign_ai.files.writing import write


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("schema", **example("sovereign-ai schema -o factory.schema.json"))
    def schema(
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the JSON Schema of a description."""
        run_command("schema", as_json, lambda output: _schema(output, out), outputs=out)


def _schema(output: Output, out: Path | None) -> None:
    from sovereign_ai.spec import schema

    text = indented_json(schema()) + "\n"
    if out is None:
        # The schema is the document, with `--json` and without: nothing is wrapped around it.
        sys.stdout.write(text)
        return
    write(out, text)
    output.finish({"file": str(out)}, [f"wrote {out}"])

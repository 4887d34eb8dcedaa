"""`schema`: the description's JSON Schema, for editors and other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("schema", **example("sovereign-ai schema -o factory.schema.json"))
    def schema(
        out: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the JSON Schema of a description."""
        speak("schema", as_json, lambda output: _schema(output, out))


def _schema(output: Output, out: Path | None) -> None:
    from sovereign_ai.spec.schema import schema as described

    text = orjson.dumps(described(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    save(out, text)
    output.finish({"file": str(out)}, [f"wrote {out}"])

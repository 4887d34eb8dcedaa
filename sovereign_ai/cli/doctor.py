"""`doctor`: what this machine has and what it lacks."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table, wrapped


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor", **example("sovereign-ai doctor --json"))
    def doctor(as_json: Annotated[bool, AsJson] = False) -> None:
        """Check tools, versions and the machine; exit 3 if anything is missing or does not fit."""
        speak("doctor", as_json, _doctor)


def _doctor(output: Output) -> None:
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.toolchain.doctor import doctor

    checks = doctor()
    rows = [("ok" if check.ok else "NO", check.tool, check.found or "-") for check in checks]
    hints = [line for check in checks if not check.ok for line in wrapped(f"{check.tool}: wanted {check.wanted}; {check.hint}")]
    ok = all(check.ok for check in checks)
    lines = [*table(["", "tool", "found"], rows), *hints]
    output.finish({"checks": [check.to_data() for check in checks]}, lines, ExitCode.OK if ok else ExitCode.ENVIRONMENT)

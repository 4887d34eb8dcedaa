"""`doctor`: the tools and settings of this computer that the other commands need."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, table, wrapped


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor", **example("sovereign-ai doctor --json"))
    def doctor(
        from_path: Annotated[
            bool,
            typer.Option(
                "--from-path", help="Look on PATH for missing tools, and run the programs with their names."
            ),
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Check tools, versions and this computer; exit 3 if anything is missing or does not fit."""
        run_command("doctor", as_json, lambda output: _doctor(output, from_path))


def _doctor(output: Output, from_path: bool) -> None:
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.toolchain.doctor import doctor

    checks = doctor(from_path=from_path)
    rows = []
    hints = []
    for check in checks:
        # What may be left out is neither there nor missing.
        mark = ("ok" if check.found else "-") if check.ok else "NO"
        # A remark on what was found has a line of its own, so that the table keeps to 80 columns.
        version, _, remark = (check.found or "-").partition("; ")
        if remark:
            hints += wrapped(f"{check.tool}: {remark}")
        digest = check.digest[:12]
        rows.append((mark, check.tool, version, check.way, digest))
        if not check.ok:
            hints += wrapped(f"{check.tool}: wanted {check.wanted}; {check.hint}")
        elif check.hint:
            hints += wrapped(f"{check.tool}: left out; {check.hint}")
    code = ExitCode.OK if all(check.ok for check in checks) else ExitCode.ENVIRONMENT
    lines = table(["", "tool", "found", "way", "sha256"], rows)
    lines += hints
    data = [check.to_data() for check in checks]
    output.finish({"checks": data}, lines, code)

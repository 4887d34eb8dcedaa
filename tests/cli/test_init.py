"""`init`: a stack that validates at once."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_init_makes_a_stack_that_validates_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    assert call("init", str(folder), "--dry-run").exit_code == 0
    assert not folder.exists()
    assert call("init", str(folder)).exit_code == 0
    assert call("validate", str(folder)).exit_code == 0
    notes = orjson.loads(call("validate", str(folder), "--json").stdout)["notes"]
    # Two machines under a rail-optimised fabric are small: that one switch would do is advice, and nothing
    # else is noted.
    assert all(note.endswith(" would do") for note in notes)
    assert call("check", str(folder)).exit_code == 0, call("check", str(folder)).output
    before = (folder / "factory.yaml").read_text()
    again = call("init", str(folder))
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert (folder / "factory.yaml").read_text() == before


def test_a_dry_run_names_itself_as_the_next_command_since_there_is_nothing_to_plan(tmp_path: Path) -> None:
    folder = str(tmp_path / "new factory")
    tried = call("init", folder, "--name", "fresh", "--dry-run")
    assert tried.stdout.splitlines()[-1] == f"next: sovereign-ai init '{folder}' --name fresh"
    made = call("init", folder, "--name", "fresh")
    assert made.stdout.splitlines()[-1] == f"next: sovereign-ai plan '{folder}'"

"""`inventory`: wrong options, and folders without files."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_folder_without_neighbours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    result = call("inventory", "label", LAB, "--lldp", str(tmp_path), "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["code"] == "no-neighbours"

"""`schema`: the same document on standard output and in a file."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_printed_schema_is_the_written_one_and_sorted(tmp_path: Path) -> None:
    printed = call("schema").stdout
    file = tmp_path / "schema.json"
    result = call("schema", "-o", str(file), "--json")
    assert orjson.loads(result.stdout)["file"] == str(file)
    assert file.read_text(encoding="utf-8") == printed
    keys = list(orjson.loads(printed))
    assert keys == sorted(keys)

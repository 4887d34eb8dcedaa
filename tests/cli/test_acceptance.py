"""`acceptance`: the tests of a plan, and the judgement of results."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_plan_has_tests_with_commands_and_text_and_json_list_the_same() -> None:
    sheet = orjson.loads(call("acceptance", "plan", LAB, "--json").stdout)["sheet"]
    assert sheet["tests"]
    # Commands go on behind a backslash, and instructions below themselves.
    text = call("acceptance", "plan", LAB).stdout.replace(" \\\n      ", " ").replace("\n      ", " ")
    for test in sheet["tests"]:
        assert f"  {test['command']}\n" in text


def test_a_site_whose_tests_were_not_run_or_cannot_be_read_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "train-001.links.txt").touch()
    result = call("acceptance", "judge", LAB, str(tmp_path))
    assert result.exit_code == 1
    assert "unreadable train-001 links" in result.stdout
    assert result.stdout.splitlines()[-1] == "not accepted"

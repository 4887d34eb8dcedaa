"""`state`: the stack that is meant, and questions without a terminal."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.state import _only_stack

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_stack_is_known_by_its_checkpoint_or_its_record_and_only_if_it_is_alone(tmp_path: Path) -> None:
    assert _only_stack(tmp_path, "lab") == ""
    stacks = tmp_path / ".pulumi" / "stacks" / "lab"
    stacks.mkdir(parents=True)
    (stacks / "west.json").touch()
    (stacks / "west.json.bak").touch()
    assert _only_stack(tmp_path, "lab") == "west"
    (tmp_path / "epochs" / "lab" / "east").mkdir(parents=True)
    assert _only_stack(tmp_path, "lab") == ""


def test_a_stack_without_a_state_is_sound_and_needs_no_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    check = call("state", "check", LAB)
    assert (check.exit_code, "there is no state" in check.stdout) == (0, True)
    repair = call("state", "repair", LAB, "--json")
    assert (repair.exit_code, orjson.loads(repair.stdout)["repaired"]) == (0, False)


def test_a_repair_of_no_state_says_the_same_as_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    checked = CliRunner().invoke(app, ["state", "check", LAB]).stdout
    repaired = CliRunner().invoke(app, ["state", "repair", LAB]).stdout
    assert "lab/lab: there is no state\n" in checked
    assert repaired == "there is no state; nothing to repair\n"

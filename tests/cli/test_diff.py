"""`diff`: two stacks, and one with itself."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_stack_does_not_differ_from_itself_and_two_stacks_do() -> None:
    same = call("diff", LAB, LAB, "--json")
    assert (same.exit_code, orjson.loads(same.stdout)["ok"]) == (0, True)
    other = call("diff", LAB, str(STACKS / "superpod"), "--json")
    assert (other.exit_code, orjson.loads(other.stdout)["ok"]) == (1, False)


def test_a_day_that_is_none_is_bad_input() -> None:
    assert call("diff", LAB, LAB, "--on", "soon").exit_code == 2


def test_a_second_stack_that_is_not_there_is_told_before_the_first_is_assessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sovereign_ai.attest.compared_side", lambda *_, **__: pytest.fail("assessed"))
    told = call("diff", LAB, f"{LAB}x")
    assert told.exit_code == 2
    assert "did you mean 'lab'?" in told.stderr

"""`hosts preview`, `up` and `forget`: errors before Pulumi runs."""

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


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_host_that_the_plan_does_not_have_is_refused_with_the_nearest_name(command: str) -> None:
    result = call("hosts", command, LAB, "--limit", "trian-001", "--json")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert (problem["code"], "train-001" in problem["hint"]) == ("no-host", True)

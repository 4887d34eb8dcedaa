"""`fabric check`: cables that are too short."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_fabric_check_finds_cables_that_do_not_reach(tmp_path: Path) -> None:
    lab = (STACKS / "lab" / "factory.yaml").read_text()
    (tmp_path / "factory.yaml").write_text(lab.replace("name: compute,", "name: compute, reach: 1 m,"))
    text, machine = call("fabric", "check", str(tmp_path)), call("fabric", "check", str(tmp_path), "--json")
    assert text.exit_code == machine.exit_code == 1
    assert "reach 1 m: too short" in text.stdout
    found = orjson.loads(machine.stdout)
    assert found["ok"] is False
    assert [plane["cabling"]["holds"] for plane in found["planes"]] == [False, True, True, True]


@pytest.mark.parametrize("stack", ["lab", "superpod", "gigafactory", "plural"])
def test_no_cable_of_a_stack_is_known_to_be_too_short(stack: str) -> None:
    assert call("fabric", "check", str(STACKS / stack)).exit_code == 0

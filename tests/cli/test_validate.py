"""`validate`: problems and notes of a description."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_json_says_the_same_as_text_with_the_same_exit_code(tmp_path: Path) -> None:
    text, machine = (call("validate", str(tmp_path / "nowhere"), *flags) for flags in ((), ("--json",)))
    assert text.exit_code == machine.exit_code == 2
    problem = orjson.loads(machine.stdout)["problems"][0]
    assert set(problem) == {"code", "file", "line", "column", "field", "message", "hint"}


def test_validate_says_what_is_allowed_and_will_not_carry_what_is_asked(tmp_path: Path) -> None:
    slow = (
        (STACKS / "lab" / "factory.yaml")
        .read_text()
        .replace("rails: 2, radix: 32, link: 400 Gbps", "rails: 2, radix: 32, link: 10 Gbps")
    )
    (tmp_path / "factory.yaml").write_text(slow)
    text, machine = call("validate", str(tmp_path)), call("validate", str(tmp_path), "--json")
    assert text.exit_code == machine.exit_code == 0
    notes = orjson.loads(machine.stdout)["notes"]
    assert "a machine of pool train must reach 8 GB/s" in notes[0]
    assert text.stdout.count("note: ") == len(notes)


@pytest.mark.parametrize("stack", ["lab", "superpod", "gigafactory", "plural"])
def test_every_stack_validates_and_its_objects_pass_the_rules(stack: str) -> None:
    for command in ("validate", "check"):
        result = call(command, str(STACKS / stack), "--json")
        assert result.exit_code == 0, result.output
        assert orjson.loads(result.stdout)["ok"] is True

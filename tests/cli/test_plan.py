"""`plan`: the canonical JSON, and the picture."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_plan_prints_the_canonical_json_alone() -> None:
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.spec.reader import load

    result = call("plan", str(STACKS / "lab"), "--json")
    assert result.stdout.encode() == plan(load(STACKS / "lab")).canonical + b"\n"


def test_a_picture_is_svg_and_any_other_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    made, drawn = tmp_path / "plan.json", tmp_path / "plan.png"
    done = call("plan", str(STACKS / "lab"), "--output", str(made), "--picture", str(drawn), "--json")
    assert done.exit_code == 2
    [problem] = orjson.loads(done.stdout)["problems"]
    assert (problem["code"], problem["hint"]) == ("bad-output", "end it in .svg")
    assert list(tmp_path.iterdir()) == []
    assert call("plan", str(STACKS / "lab"), "--picture", str(tmp_path / "plan.svg")).exit_code == 0
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")

"""`plan --phase`: what one phase of construction is, adds and costs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab" / "factory.yaml"
PHASES = """
phases:
  - {name: opening, ends: 2027-03, pools: [{pool: train, nodes: 8}]}
  - {name: complete, ends: 2027-09}
"""


@pytest.fixture
def phased(tmp_path: Path) -> Path:
    """A lab that is built in two phases, and stands whole."""
    text = LAB.read_text(encoding="utf-8")
    tmp_path.joinpath("factory.yaml").write_text(text + PHASES, encoding="utf-8")
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_phase_says_what_it_adds_and_the_two_are_the_whole(phased: Path) -> None:
    first, last = (
        orjson.loads(call("plan", str(phased), "--phase", name, "--json").stdout)
        for name in ("opening", "complete")
    )
    assert (first["totals"]["nodes"], last["added"]["nodes"], last["totals"]["nodes"]) == (12, 4, 16)
    for field, count in last["totals"].items():
        assert count == first["added"][field] + last["added"][field]
    assert last["cables_added"]["compute-fra1-p0"] == 4 * 8
    # The shares of the tenants are those of the end, so that the first phase is counted and not priced.
    assert first["build_eur"] is None
    assert "gpus" in " ".join(first["needs"]).lower()
    assert last["build_eur"] > 0
    assert last["build_eur_added"] is None


def test_the_cost_of_a_phase_is_what_it_adds_where_both_can_be_planned(phased: Path) -> None:
    description = phased / "factory.yaml"
    text = description.read_text(encoding="utf-8").replace("gpus: 96", "gpus: 64")
    description.write_text(text, encoding="utf-8")
    first, last = (
        orjson.loads(call("plan", str(phased), "--phase", name, "--json").stdout)
        for name in ("opening", "complete")
    )
    assert 0 < first["build_eur"] < last["build_eur"]
    assert last["build_eur_added"] == last["build_eur"] - first["build_eur"]


def test_a_phase_and_the_table_of_phases_fit_a_terminal(phased: Path) -> None:
    shown = call("plan", str(phased), "--phase", "complete").stdout
    assert shown.startswith("phase complete, 2 of 2, ends 2027-09: stands")
    assert max(map(len, shown.splitlines())) <= 80
    whole = call("plan", str(phased)).stdout
    assert max(map(len, whole.splitlines())) <= 80
    [row] = [line for line in whole.splitlines() if line.startswith("complete (now)")]
    assert row.split()[2:5] == ["2027-09", "16", "128"]


@pytest.mark.parametrize(("stack", "words"), [("phased", "no phase is called"), ("lab", "has no phases")])
def test_an_unknown_phase_is_refused(stack: str, words: str, phased: Path) -> None:
    refused = call("plan", str(phased if stack == "phased" else LAB.parent), "--phase", "openin", "--json")
    assert refused.exit_code == 2
    [problem] = orjson.loads(refused.stdout)["problems"]
    assert words in problem["message"]

"""The command group `assess`, as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sovereign_ai.cli import assess

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def _run(*words: str) -> Result:
    app = typer.Typer()
    assess.add(app)
    return CliRunner().invoke(app, ["assess", *words])


@pytest.mark.parametrize("what", ["goodput", "energy", "cost", "sovereignty"])
def test_each_assessment_speaks_to_a_person_and_to_a_machine(what: str):
    day = ("--on", "2026-11-24") if what == "sovereignty" else ()
    told = _run(what, str(STACKS / "lab"), *day)
    assert told.exit_code == 0, told.output
    assert "lab" in told.stdout.splitlines()[0]
    document = json.loads(_run(what, str(STACKS / "lab"), *day, "--json").stdout)
    assert document["command"] == f"assess {what}"
    assert document["assessment"]["factory"] == "lab"


def test_a_users_figure_replaces_ours(tmp_path: Path):
    figures = tmp_path / "figures.yaml"
    figures.write_text("price.dgx-h100: 100000\n")
    document = json.loads(_run("cost", str(STACKS / "lab"), "--figures", str(figures), "--json").stdout)
    price = next(one for one in document["assessment"]["measures"] if one["id"] == "price.dgx-h100")
    assert (price["value"], price["basis"]) == (100000.0, "user")


def test_wrong_options_are_told_without_a_traceback(tmp_path: Path):
    figures = tmp_path / "figures.yaml"
    figures.write_text("price.gold: 1\n")
    for words, code in (
        (("cost", "--figures", str(figures)), "unknown-figure"),
        (("cost", "--focus", "december"), "bad-date"),
        (("cost", "--output", "x.csv"), "bad-option"),
        (("energy", "--wet-bulb", "fra1"), "bad-option"),
        (("energy", "--wet-bulb", f"nowhere={figures}"), "empty-series"),
        (("sovereignty", "--on", "soon"), "bad-date"),
    ):
        result = _run(words[0], str(STACKS / "lab"), *words[1:], "--json")
        assert result.exit_code == 2, words
        assert json.loads(result.stdout)["problems"][0]["code"] == code


def test_a_month_is_written_as_focus_csv(tmp_path: Path):
    file = tmp_path / "cost.csv"
    assert _run("cost", str(STACKS / "lab"), "--focus", "2026-12", "-o", str(file)).exit_code == 0
    assert file.read_text().startswith("BilledCost,BillingAccountId")


def test_a_wet_bulb_series_narrows_the_pue(tmp_path: Path):
    file = tmp_path / "wet.txt"
    file.write_text("\n".join(str(5 + hour % 10) for hour in range(240)))
    told = _run("energy", str(STACKS / "lab"), "--wet-bulb", f"fra1={file}")
    assert "PUE: 1.13" in told.stdout


def test_one_file_of_figures_serves_every_assessment(tmp_path: Path):
    figures = tmp_path / "figures.yaml"
    figures.write_text(
        "price.dgx-h100: 100000\nsite.fra1.started: 20270101\nstall: 5\nsite.fra1.pue: 1.2\njob.train.parameters: 70000000000\n"
    )
    for what in ("goodput", "energy", "cost"):
        assert _run(what, str(STACKS / "lab"), "--figures", str(figures)).exit_code == 0, what


def test_the_list_of_figures_is_a_file_of_figures(tmp_path: Path):
    told = _run("figures", str(STACKS / "lab")).stdout
    assert "# system.dgx-h100.idle:  # W: What does a dgx-h100 draw without work, in watts?" in told
    price = next(line for line in told.splitlines() if line.startswith("# price.dgx-h100: "))
    file = tmp_path / "figures.yaml"
    file.write_text(price.removeprefix("# ") + "\n")
    before, after = (_run("cost", str(STACKS / "lab"), *words).stdout for words in ((), ("--figures", str(file))))
    assert before.splitlines()[2] != after.splitlines()[2]

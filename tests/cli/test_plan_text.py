"""The text of a plan: its width, and power that is not known."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_plan_in_words_fits_a_terminal_of_eighty_columns_and_says_why_on_request() -> None:
    short, long = call("plan", str(STACKS / "lab")), call("plan", str(STACKS / "lab"), "--why")
    assert short.exit_code == long.exit_code == 0
    assert max(map(len, short.stdout.splitlines())) <= 80
    assert len(long.stdout) > len(short.stdout)


def test_power_that_no_source_gives_is_not_told_as_none_in_the_plan() -> None:
    from sovereign_ai.cli.plan_text import summary_lines
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.plan.plan_summary import summary
    from sovereign_ai.spec.reader import load

    shown = call("plan", str(STACKS / "lab")).stdout.splitlines()
    assert "h1    network        2     4  4.0 kW, not all known" in shown
    page = summary(plan(load(STACKS / "lab")))
    page["racks"] = [row | {"most_watts": 0 if row["unknown_power"] else 40_800} for row in page["racks"]]
    told = [line.split(maxsplit=4) for line in summary_lines(page, why=False)]
    assert ["h1", "compute", "4", "12", "40.8 kW"] in told
    assert ["h1", "network", "2", "4", "not known"] in told

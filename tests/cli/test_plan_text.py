"""The text of a plan: its width, and power that is not known."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.plan_text import wrapped

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_plan_in_words_fits_a_terminal_of_eighty_columns_and_says_why_on_request() -> None:
    short, long = call("plan", str(STACKS / "lab")), call("plan", str(STACKS / "lab"), "--why")
    assert short.exit_code == long.exit_code == 0
    assert max(map(len, short.stdout.splitlines())) <= 80
    assert len(long.stdout) > len(short.stdout)


def test_what_holds_of_a_fabric_at_several_sites_is_one_note() -> None:
    same = [f"fabric oob at s{number}: 9 switches" for number in range(5)]
    notes = [*same[:2], "fabric oob at s9: 8 switches", "another", *same[2:], "another"]
    assert list(wrapped(notes)) == [
        "note: fabric oob at s0, s1, s2 and 2 more: 9 switches",
        "note: fabric oob at s9: 8 switches",
        "note: another",
    ]
    assert list(wrapped(same[:2])) == ["note: fabric oob at s0, s1: 9 switches"]


def test_a_power_chain_fits_the_terminal_and_each_element_says_its_rule_on_request() -> None:
    from sovereign_ai.cli.plan_text import summary_lines
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.plan.plan_summary import summary
    from tests.plan.factories import hall, pool
    from tests.plan.power.chains import generators, ups, with_chain

    busbar = {"voltage": "50 V", "current": "1400 A", "sections": 2, "shelf": "gb200-power-shelf"}
    described = with_chain(
        {"generators": generators(fuel="30000 L"), "ups": ups(), "busbar": {**busbar, "shelves": 8}},
        pools=[pool(system="gb200-nvl72-tray", nodes=36)],
        halls=[hall("ha", "hybrid", rack_limit="160 kW")],
    )
    page = summary(plan(described))
    short, long = list(summary_lines(page, why=False)), list(summary_lines(page, why=True))
    assert max(map(len, short)) <= 80
    told = [" ".join(line.split()) for line in short]
    assert "a shelf of gb200-nvl72-tray 33 kW 4 of 8 16.5 kW 26.4 kW 33 kW" in told
    assert "(IEC 62040-3; datasheet" in " ".join(" ".join(long).split())

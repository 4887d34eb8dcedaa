"""`repair simulate`: the table, the JSON document and wrong input, without a cluster."""

from __future__ import annotations

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.repair_months import LeftOut
from sovereign_ai.operate import Safeguard

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")


def call(*options: str) -> Result:
    return CliRunner().invoke(app, ["repair", "simulate", LAB, "--days", "60", "--months", "3", *options])


def test_each_condition_is_a_row_and_the_lines_fit_a_terminal() -> None:
    result = call()
    assert result.exit_code == 0, result.output
    rows = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert [row for row in rows if row.startswith("with")] == [
        "with everything",
        "without spares",
        "without checkpoints",
        "without topology",
        "without repair",
    ]
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "the assessed 0." in result.stdout


def test_what_is_left_out_can_be_chosen_and_the_document_has_all_of_it() -> None:
    document = orjson.loads(call("--without", "spares", "--json", "--jobs", "2").stdout)
    assert [condition["without"] for condition in document["conditions"]] == [None, "spares"]
    assert document["seeds"] == [1, 2, 3]
    assert [each["job"]["name"] for each in document["agreement"]] == ["train-1", "train-2"]


def test_the_faults_of_a_file_are_run_once_also_those_that_no_seed_draws(tmp_path: Path) -> None:
    file = tmp_path / "faults.csv"
    rows = ["seconds,domain,unit,gpu,code,repair", "0,api-server,lab,,0,3600", "60,node,train-003,,0,86400"]
    file.write_text("\n".join(rows) + "\n")
    document = orjson.loads(call("--from", str(file), "--without", "spares", "--json").stdout)
    assert [condition["faults"] for condition in document["conditions"]] == [2, 2]
    assert document["seeds"] == []
    shown = call("--from", str(file), "--without", "spares").stdout
    assert f"as {file} has them" in shown


def test_a_month_is_written_as_open_metrics_text(tmp_path: Path) -> None:
    file = tmp_path / "month.txt"
    result = call("--without", "spares", "--metrics", str(file))
    assert result.stdout.splitlines()[-1] == f"wrote {file}"
    assert file.read_text().splitlines()[-1] == "# EOF"
    assert 'without="spares",part="useful"' in file.read_text()


def test_a_description_with_disruption_budgets_is_told_why_they_change_nothing(tmp_path: Path) -> None:
    text = (Path(LAB) / "factory.yaml").read_text()
    budget = "disruption_budgets: [{name: slow, pools: [train], max_unavailable: 1}]\n"
    (tmp_path / "factory.yaml").write_text(text + budget)
    options = ["--days", "30", "--months", "1", "--without", "spares"]
    shown = CliRunner().invoke(app, ["repair", "simulate", str(tmp_path), *options])
    assert "disruption budgets hold nothing back here" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_the_options_are_those_of_the_simulation() -> None:
    assert {each.value for each in LeftOut} == {each.value for each in Safeguard}
    assert call("--without", "luck").exit_code == 2

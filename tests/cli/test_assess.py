"""The command group `assess`, as a user calls it."""

from __future__ import annotations

import csv
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
        (("cost", "--focus", "2026-13"), "bad-date"),
        (("cost", "--output", "x.csv"), "bad-option"),
        (("energy", "--wet-bulb", "fra1"), "bad-option"),
        (("energy", "--wet-bulb", f"nowhere={figures}"), "empty-series"),
        (("energy", "--hourly", "fra1"), "bad-option"),
        (("energy", "--hourly", f"fra1={tmp_path}/nothing.csv"), "no-file"),
        (("energy", "--store", "fra1=10,5"), "bad-option"),
        (("energy", "--store", "fra1=ten"), "bad-option"),
        (("sovereignty", "--on", "soon"), "bad-date"),
    ):
        result = _run(words[0], str(STACKS / "lab"), *words[1:], "--json")
        assert result.exit_code == 2, words
        assert json.loads(result.stdout)["problems"][0]["code"] == code


def test_hourly_supply_and_load_are_balanced_with_a_battery_and_the_shortfall_is_told(tmp_path: Path):
    file = tmp_path / "north.csv"
    file.write_text("hour,load,wind,base\n0,100,150,0\n1,100,0,40\n2,100,0,0\n")
    words = ("energy", str(STACKS / "gigafactory"), "--hourly", f"north={file}", "--store", "north=1000,30")
    found = json.loads(_run(*words, "--json").stdout)["assessment"]["balances"]["north"]
    # 50 kW are left over in the first hour, of which 30 / 0.88 go in; the battery gives 30 kWh in the second,
    # base 40.
    assert (found["hours"], found["load"], found["short_hours"]) == (3, 300.0, 2)
    assert found["used"] == {"wind": pytest.approx(126.4), "base": 40.0}
    assert found["shortfall"] == pytest.approx(300 - 126.4 - 40)
    assert found["worst_gap"] == pytest.approx(100)
    told = _run(*words).stdout
    assert "hour by hour (3 hours)" in told
    assert "shortfall: 134 kWh in 2 hours, at most 100 kW" in told


def test_what_is_wrong_in_a_file_of_hours_is_told_line_by_line(tmp_path: Path):
    file = tmp_path / "north.csv"
    for text, codes in (
        ("load,wind\n1,x\n1\n", ["bad-number", "uneven-row"]),
        ("load,load\n1,2\n", ["bad-header"]),
        ("load\n", ["empty-series"]),
        ("", ["empty-series"]),
        ("load,wind\n1,-2\n", ["negative-power"]),
        ("load,wnd\n1,2\n", ["unknown-contract"]),
        ("1\n2\n", ["bad-header"]),
        ("hour,100,0.5\n1,2,3\n", ["bad-header"]),
    ):
        file.write_text(text)
        result = _run("energy", str(STACKS / "gigafactory"), "--hourly", f"north={file}", "--json")
        assert result.exit_code == 2
        assert [one["code"] for one in json.loads(result.stdout)["problems"]] == codes, text


def test_of_several_files_that_cannot_be_read_each_is_named(tmp_path: Path):
    options = ("--hourly", "north={}", "--hourly", "south={}", "--wet-bulb", "north={}", "--figures", "{}")
    words, files = [], []
    for number, option in enumerate(options):
        if "{}" in option:
            files.append(str(tmp_path / f"missing-{number}"))
            words.append(option.format(files[-1]))
        else:
            words.append(option)
    result = _run("energy", str(STACKS / "gigafactory"), *words, "--json")
    assert result.exit_code == 2
    assert sorted(one["file"] for one in json.loads(result.stdout)["problems"]) == sorted(files)


def test_a_month_is_written_as_focus_csv(tmp_path: Path):
    file = tmp_path / "cost.csv"
    told = _run("cost", str(STACKS / "lab"), "--focus", "2026-12", "-o", str(file), "--json")
    assert told.exit_code == 0
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert next(iter(rows[0])) == "BilledCost"
    # FOCUS has no empty cost and takes quantities as decimals alone; what has no price is named instead of
    # counted as nothing.
    for row in rows:
        assert all(row[column] for column in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"))
        assert row["PricingQuantity"] == "1.0"
    left_out = json.loads(told.stdout)["left_out"]
    assert left_out
    assert not {row["x_Item"] for row in rows} & set(left_out)


def test_a_wet_bulb_series_narrows_the_pue(tmp_path: Path):
    file = tmp_path / "wet.txt"
    file.write_text("\n".join(str(5 + hour % 10) for hour in range(240)))
    told = _run("energy", str(STACKS / "lab"), "--wet-bulb", f"fra1={file}")
    assert "PUE: 1.13" in told.stdout


def test_impossible_and_misspelt_figures_are_told_together_by_every_assessment(tmp_path: Path):
    figures = tmp_path / "figures.yaml"
    figures.write_text("site.fra1.pue: 0.2\njbo.train.parameters: 7e10\nstall: mine\n")
    for what in ("goodput", "energy", "cost"):
        result = _run(what, str(STACKS / "lab"), "--figures", str(figures), "--json")
        assert result.exit_code == 2, what
        found = json.loads(result.stdout)["problems"]
        codes = ["impossible-figure", "unknown-figure", "bad-number", "bad-figure"]
        assert [(one["code"], one["line"]) for one in found] == list(zip(codes, (1, 2, 2, 3), strict=True))
        assert {one["file"] for one in found} == {str(figures)}


def test_the_list_of_figures_as_it_is_written_changes_nothing(tmp_path: Path):
    file = tmp_path / "figures.yaml"
    file.write_text(_run("figures", str(STACKS / "lab")).stdout)
    plain, listed = (_run("energy", str(STACKS / "lab"), *words) for words in ((), ("--figures", str(file))))
    assert listed.exit_code == 0
    assert listed.stdout == plain.stdout


def test_one_file_of_figures_serves_every_assessment(tmp_path: Path):
    figures = tmp_path / "figures.yaml"
    figures.write_text(
        "price.dgx-h100: 100000\nsite.fra1.started: 20270101\nstall: 5\nsite.fra1.pue: 1.2\njob.train.parameters: 70000000000\n"  # noqa: E501 - one literal text
    )
    for what in ("goodput", "energy", "cost"):
        assert _run(what, str(STACKS / "lab"), "--figures", str(figures)).exit_code == 0, what


def test_the_list_of_figures_is_a_file_of_figures(tmp_path: Path):
    told = _run("figures", str(STACKS / "lab")).stdout
    assert "# system.dgx-h100.idle: 2040  # W [1280 to 3400]: reckoned from the most that it draws" in told
    price = next(line for line in told.splitlines() if line.startswith("# price.dgx-h100: "))
    file = tmp_path / "figures.yaml"
    file.write_text(price.removeprefix("# ") + "\n")
    before, after = (
        _run("cost", str(STACKS / "lab"), *words).stdout for words in ((), ("--figures", str(file)))
    )
    known = "  to build, known part: "
    told = [next(line for line in text.splitlines() if line.startswith(known)) for text in (before, after)]
    assert told[0] != told[1]


@pytest.mark.parametrize("stack", ["gigafactory", "lab", "plural", "superpod"])
@pytest.mark.parametrize("what", ["goodput", "energy", "cost"])
def test_what_is_said_fits_a_terminal_and_its_reasons_too_but_for_addresses(stack: str, what: str):
    runs = ("--runs", "8") if what == "goodput" else ()
    short, long = (
        _run(what, str(STACKS / stack), *runs, *words).stdout.splitlines() for words in ((), ("--why",))
    )
    assert max(map(len, short)) <= 80
    assert [line for line in long if len(line) > 80 and " " in line.strip()] == []
    assert [line for line in long if line in short] == short


@pytest.mark.parametrize("what", ["goodput", "energy", "cost"])
def test_why_gives_below_each_number_its_formula_and_inputs_down_to_every_source(what: str):
    told = _run(what, str(STACKS / "lab"), "--why").stdout
    measures = {
        one["id"]: one
        for one in json.loads(_run(what, str(STACKS / "lab"), "--json").stdout)["assessment"]["measures"]
    }
    reasons: list[str] = []
    # The last paragraph lists names alone.
    for line in told.partition("figures that would close gaps")[0].splitlines():
        if line.startswith("        "):
            reasons[-1] += f" {line.strip()}"
        elif line.startswith("    "):
            reasons.append(line.strip())
    named = {
        reason.partition(" = ")[0].partition(":")[0]: reason
        for reason in reasons
        if reason.partition(" = ")[0].partition(":")[0] in measures
    }
    assert {one["basis"] for one in measures.values()} >= {"plan", "source", "estimate", "open"}
    assert {"system.dgx-h100.peak", "utilisation"} & set(named)
    for name, reason in named.items():
        one = measures[name]
        assert set(one["inputs"]) <= set(named), name
        assert (f" = {one['formula']}" if one["formula"] else one["source"]) in reason
        assert not one["inputs"] or f", from {', '.join(one['inputs'])}" in reason
        assert one["note"] in reason


def test_a_source_is_named_once_and_a_number_that_is_shown_again_says_its_formula_again():
    lines = _run("cost", str(STACKS / "lab"), "--why").stdout.splitlines()
    assert sum(line.startswith("    price.dgx-h100: ") for line in lines) == 1
    at = lines.index(next(line for line in lines if line.startswith("  machines, known part: ")))
    assert lines[at + 1].startswith("    capex.machines.known: ")
    assert next(line for line in lines if line.startswith("    price.sn2201: ")).startswith(
        "    price.sn2201: not known: What does one switch"
    )


def test_a_month_that_is_none_is_shown_as_it_was_written():
    told = _run("cost", str(STACKS / "lab"), "--focus", "dec")
    assert told.exit_code == 2
    assert "'dec' is no month" in told.stderr
    assert "write year and month: --focus 2026-12" in told.stderr


@pytest.mark.parametrize("option", ["--wet-bulb", "--hourly", "--store"])
def test_a_site_has_one_value_of_an_option_and_all_that_is_wrong_is_said(option: str):
    """The last one counted, without a word."""
    texts = ("fra1=1,1", "fra1=2,2", "fra2", "=x", "fra3=")
    done = _run("energy", str(STACKS / "lab"), *(word for text in texts for word in (option, text)), "--json")
    assert done.exit_code == 2
    problems = [problem["message"] for problem in json.loads(done.stdout)["problems"]]
    assert f"{option} fra1 is given twice: '1,1' and '2,2'" in problems
    assert [f"{text!r} is no SITE=" in " ".join(problems) for text in texts[2:]] == [True] * 3


def test_a_file_of_hours_without_a_header_is_named_with_its_first_line(tmp_path: Path):
    file = tmp_path / "hours.csv"
    file.write_text("100\n90\n")
    told = _run("energy", str(STACKS / "lab"), "--hourly", f"fra1={file}")
    assert told.exit_code == 2
    assert (
        f"{file}:1: the first row is numbers, but a header with the contracts' names is expected"
        in told.stderr
    )


JOB = """kind: TrainingJob
name: pretrain
tenant: research
pool: train
nodes: 4
model: {parameters: 7000000000, layers: 32, hidden: 4096, heads: 32, kv_heads: 8, feed_forward: 14336,
  gated: true, vocabulary: 128256, sequence: 8192, precision: bf16}
parallel: {data: 32}
optimizer: {kind: adam, gradients: fp32, sharding: gradients}
attention: fused
recompute: full
micro_batch: 1
checkpoint: {tier: scratch, interval: 30 min}
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "verdict"),
    [
        ("", "", 0, "fits"),
        ("data: 32", "data: 16", 1, "does not fit"),
        ("micro_batch: 1\n", "", 2, "not known"),
    ],
)
def test_the_verdict_on_a_job_is_the_exit_code(old: str, new: str, code: int, verdict: str, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB.replace(old, new) if old else JOB)
    result = _run("job", str(STACKS / "lab"), str(file), "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["assessment"]["verdict"]) == (code, code == 0, verdict)
    shown = _run("job", str(STACKS / "lab"), str(file), "--why")
    assert shown.exit_code == code
    assert "arXiv 1910.02054" in " ".join(shown.stdout.split())


def test_the_objects_of_a_job_are_printed_and_the_verdict_stays_the_exit_code(tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB.replace("data: 32", "data: 16"))
    image = "registry.example.com/ai/train@sha256:" + "a" * 64
    result = _run("job", str(STACKS / "lab"), str(file), "--manifest", image)
    assert result.exit_code == 1
    assert "kind: JobSet" in result.stdout
    assert "does not fit" in result.stderr
    data = json.loads(_run("job", str(STACKS / "lab"), str(file), "--manifest", image, "--json").stdout)
    assert (data["verdict"], [each["kind"] for each in data["objects"]]) == ("does not fit", ["JobSet"])


def test_objects_that_admission_would_refuse_are_not_printed(tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    result = _run("job", str(STACKS / "lab"), str(file), "--manifest", "docker.io/train:latest")
    assert result.exit_code == 2
    assert "kind: JobSet" not in result.stdout
    assert "IMG-001" in result.stderr

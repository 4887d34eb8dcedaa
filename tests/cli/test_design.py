"""`design`: proposals side by side, the chosen one as a stack, and wrong wishes with every reason."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.design import _complete_border, _complete_manager
from sovereign_ai.cli.main import app
from sovereign_ai.spec.reader import load

STACKS = Path(__file__).resolve().parents[2] / "stacks"
SMALL = ("design", "--system", "dgx-h100", "--fabric", "infiniband", "--on", "2026-11-27")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """Write the design of 60 GPUs for which a lost switch costs least."""
    folder = tmp_path_factory.mktemp("design") / "small"
    options = ("--gpus", "60", "--site", "DE", "--objective", "headroom", "-o", str(folder), "--json")
    return call(*SMALL, *options), folder


def test_the_written_stack_is_the_proposal_and_validates_plans_and_checks(
    written: tuple[Result, Path],
) -> None:
    result, folder = written
    assert result.exit_code == 0, result.output
    document = orjson.loads(result.stdout)
    chosen = document["proposals"][document["chosen"] - 1]
    assert "headroom" in chosen["best_for"]
    assert load(folder).digest == chosen["digest"]
    assert load(folder).name == "small"
    for command in ("validate", "plan", "check"):
        done = call(command, str(folder))
        assert done.exit_code == 0, done.output


def test_gpus_that_fill_no_machine_are_rounded_up_and_said(written: tuple[Result, Path]) -> None:
    document = orjson.loads(written[0].stdout)
    assert (document["machines"], document["gpus"]) == (8, 64)
    assert any(note.startswith("60 GPUs are no multiple of the 8") for note in document["notes"])


def test_each_objective_has_a_proposal_and_unknown_prices_are_named(written: tuple[Result, Path]) -> None:
    document = orjson.loads(written[0].stdout)
    named = [objective for proposal in document["proposals"] for objective in proposal["best_for"]]
    assert sorted(named) == ["cost", "headroom", "power", "sovereign"]
    for proposal in document["proposals"]:
        assert "price.sn2201" in proposal["network_and_building_eur"]["unknown"]
        assert proposal["cost"]["capex.total"].get("value") is None
    assert any("lower bound" in note and "price.sn2201" in note for note in document["notes"])


def test_a_figure_of_the_users_own_closes_the_gap_that_was_named(tmp_path: Path) -> None:
    figures = tmp_path / "figures.yaml"
    figures.write_text("price.sn2201: 3000\nprice.link.1: 10\nprice.sn5600: 60000\n")
    result = call(*SMALL, "--gpus", "16", "--site", "DE", "--figures", str(figures), "--json")
    assert result.exit_code == 0, result.output
    for proposal in orjson.loads(result.stdout)["proposals"]:
        assert "price.sn2201" not in proposal["network_and_building_eur"]["unknown"]
        assert "price.link.1" not in proposal["cost"]["capex.total"]["needs"]


def test_a_person_sees_a_table_of_80_columns_and_how_to_write_a_design() -> None:
    result = call(*SMALL, "--gpus", "8", "--site", "fr")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "8 GPUs: 1 dgx-h100 in FR"
    assert max(map(len, lines)) <= 80
    assert lines[-1].startswith("best by cost: 1; write it with -o")


def test_wrong_options_are_reported_together_with_the_nearest_names() -> None:
    options = ("--gpus", "0", "--system", "dgx-h10", "--site", "Germany", "--oversubscription", "1:2")
    result = call("design", *options, "--storage", "much", "--json")
    assert result.exit_code == 2
    problems = {problem["code"]: problem for problem in orjson.loads(result.stdout)["problems"]}
    assert "'dgx-h100'" in problems["unknown-system"]["hint"]
    assert "'DE'" in problems["unknown-site"]["hint"]
    assert len(orjson.loads(result.stdout)["problems"]) == 5


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--gpus", "9999999999", "--site", "DE"), "too-many-machines"),
        (("--gpus", "8", "--site", "DE", "--choose", "1"), "bad-option"),
        (("--gpus", "8", "--site", "DE", "--choose", "0", "-o", "never"), "bad-option"),
        (("--gpus", "8", "--site", "DE", "-o", f"{__file__}/below"), "file-refused"),
        (("--gpus", "8", "--site", str(STACKS / "gigafactory")), "several-sites"),
        (("--gpus", "8", "--site", "nowhere.yaml"), "no-file"),
        (("--gpus", "8", "--site", "DE", "--name", "Not A Name"), "bad-name"),
    ],
)
def test_what_cannot_be_designed_for_is_refused_before_the_search(
    options: tuple[str, ...], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovereign_ai.design.search.compute_fabrics", None)
    result = call(*SMALL, *options, "--json")
    assert result.exit_code == (3 if code == "file-refused" else 2)
    [problem] = orjson.loads(result.stdout)["problems"]
    assert problem["code"] == code


def test_a_number_that_no_proposal_has_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    result = call(*SMALL, "--gpus", "8", "--site", "DE", "-o", str(folder), "--choose", "9", "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["message"] == "--choose: there is no design 9"
    assert not folder.exists()


def test_an_existing_stack_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "factory.yaml").write_text("mine\n")
    result = call(*SMALL, "--gpus", "8", "--site", "DE", "-o", str(tmp_path), "--name", "x")
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert (tmp_path / "factory.yaml").read_text() == "mine\n"


def test_a_described_site_keeps_its_operator_and_its_limits(tmp_path: Path) -> None:
    result = call(*SMALL, "--gpus", "16", "--site", str(STACKS / "lab"), "-o", str(tmp_path / "s"))
    assert result.exit_code == 0, result.output
    factory, lab = load(tmp_path / "s"), load(STACKS / "lab")
    assert factory.operator == lab.operator
    assert factory.sites == lab.sites


def test_a_wish_that_the_site_cannot_hold_ends_with_the_reasons() -> None:
    result = call(*SMALL, "--gpus", "512", "--site", str(STACKS / "lab"), "--json")
    assert result.exit_code == 2
    problems = orjson.loads(result.stdout)["problems"]
    assert problems[0]["code"] == "no-design"
    assert any("budget" in problem["message"] for problem in problems[1:]), problems


def test_a_wrong_field_of_a_site_is_placed_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("name: a\ncountry: DE\npower: {it_budget: 90 kW, feeds: {A: 90 kW}}\nhals: []\n")
    result = call(*SMALL, "--gpus", "8", "--site", str(file), "--json")
    assert result.exit_code == 2
    lines = [problem["line"] for problem in orjson.loads(result.stdout)["problems"]]
    assert 4 in lines


def test_the_shell_completes_the_names_of_systems() -> None:
    from sovereign_ai.cli.design import _complete_system

    assert _complete_system("dgx-h") == ["dgx-h100", "dgx-h200"]


def test_links_to_the_outside_and_management_machines_are_written_and_validate(tmp_path: Path) -> None:
    folder = tmp_path / "bordered"
    wishes = ("--border-ports", "8@100 Gbps", "--management", "5@sys-221h-tnr")
    result = call(*SMALL, "--gpus", "64", "--site", "DE", *wishes, "-o", str(folder), "--json")
    assert result.exit_code == 0, result.output
    document = orjson.loads(result.stdout)
    chosen = document["proposals"][document["chosen"] - 1]
    assert (chosen["outside"]["links"], chosen["outside"]["link_bps"]) == (8, 100 * 10**9)
    factory = load(folder)
    assert [(pool.name, pool.system, pool.nodes, pool.purpose) for pool in factory.pools[1:]] == [
        ("management", "sys-221h-tnr", 5, "management")
    ]
    assert [fabric.name for fabric in factory.fabrics if fabric.border is not None] == ["inband"]
    for command in ("validate", "check"):
        done = call(command, str(folder))
        assert done.exit_code == 0, done.output
    shown = call(*SMALL, "--gpus", "64", "--site", "DE", *wishes)
    assert "to the outside" in shown.output
    assert "5 sys-221h-tnr to manage" in shown.output
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("--border-ports", "0", "no whole number from 1 to 4,096"),
        ("--border-ports", "-8", "no whole number"),
        ("--border-ports", "8@", "--border-ports"),
        ("--border-ports", "8@fast", "--border-ports"),
        ("--border-ports", "8@0 Gbps", "more than nothing"),
        ("--management", "99999999999", "no whole number from 1 to 1,000"),
        ("--management", "5@dgx-h100", "no system without GPUs is called 'dgx-h100'"),
        ("--management", "5@r66", "r660"),
        ("--management", "5@", "no system without GPUs"),
    ],
)
def test_a_wish_that_is_none_is_refused_with_its_option(option: str, text: str, expected: str) -> None:
    result = call(*SMALL, "--gpus", "64", "--site", "DE", option, text)
    assert result.exit_code == 2
    assert expected in result.output


def test_wishes_are_completed() -> None:
    assert _complete_border("") == ["8@100 Gbps", "8@400 Gbps"]
    assert _complete_border("16") == ["16@100 Gbps", "16@400 Gbps"]
    assert _complete_border("16@4") == ["16@400 Gbps"]
    assert "5@r660" in _complete_manager("")
    assert _complete_manager("7@sys") == ["7@sys-221h-tnr"]

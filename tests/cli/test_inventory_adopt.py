"""`inventory adopt`: the part, what it leaves open, the comparison with a stack, and files that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from sovereign_ai.cli import inventory_adopt
from sovereign_ai.cli.main import app
from tests.adopt.round_trip import written
from tests.conftest import STACKS

LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["inventory", "adopt", *arguments])


def document(*arguments: str) -> dict[str, Any]:
    result = call(*arguments, "--json")
    data: dict[str, Any] = orjson.loads(result.stdout)
    return {**data, "exit": result.exit_code}


@pytest.fixture
def slurm(tmp_path: Path) -> Path:
    """A folder with the lab's files for Slurm."""
    for source in written("lab", "slurm"):
        file = tmp_path / "slurm" / Path(source.file).name
        file.parent.mkdir(exist_ok=True)
        file.write_text(source.text, encoding="utf-8")
    return tmp_path / "slurm"


def test_the_part_is_printed_below_what_it_leaves_open(slurm: Path) -> None:
    result = call(str(slurm))
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["pools"] == [
        {"name": "serve", "system": "dgx-h100", "nodes": 4},
        {"name": "train", "system": "dgx-h100", "nodes": 12},
    ]
    comments = [line for line in result.stdout.splitlines() if line.startswith("#")]
    for beginning in (
        "# slurm has no place for: ",
        "# pool train: site, purpose",
        "# left out: 2 x partition",
    ):
        assert any(line.startswith(beginning) for line in comments), beginning


def test_the_document_has_each_list_of_its_own(slurm: Path) -> None:
    data = document(str(slurm))
    assert data["format"] == "slurm"
    assert [Path(file).name for file in data["files"]] == [
        "gres.conf",
        "nodes.conf",
        "topology.conf",
        "topology.yaml",
    ]
    for key in ("questions", "left_out", "cannot_say"):
        assert data[key], key
    assert data["part"]["fabrics"] == [{"name": "compute-fra1", "role": "compute"}]


def test_the_files_of_a_stack_are_equal_to_it(slurm: Path) -> None:
    data = document(str(slurm), "--against", LAB)
    assert (data["exit"], data["comparison"]["equal"]) == (0, True)
    assert "gpus" in data["comparison"]["compared"]


def test_a_difference_is_named_and_ends_with_exit_code_1(slurm: Path) -> None:
    nodes = slurm / "nodes.conf"
    text = nodes.read_text(encoding="utf-8")
    assert "Gres=gpu:8" in text
    (slurm / "gres.conf").unlink()
    nodes.write_text(text.replace("Gres=gpu:8", "Gres=gpu:4", 1), encoding="utf-8")
    result = call(str(slurm), "--against", LAB)
    assert result.exit_code == 1
    assert "# gpus of train-001: 4 in the files, 8 planned" in result.stdout
    # The whole output is still a part of a description.
    assert yaml.safe_load(result.stdout).keys() == {"pools", "fabrics"}


def test_an_existing_file_is_replaced_on_demand_alone(slurm: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.yaml"
    out.write_text("zones: answered\n", encoding="utf-8")
    refused = document(str(slurm), "-o", str(out))
    assert (refused["exit"], refused["problems"][0]["code"]) == (2, "file-exists")
    assert out.read_text(encoding="utf-8") == "zones: answered\n"
    assert call(str(slurm), "-o", str(out), "--replace").exit_code == 0
    assert out.read_text(encoding="utf-8") == call(str(slurm)).stdout
    assert call(str(slurm), "-o", str(tmp_path / "new.yaml")).exit_code == 0


def test_every_problem_of_every_file_is_reported_with_its_place(slurm: Path) -> None:
    (slurm / "topology.yaml").unlink()
    conf = slurm / "topology.conf"
    conf.write_text(conf.read_text(encoding="utf-8") + "SwitchName=a Nodes=train-0[1\n", encoding="utf-8")
    with (slurm / "nodes.conf").open("a", encoding="utf-8") as file:
        file.write("NodeName=train-001\n")
    data = document(str(slurm))
    assert data["exit"] == 2
    assert [problem["code"] for problem in data["problems"]] == [
        "node-twice",
        "bad-host-list",
        "empty-switch",
    ]
    assert all(problem["line"] for problem in data["problems"])


def test_a_model_without_a_system_or_with_two_is_refused(slurm: Path) -> None:
    models = ("train", "a=dgx-h100", "a=dgx-b200")
    data = document(str(slurm), *(word for model in models for word in ("--model", model)))
    assert data["exit"] == 2
    assert sorted(problem["message"] for problem in data["problems"]) == [
        "--model 'train' is no MODEL=SYSTEM",
        "--model a is given twice: 'dgx-h100' and 'dgx-b200'",
    ]


def test_an_unknown_format_has_the_nearest_name(slurm: Path) -> None:
    data = document(str(slurm), "--format", "slurmy")
    assert (data["exit"], data["problems"][0]["hint"]) == (2, "did you mean 'slurm'?")


def test_shells_complete_the_formats() -> None:
    assert inventory_adopt._complete_format("c") == ["containerlab"]
    assert len(inventory_adopt._complete_format("")) == 5


def test_progress_is_silent_at_first_and_reported_after_a_while(
    slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "reading" not in call(str(slurm), "--json").stderr
    monkeypatch.setattr(inventory_adopt, "_QUIET_SECONDS", 0.0)
    told = call(str(slurm), "--against", LAB, "--json").stderr
    for text in ("reading", "deriving", "planning", "comparing"):
        assert text in told

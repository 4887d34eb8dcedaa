"""Local control planes by the command line: which kind is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app


def status(*options: str) -> Result:
    return CliRunner().invoke(app, ["cluster", "status", "nowhere", "--json", *options])


@pytest.mark.parametrize("option", ["--cluster", "--backend"])
@pytest.mark.parametrize("kind", ["embedded", "kind"])
def test_the_old_name_of_the_option_means_the_same(option: str, kind: str) -> None:
    old, new = status(option, kind), status("--cluster", kind)
    assert (old.exit_code, old.stdout) == (new.exit_code, new.stdout)
    assert ("now called --cluster" in old.stderr) is (option == "--backend")


def test_two_names_that_contradict_each_other_are_refused() -> None:
    result = status("--cluster", "kind", "--backend", "embedded")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert problem["code"] == "options-conflict"


def test_help_names_the_new_option_alone() -> None:
    text = CliRunner().invoke(app, ["cluster", "status", "--help"]).stdout
    assert "--cluster" in text
    assert "--backend" not in text


LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object, object]]:
    """Name, wish for Kueue and stack of each control plane that a command starts."""
    from sovereign_ai.cli import real_nodes
    from sovereign_ai.errors import EnvironmentLacksError, Problem

    seen: list[tuple[str, object, object]] = []

    def start(plane: Any, stack: Any, _output: object) -> None:
        seen.append((plane.name, plane.queueing, stack and stack.factory.name))
        raise EnvironmentLacksError(Problem("not-here", "no processes in this test"))

    monkeypatch.setattr(real_nodes, "start", start)
    return seen


def test_up_takes_the_folder_of_a_stack_and_the_name_of_a_cluster(started: list[object]) -> None:
    CliRunner().invoke(app, ["cluster", "up", str(LAB)])
    CliRunner().invoke(app, ["cluster", "up", "lab"])
    assert started == [("lab", None, "lab"), ("lab", None, None)]


def test_a_name_means_a_cluster_also_where_a_folder_is_called_so(
    started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(LAB.parent)
    CliRunner().invoke(app, ["cluster", "up", "lab"])
    assert started == [("lab", None, None)]


def test_the_option_on_kueue_reaches_the_control_plane_of_a_stack(started: list[object]) -> None:
    CliRunner().invoke(app, ["cluster", "up", str(LAB), "--no-queueing"])
    assert started == [("lab", False, "lab")]


@pytest.mark.parametrize("command", ["down", "status", "rotate"])
def test_other_commands_take_the_folder_of_a_stack_too(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    by_name = CliRunner().invoke(app, ["cluster", command, "lab", "--json"])
    by_folder = CliRunner().invoke(app, ["cluster", command, str(LAB), "--json"])
    assert "cluster-name-invalid" not in by_folder.stdout
    assert (by_folder.exit_code, by_folder.stdout) == (by_name.exit_code, by_name.stdout)


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_folder_without_a_description_is_told_what_it_lacks(command: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cluster", command, str(tmp_path), "--json"])
    [problem] = orjson.loads(result.stdout)["problems"]
    assert (result.exit_code, problem["code"]) == (2, "no-description")


def test_a_path_that_is_no_folder_is_no_name_of_a_cluster_either(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cluster", "down", str(tmp_path / "none"), "--json"])
    [problem] = orjson.loads(result.stdout)["problems"]
    assert (result.exit_code, problem["code"]) == (2, "cluster-name-invalid")

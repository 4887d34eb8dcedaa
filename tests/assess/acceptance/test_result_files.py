"""Result files and folders of a burn-in."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from tests.conftest import STACKS


def test_files_that_are_not_there_and_names_that_stand_twice_are_told(tmp_path: Path) -> None:
    (tmp_path / "train-001.links.txt").write_text("")
    (tmp_path / "train-001.links.log").write_text("")
    found = CliRunner().invoke(
        app, ["acceptance", "judge", str(STACKS / "lab"), str(tmp_path), str(tmp_path / "none.txt")]
    )
    assert found.exit_code == 2
    assert "stands twice" in found.stderr
    assert "No such file" in found.stderr


def test_a_file_without_an_ending_is_named_by_its_whole_name(tmp_path: Path) -> None:
    file = tmp_path / "measured"
    file.write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(app, ["acceptance", "judge", str(STACKS / "lab"), str(file)])
    assert result.exit_code == 2
    assert "'measured' belongs to no test of lab" in result.stderr

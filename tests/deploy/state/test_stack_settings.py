"""The settings of a stack in its folder: what is written there, and what is done where nothing can be."""

from __future__ import annotations

import os
from errno import EACCES, EROFS
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.deploy.state.durable import write_durably
from sovereign_ai.deploy.state.stack_settings import StackSettings, salt_line
from sovereign_ai.errors import EnvironmentLacksError, SpecError, UsageError
from tests.support.small_engine import write_engine, write_project

SALT = salt_line("v1:a:v1:b")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = write_engine(tmp_path / "engine")
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return write_project(tmp_path / "lab")


def make_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int = EROFS) -> None:
    """Let the system refuse each file of ours in a folder; whoever runs the tests may write everywhere."""
    remove = Path.unlink

    def write(path: Path, data: bytes) -> None:
        if path.parent == folder:
            raise OSError(number, "Read-only file system", str(path))
        write_durably(path, data)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.parent == folder:
            raise OSError(number, "Read-only file system", str(path))
        remove(path, missing_ok=missing_ok)

    monkeypatch.setattr("sovereign_ai.deploy.state.stack_settings.write_durably", write)
    monkeypatch.setattr(Path, "unlink", unlink)


def engine(folder: Path) -> Engine:
    return Engine(folder, "lab", None, lambda _line: None)


@pytest.mark.parametrize("number", [EROFS, EACCES])
def test_a_stack_in_a_read_only_folder_is_deployed_previewed_and_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    make_read_only(folder, monkeypatch, number)
    assert engine(folder).preview().changes == {"create": 3}
    assert engine(folder).up().changes == {"create": 3}
    assert engine(folder).up().changes == {}
    assert engine(folder).destroy().changes == {"delete": 3}
    assert [path.name for path in folder.iterdir()] == ["Pulumi.yaml"]


def test_a_read_only_folder_with_the_salt_of_another_state_serves_this_one_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine(folder).up()
    settings = folder / "Pulumi.lab.yaml"
    before = settings.read_bytes()
    make_read_only(folder, monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "other"))
    assert engine(folder).up().changes == {"create": 3}
    engine(folder).destroy()
    assert settings.read_bytes() == before


def test_a_plain_pulumi_is_told_that_it_finds_no_salt_in_a_read_only_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_read_only(folder, monkeypatch)
    with pytest.raises(EnvironmentLacksError, match="folder-read-only") as caught:
        engine(folder).ensure_stack()
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.file == str(folder / "Pulumi.lab.yaml")
    assert "copy it" in problem.hint


def test_settings_that_are_right_already_are_not_written_again(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path / "Pulumi.lab.yaml")
    assert settings.give(SALT, None) is None
    settings.path.chmod(0o644)
    before = settings.path.stat()
    assert settings.give(SALT, tmp_path / "copy") is None
    assert settings.path.stat() == before
    assert settings.salt == SALT


def test_settings_of_a_user_stay_and_damaged_ones_are_a_problem(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path / "Pulumi.lab.yaml")
    settings.path.write_text("config:\n  a: b\n")
    assert settings.give(SALT, None) is None
    settings.remove()
    assert settings.path.read_text() == "config:\n  a: b\n"
    settings.path.write_text("a: [")
    with pytest.raises(SpecError, match="settings-damaged"):
        settings.give(SALT, None)


def test_settings_that_are_no_file_or_nest_too_deeply_are_a_problem(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path / "Pulumi.lab.yaml")
    for text in ("[" * 20_000, "a: !!int x", "a: " + "{a: " * 5_000):
        settings.path.write_text(text)
        with pytest.raises(SpecError, match="settings-damaged"):
            settings.holds_only_salt()
    settings.path.unlink()
    os.mkfifo(settings.path)
    for ask in (settings.holds_only_salt, lambda: settings.salt):
        with pytest.raises(UsageError, match="a pipe"):
            ask()

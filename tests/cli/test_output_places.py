"""Where a command is to write is checked before it works, for every command with an output."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cli.output_places import insist_on_place


def options(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield each command that has an output, with the command."""
    for name, inner in getattr(group, "commands", {}).items():
        yield from options(inner, *names, name)
    for parameter in group.params:
        if "--output" in parameter.opts:
            yield " ".join(names), group


WITH_OUTPUT = dict(options(typer.main.get_command(app)))


def arguments(name: str) -> list[str]:
    """Give a command a text for each argument and option that it must have."""
    given: list[str] = []
    for parameter in WITH_OUTPUT[name].params:
        if parameter.required and "--output" not in parameter.opts:
            option = parameter.opts[:1] if parameter.opts[0].startswith("-") else []
            given += [*option, *["1"] * max(1, parameter.nargs)]
    return given


@pytest.mark.parametrize("name", sorted(WITH_OUTPUT))
def test_no_command_works_before_its_output_was_checked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file cannot be made below a file, nor a folder."""
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    below = tmp_path / "file" / "x.html"
    done = CliRunner().invoke(app, [*name.split(), *arguments(name), "--output", str(below), "--json"])
    assert "file-refused" in done.output, done.output
    assert done.exit_code == 3


def test_a_file_needs_its_folder_and_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        insist_on_place(tmp_path / "missing" / "x")
    assert caught.value.errno == errno.ENOENT
    insist_on_place(tmp_path / "missing" / "x", is_folder=True)
    insist_on_place(tmp_path / "x")
    with pytest.raises(IsADirectoryError):
        insist_on_place(tmp_path)


def test_commands_with_an_output_are_walked() -> None:
    assert {"report", "render", "plan", "design", "evidence sign", "schema"} <= WITH_OUTPUT.keys()

"""Docker's command line: its output, its errors, and its absence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.container_engine.docker import Docker


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which prints its arguments, or fails for `fail`."""
    path = tmp_path / "docker"
    path.write_text(
        '#!/bin/sh\n[ "$1" = fail ] && { echo "no such thing" >&2; exit 3; }\necho " $* "; echo\n'
    )
    path.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return path


def test_the_output_comes_without_blank_ends_and_lines(program: Path) -> None:
    assert Docker().text("info", "--all") == "info --all"
    assert Docker().lines("info") == ["info"]
    assert Docker().has_image("x")


def test_a_failure_has_the_last_words_of_the_program(program: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="no such thing") as error:
        Docker().text("fail", "now")
    assert error.value.problems[0].code == "engine-failed"


def test_without_the_program_no_engine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (Docker().answers(), Docker().silence()) == ("", "")
    with pytest.raises(EnvironmentLacksError) as error:
        Docker().text("info")
    assert error.value.problems[0].code == "no-engine"

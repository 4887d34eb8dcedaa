"""Descriptions written in Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.spec.python_file import run


def problem_of(folder: Path, text: str) -> Problem:
    file = folder / "factory.py"
    file.write_text(text)
    with pytest.raises(SpecError) as caught:
        run(file)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("x = (\n", "python-syntax", 1),
        ("\nx = 1 / 0\n", "python-error", 2),
        ("\n\nraise SystemExit(0)\n", "python-error", 3),
        ("factory = None\n", "no-description", None),
        ("factory = 1\n", "no-description", None),
    ],
)
def test_a_failure_is_a_problem_at_its_line(tmp_path: Path, text: str, code: str, line: int | None) -> None:
    problem = problem_of(tmp_path, text)
    assert (problem.code, problem.where.line) == (code, line)


def test_a_failure_in_a_library_points_at_the_users_call(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, "import json\n\njson.loads('{')\n")
    assert problem.where.line == 3


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    assert "no_such_module" in problem_of(tmp_path, "import no_such_module\n").hint


def test_an_interruption_is_not_a_problem_of_the_description(tmp_path: Path) -> None:
    file = tmp_path / "factory.py"
    file.write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        run(file)


def test_the_search_path_is_restored(tmp_path: Path) -> None:
    before = list(sys.path)
    problem_of(tmp_path, "import sys\nsys.path.append('elsewhere')\n1 / 0\n")
    assert sys.path == before

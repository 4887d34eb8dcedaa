"""Each figure sees what it counts, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shape.measures import LIMITS, measure

SAMPLE = '''"""A module."""
# The order matters: the second write needs the first.
import os  # noqa: F401


class Cable:
    """A cable."""


class Cable:
    """Another cable."""


def lengths(rows: list[list[int]]) -> list[int]:
    found = [len([cell for cell in row if cell]) for row in rows]
    return found


def total(values: list[int]) -> int:
    return sum(values)
'''


@pytest.fixture
def figures(tmp_path: Path) -> dict[str, float]:
    package, tests = tmp_path / "package", tmp_path / "tests"
    (package / "subpackage").mkdir(parents=True)
    (tests / "subpackage").mkdir(parents=True)
    (package / "subpackage" / "module.py").write_text(SAMPLE)
    (package / "subpackage" / "other.py").write_text("VALUE = 1  " + "#" * 120 + "\n")
    (tests / "subpackage" / "test_module.py").write_text("")
    return measure(package, tests)


def test_every_figure_has_a_limit(figures: dict[str, float]) -> None:
    assert figures.keys() == LIMITS.keys()


def test_a_comprehension_inside_another_is_nested(figures: dict[str, float]) -> None:
    assert figures["nested comprehensions"] == 1


def test_instructions_to_tools_are_no_comments(figures: dict[str, float]) -> None:
    assert figures["comments a thousand lines"] == pytest.approx(2000 / 21)


def test_shares_are_of_all_functions_classes_and_modules(figures: dict[str, float]) -> None:
    assert figures["functions with a variable `one` or `found`, percent"] == 50
    assert figures["classes that share their name, percent"] == 100
    assert figures["modules with a test of the same name, percent"] == 50


def test_a_line_is_too_long_from_its_hundred_and_eleventh_column_on(figures: dict[str, float]) -> None:
    assert figures["lines over 110 columns"] == 1


def test_a_file_without_a_statement_has_figures_too(tmp_path: Path) -> None:
    file = tmp_path / "__init__.py"
    file.write_text('"""A package."""\n')
    values = measure(file, tmp_path)
    assert values["expression nodes a simple statement"] == 0.0
    file.write_text("")
    assert measure(file, tmp_path)["comments a thousand lines"] == 0.0

"""The command fails where a figure misses its limit, so that `make check` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shape import __main__ as shape

READABLE = '''"""A module."""

# The first write needs the second.
VALUE = 1
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one module of a package that is within every limit."""
    subpackage = tmp_path / "sovereign_ai" / "subpackage"
    subpackage.mkdir(parents=True)
    (tmp_path / "tests" / "subpackage").mkdir(parents=True)
    (tmp_path / "tests" / "subpackage" / "test_module.py").write_text("")
    for folder in (subpackage.parent, subpackage):
        (folder / "__init__.py").write_text("")
    (subpackage / "module.py").write_text(READABLE)
    monkeypatch.setattr(shape, "ROOT", tmp_path)
    monkeypatch.setattr(shape, "PACKAGE", subpackage.parent)
    return subpackage / "module.py"


@pytest.mark.parametrize("arguments", [[], ["subpackage"], ["--json"], ["--files"]])
def test_a_subpackagewithin_every_limit_passes(module: Path, arguments: list[str]) -> None:
    assert module.exists()
    assert shape.main(arguments) == 0


@pytest.mark.parametrize("arguments", [[], ["subpackage"], ["--json"], ["--files"]])
@pytest.mark.parametrize(
    "added",
    ["NESTED = [[1 for _ in ()] for _ in ()]\n", f"LONG = {'1' * 111}\n", "def f():\n    found = 1\n"],
)
def test_a_figure_that_misses_its_limit_fails_the_command(
    module: Path, added: str, arguments: list[str]
) -> None:
    module.write_text(READABLE + added)
    assert shape.main(arguments) == 1


def test_the_figure_that_failed_is_printed(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module.write_text(READABLE + f"LONG = {'1' * 111}\n")
    shape.main([])
    missed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  no ")]
    assert len(missed) == 1
    assert "lines over 110 columns" in missed[0]
    shape.main(["--json"])
    assert json.loads(capsys.readouterr().out)["lines over 110 columns"] == 1

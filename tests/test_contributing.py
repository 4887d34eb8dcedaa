"""Every file that CONTRIBUTING.md tells to change exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The usual changes")[2]
_ROW = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)


def listed_files(text: str) -> list[str]:
    """Return the files in the first columns of the tables."""
    names: list[str] = []
    for cell in _ROW.findall(text):
        names += re.findall(r"`([^`]+)`", cell)
    return names


def matches(name: str) -> list[Path]:
    """Return the files that a name means; a placeholder such as `<topic>` stands for anything."""
    pattern = re.sub(r"<[^>]+>", "*", name)
    return list(ROOT.glob(pattern.rstrip("/")))


def test_the_tables_are_read() -> None:
    assert len(re.findall("^### ", TABLES, re.MULTILINE)) >= 7
    assert len(listed_files(TABLES)) > 25
    assert listed_files("| `a/<b>.py`, `c.py` | what `d` is |\n") == ["a/<b>.py", "c.py"]


@pytest.mark.parametrize("name", listed_files(TABLES))
def test_a_listed_file_exists(name: str) -> None:
    assert matches(name), f"CONTRIBUTING.md lists {name}"


@pytest.mark.parametrize("name", ["sovereign_ai/nothing.py", "sovereign_ai/nothing/<topic>.py"])
def test_a_file_that_does_not_exist_is_noticed(name: str) -> None:
    assert not matches(name)

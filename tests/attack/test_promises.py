"""docs/security.md: each part names its tests, and every test and command that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`((?:tests|benchmarks)/[^`\s]+)`")
_MAKE = re.compile(r"`make ([a-z-]+)`")
_HEAD = "| promise | shown by | limit |"
_REFERS = ("the same",)
"""How a row names the test of the row above it."""


def _parts(text: str) -> list[str]:
    """Return the parts of a document, each with its heading of the second level."""
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]


def _rows(text: str) -> list[str]:
    """Return the rows of every table of promises."""
    rows: list[str] = []
    for table in text.split(_HEAD)[1:]:
        lines = table.strip("\n").splitlines()[1:]
        for line in lines:
            if not line.startswith("|"):
                break
            rows.append(line)
    return rows


def _missing(name: str) -> str:
    """Return why a test that is named is none; empty if it is one."""
    file, _, test = name.partition("::")
    path = ROOT / file
    if not path.exists():
        return f"there is no {file}"
    if test and f"def {test}(" not in path.read_text(encoding="utf-8"):
        return f"{file} has no {test}"
    return ""


@pytest.mark.parametrize("name", sorted(set(_TEST.findall(TEXT))))
def test_every_test_that_the_document_names_is_there(name: str) -> None:
    assert _missing(name) == ""


@pytest.mark.parametrize("target", sorted(set(_MAKE.findall(TEXT))))
def test_every_make_target_that_the_document_names_is_there(target: str) -> None:
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", _parts(TEXT), ids=lambda part: part.splitlines()[0].strip("# "))
def test_every_part_names_a_test_and_a_limit(part: str) -> None:
    assert _TEST.search(part) or _MAKE.search(part)
    is_limited = re.search(r"[Ll]imit|does not|not hold|stays open|takes for granted", part)
    assert is_limited


@pytest.mark.parametrize("row", _rows(TEXT), ids=lambda row: row[2:50])
def test_every_promise_of_a_table_is_shown_by_a_test(row: str) -> None:
    _, promise, shown, _limit, _ = re.split(r"(?<!\\)\|", row)
    assert promise.strip()
    is_shown = bool(_TEST.search(shown) or _MAKE.search(shown) or "sovereign-ai tools verify" in shown)
    assert is_shown or shown.strip().startswith(_REFERS)


def test_the_walk_misses_nothing_that_is_wrong() -> None:
    assert len(_rows(TEXT)) >= 30
    assert _missing("tests/attack/test_nowhere.py")
    assert _missing("tests/attack/test_promises.py::test_nowhere")
    assert not _missing("tests/attack/test_promises.py::test_the_walk_misses_nothing_that_is_wrong")

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| What |")
]


def existing_tests() -> set[str]:
    """Names of the test functions in these rooms."""
    files = [path for room in ("sim", "verify", "operate") for path in (ROOT / "tests" / room).glob("test_*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_the_table_is_there() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_has_a_state_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 4
    assert row[1] in {"real", "simulated", "static", "absent"}
    assert row[2]
    named = re.findall(r"`(test_\w+)`", row[3])
    assert named
    assert set(named) <= existing_tests()

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANES, BESIDE = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8").split("## Beside the planes")


def rows_of(text: str) -> list[list[str]]:
    """The rows of every table in a text."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| What |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ROWS = rows_of(PLANES)
STATES = {"real", "simulated", "static", "absent"}


def named_in(*rooms: str, files_like: str = "test_*.py") -> set[str]:
    """Names of the test functions in these rooms."""
    files = [path for room in rooms for path in (ROOT / "tests" / room).glob(files_like)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    return {
        node.name
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


EMBEDDED = named_in(
    "sim", "verify", "operate", "operate/jobs", "cluster/embedded", "assess", "monitoring", "queues"
)
KIND = named_in("kind", "sim/kubelet") | named_in("queues", "monitoring", files_like="test_*on_kind.py")


def test_the_table_is_there() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_has_a_state_on_each_plane_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 5
    assert {row[1], row[2]} <= STATES
    assert row[3]
    named = set(re.findall(r"`(test_\w+)`", row[4]))
    assert named
    assert named <= EMBEDDED | KIND


@pytest.mark.parametrize("row", [row for row in ROWS if row[2] != "absent"], ids=lambda row: row[0])
def test_what_is_there_on_kind_is_shown_there_or_on_a_kubelets_own_sockets(row: list[str]) -> None:
    assert set(re.findall(r"`(test_\w+)`", row[4])) & KIND


@pytest.mark.parametrize("row", [row for row in ROWS if row[1] != row[2]], ids=lambda row: row[0])
def test_a_row_whose_planes_differ_says_what_kind_does(row: list[str]) -> None:
    assert row[2] == "real" or "kind: " in row[3] or row[1] == "absent"


@pytest.mark.parametrize("row", rows_of(BESIDE), ids=lambda row: row[0])
def test_what_stands_beside_the_planes_has_a_state_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 4
    assert row[1] in STATES
    assert row[2]
    named = set(re.findall(r"`(test_\w+)`", row[3]))
    assert named
    assert named <= named_in("fabric_twin", "fabric_twin/infiniband", "verify/redfish")

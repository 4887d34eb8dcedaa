"""Nothing outside the room of clusters asks which kind a control plane is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sovereign_ai.cluster.backends import STATE_KEYS
from sovereign_ai.cluster.control_plane import state_folder_name, state_option

PACKAGE = Path(__file__).resolve().parents[2] / "sovereign_ai"


def test_a_state_has_a_folder_and_an_option_of_its_own() -> None:
    assert [state_folder_name(key) for key in STATE_KEYS] == ["pulumi", "pulumi-kind"]
    assert [state_option(key) for key in STATE_KEYS] == ["", " --cluster kind"]


def branches(tree: ast.AST) -> list[int]:
    """Return the lines that compare something with a kind of control plane, or take it as a key."""
    lines = set()
    for node in ast.walk(tree):
        compares = isinstance(node, ast.Compare | ast.Dict | ast.Subscript | ast.match_case)
        for inner in ast.walk(node) if compares else ():
            if not isinstance(inner, ast.Attribute) or not isinstance(inner.value, ast.Name):
                continue
            if inner.value.id in {"Backend", "LocalBackend"}:
                lines.add(inner.lineno)
    return sorted(lines)


@pytest.mark.parametrize(
    "text",
    [
        "if backend is Backend.KIND: pass",
        "if backend in {Backend.KIND, Backend.EMBEDDED}: pass",
        "work = {LocalBackend.KIND: up}[backend]",
        "match backend:\n  case Backend.KIND: pass",
    ],
)
def test_the_walk_sees_a_branch(text: str) -> None:
    assert branches(ast.parse(text))


def test_no_module_outside_the_room_branches_on_the_kind_of_control_plane() -> None:
    modules = [
        path for path in sorted(PACKAGE.rglob("*.py")) if "cluster" not in path.relative_to(PACKAGE).parts
    ]
    assert len(modules) > 400
    places = {}
    for path in modules:
        lines = branches(ast.parse(path.read_bytes()))
        if lines:
            places[str(path.relative_to(PACKAGE))] = lines
    assert places == {}

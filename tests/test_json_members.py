"""The members of a JSON object, from a dataclass or from several mappings."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from sovereign_ai.json_members import members, merged


@dataclass(frozen=True, slots=True)
class Inner:
    number: int


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner


def test_members_keep_their_order_and_are_not_converted() -> None:
    inner = Inner(1)
    found = members(Outer("a", inner))
    assert list(found) == ["name", "inner"]
    assert found["inner"] is inner


def test_merged_parts_keep_their_members_in_order() -> None:
    assert list(merged({"b": 1}, {}, {"a": 2}).items()) == [("b", 1), ("a", 2)]


def test_a_member_of_two_parts_is_refused_and_never_overwritten() -> None:
    with pytest.raises(ValueError, match="two parts have the members limit, value"):
        merged({"value": 1, "limit": 2}, {"name": "a"}, {"limit": 2, "value": 3})


def overwrites(node: ast.AST) -> bool:
    """Return whether an expression puts an object's plain data into a mapping with members of its own."""
    if isinstance(node, ast.Dict):
        spread = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
        return len(node.values) > 1 and any(map(is_plain_data, spread))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return is_plain_data(node.left) or is_plain_data(node.right)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitOr):
        return is_plain_data(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
        return any(map(is_plain_data, node.args))
    return False


def is_plain_data(node: ast.AST) -> bool:
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr == "to_data"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        '{"value": 1, **limit.to_data()}',
        '{**limit.to_data(), "value": 1}',
        'limit.to_data() | {"value": 1}',
        "data |= limit.to_data()",
        "data.update(limit.to_data())",
    ],
)
def test_a_mapping_that_may_overwrite_plain_data_is_recognised(text: str) -> None:
    assert any(map(overwrites, ast.walk(ast.parse(text))))


def test_plain_data_is_merged_where_a_clash_is_refused() -> None:
    package = Path(__file__).parent.parent / "sovereign_ai"
    places = []
    for path in sorted(package.rglob("*.py")):
        unsafe = filter(overwrites, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        places += [f"{path.relative_to(package)}: {ast.unparse(node)}" for node in unsafe]
    assert places == []

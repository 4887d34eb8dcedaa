from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import LONGEST, pytest_collection_modifyitems, pytest_ignore_collect

TESTS = Path(__file__).resolve().parent


def asked_for(marker: str) -> pytest.Config:
    return cast("pytest.Config", SimpleNamespace(option=SimpleNamespace(markexpr=marker)))


@pytest.mark.parametrize(
    ("name", "text", "marker", "is_left_out"),
    [
        ("test_a.py", "pytestmark = pytest.mark.cluster", "cluster", None),
        ("test_a.py", "pytestmark = pytest.mark.kind", "cluster", True),
        ("test_a.py", "", "not cluster", None),
        ("test_a.py", "", "cluster or kind", None),
        ("test_a.py", "", "", None),
        ("conftest.py", "", "cluster", None),
    ],
)
def test_files_without_the_one_marker_that_is_asked_for_are_not_read(
    tmp_path: Path, name: str, text: str, marker: str, is_left_out: bool | None
) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert pytest_ignore_collect(file, asked_for(marker)) is is_left_out


def test_the_longest_files_on_a_control_plane_come_first_and_the_others_keep_their_order() -> None:
    names = [
        "cli/test_top.py::b",
        f"{LONGEST[1]}::b",
        f"{LONGEST[1]}::a",
        f"{LONGEST[0]}::a",
        "cli/test_top.py::a",
    ]
    items = [SimpleNamespace(nodeid=f"tests/{name}") for name in names]
    for marker, order in (("cluster", [3, 1, 2, 0, 4]), ("kind", [0, 1, 2, 3, 4])):
        sorted_items = list(items)
        pytest_collection_modifyitems(asked_for(marker), cast("list[pytest.Item]", sorted_items))
        assert sorted_items == [items[number] for number in order]


@pytest.mark.parametrize("file", LONGEST)
def test_a_file_that_comes_first_exists_and_needs_a_control_plane(file: str) -> None:
    assert "mark.cluster" in (TESTS / file).read_text(encoding="utf-8")

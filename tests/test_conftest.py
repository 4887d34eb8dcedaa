from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import pytest_ignore_collect


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

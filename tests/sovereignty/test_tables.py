"""The data files of the sovereignty assessment."""

from __future__ import annotations

import pytest

from sovereign_ai.sovereignty.tables import DefectiveTableError, table


def test_a_table_is_read_once() -> None:
    assert table("chips.json") is table("chips.json")


def test_a_package_without_its_data_says_which_file_is_missing() -> None:
    with pytest.raises((DefectiveTableError, FileNotFoundError), match=r"nothing\.json"):
        table("nothing.json")

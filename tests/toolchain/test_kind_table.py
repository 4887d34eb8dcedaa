"""The rows of the kind backend: pinned sources, and nothing that is used from PATH in the image."""

from __future__ import annotations

import pytest

from sovereign_ai.toolchain.kind_table import KIND_NODE, KIND_ROWS
from sovereign_ai.toolchain.row import Tool
from sovereign_ai.toolchain.table import TOOLS


@pytest.mark.parametrize("row", KIND_ROWS, ids=lambda row: row.name)
def test_every_row_is_built_from_a_pinned_source(row: Tool) -> None:
    assert row.group == "kind"
    assert row.source is not None
    assert row.source.h1.startswith("h1:")
    assert row.accepts(row.version)


def test_only_kind_itself_stays_out_of_the_node_image() -> None:
    assert [row.name for row in KIND_ROWS if not row.in_image] == ["kind"]


def test_no_name_is_in_both_tables() -> None:
    assert {row.name for row in KIND_ROWS} & set(TOOLS) == set()


def test_the_published_node_image_is_named_by_its_digest() -> None:
    assert "@sha256:" in KIND_NODE

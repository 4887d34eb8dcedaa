"""Comma-separated text: the csv module reads it back, and its lines end alike everywhere."""

from __future__ import annotations

import csv
import io

from sovereign_ai.render.interop.table import csv_table


def test_cells_with_commas_quotes_and_line_ends_are_read_back() -> None:
    rows = [["a, b", 'say "c"'], ["line\nend", ""]]
    assert list(csv.reader(io.StringIO(csv_table(["one", "two"], rows)))) == [["one", "two"], *rows]


def test_lines_end_with_a_line_feed_alone() -> None:
    assert csv_table(["name"], [["a"]]) == "name\na\n"

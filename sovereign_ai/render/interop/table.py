"""Comma-separated text with the same bytes on every platform."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return CSV with a head line, `\n` at line ends and quotes where they are needed.

    Args:
        head: the names of the columns.
        rows: the cells of each row.
    """
    text = io.StringIO()
    # The csv module ends lines with `\r\n` by default.
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()

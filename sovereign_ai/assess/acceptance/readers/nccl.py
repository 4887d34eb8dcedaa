"""Reader of nccl-tests (and rccl-tests): the table that `all_reduce_perf` and its like print.

The columns follow from the table's own head, since versions differ in them. The result is the bus bandwidth
at the largest size, the lower of out-of-place and in-place. The average over all sizes means nothing, as
small sizes are bound by latency.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError
from sovereign_ai.text import counted

_LAUNCHER = re.compile(r"^\[[\d,]+\]<std(?:out|err)>:\s?")
_RANK = re.compile(r"#\s+Rank\s+(\d+)\s")
_BOUNDS = re.compile(r"#\s*Out of bounds values\s*:\s*(\d+)")
_ERRORS = ("#wrong", "error", "res")


def read(text: str) -> ResultReading:
    """Return `bus` in GB/s at the largest size, that `size` in bytes, `wrong` values and `ranks`.

    Raises:
        UnreadableError: there is no table, or it was cut off before its end.
    """
    columns: list[str] = []
    rows: list[list[str]] = []
    ranks: set[str] = set()
    bounds: int | None = None
    for raw in text.splitlines():
        line = _LAUNCHER.sub("", raw)
        cells = line.split()
        if (rank := _RANK.match(line)) is not None:
            ranks.add(rank[1])
        elif (out_of_bounds := _BOUNDS.match(line)) is not None:
            bounds = int(out_of_bounds[1])
        elif line.startswith("#") and "busbw" in line:
            columns = line[1:].split()
        elif columns and cells and cells[0].isdigit() and len(cells) == len(columns):
            rows.append(cells)
    if not rows:
        raise UnreadableError("no table of nccl-tests with a busbw column")
    # That line comes after the table.
    if bounds is None:
        raise UnreadableError("nccl-tests did not come to its end: no line of out-of-bounds values")
    largest = max(rows, key=lambda row: int(row[0]))
    bus = min(_numbers(columns, largest, ("busbw",)), default=math.nan)
    if not math.isfinite(bus):
        raise UnreadableError("nccl-tests gives no finite bus bandwidth")
    wrong = float(bounds)
    for row in rows:
        wrong += sum(value for value in _numbers(columns, row, _ERRORS) if value > 0)
    # A number without an end is refused with all others (`read`).
    details = (counted(int(wrong), "wrong value"),) if wrong and math.isfinite(wrong) else ()
    values = {"bus": bus, "size": float(largest[0]), "wrong": wrong, "ranks": float(len(ranks))}
    return ResultReading(values, details)


def _numbers(columns: list[str], row: list[str], names: tuple[str, ...]) -> Iterator[float]:
    """Yield the numbers of a row in the columns of some names; `N/A` is none."""
    for column, cell in zip(columns, row, strict=True):
        if column in names:
            try:
                yield float(cell)
            except ValueError:
                continue

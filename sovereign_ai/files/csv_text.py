r"""The bounded reader of CSV: rows with their lines, and a problem for each row that cannot be read.

>>> problems: list[Problem] = []
>>> list(rows('a,b\n1,2\n', "t.csv", NETBOX, problems)), problems
([(1, ['a', 'b']), (2, ['1', '2'])], [])
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files.confusables import hidden
from sovereign_ai.files.decoding import secret_problem
from sovereign_ai.files.kinds import NETBOX, FileKind
from sovereign_ai.text import counted, secret_at

__all__ = ["NETBOX", "rows"]

MOST_CELL = 4_096
"""The most characters of one cell."""
MOST_CELLS = 1_000
"""The most cells of one row."""
MOST_PROBLEMS = 100
"""After this number of wrong rows the rest of a table is not read."""


def rows(text: str, file: str, kind: FileKind, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that can be read, with the line that it begins in; empty rows are left out.

    Args:
        text: the table.
        file: its name, for messages.
        kind: the expected kind of file.
        problems: receives the problems of the other rows.
    """
    # `strict` refuses misplaced quotation marks, which other programs would read in different ways.
    reader = csv.reader(_lines(text), strict=True)
    wrong = 0
    while wrong < MOST_PROBLEMS:
        # A cell in quotation marks may contain line ends; the row begins after the last line that was read.
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(_syntax_problem(str(error), Where(file, line), kind))
            wrong += 1
            continue
        problem = _row_problem(cells, Where(file, line), kind)
        if problem is not None:
            problems.append(problem)
            wrong += 1
        elif cells:
            yield line, cells
    where = Where(file, reader.line_num)
    message = "the rest of the table was not read"
    problems.append(Problem("too-many-problems", message, where, "fix these first"))


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text one by one; `splitlines` would copy the whole text."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _row_problem(cells: list[str], where: Where, kind: FileKind) -> Problem | None:
    """Return the first problem of a row; None if it has none."""
    if len(cells) > MOST_CELLS:
        message = f"the row has {counted(len(cells), 'cell')}, the most is {MOST_CELLS:,}"
        return Problem("bad-row", message, where, kind.hint)
    for number, cell in enumerate(cells, start=1):
        if len(cell) > MOST_CELL:
            message = f"cell {number} has {len(cell):,} characters, the most is {MOST_CELL:,}"
            return Problem("bad-row", message, where, kind.hint)
        if (letter := hidden(cell, "\t")) is not None:
            hint = "remove it; write plain letters and spaces"
            return Problem("hidden-character", f"cell {number} holds {letter.say}", where, hint)
        if secret_at(cell) is not None:
            return secret_problem(where)
    return None


def _syntax_problem(error: str, where: Where, kind: FileKind) -> Problem:
    """Return the problem of an error of the csv module, whose own texts name neither cause nor remedy."""
    # The module raises one exception for every cause, so its text is all that distinguishes them.
    if "field limit" in error:
        return Problem("bad-row", f"a cell has more than {MOST_CELL:,} characters", where, kind.hint)
    if "unexpected end" in error:
        message = "a quotation mark that is opened here is never closed"
        return Problem("bad-row", message, where, "close it, or write it twice if it is text")
    message = "a quotation mark stands where none can"
    hint = "put the whole cell in quotation marks, and write those in it twice"
    return Problem("bad-row", message, where, hint)

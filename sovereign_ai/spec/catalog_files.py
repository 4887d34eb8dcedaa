"""Files beside a description that bring hardware, such as `catalog: [hardware.yaml]`, with `rows`.

The content of a file becomes part of the description, so that its digest covers every figure and not the name
of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.files import CATALOG, SourceMap, decode, parse, shown
from sovereign_ai.files import read as read_file


def with_files(entries: Sequence[Any], folder: Path, source: SourceMap) -> tuple[list[Any], list[Problem]]:
    """Replace the names of files by their rows.

    Args:
        entries: the entries of `catalog`: rows, and names of files.
        folder: the folder of the description.
        source: the places of the description's own fields.

    Returns:
        The rows in order, and the problems of the files and of the rows in them.
    """
    rows: list[Any] = []
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            rows.append(entry)
            continue
        where = source.where(f"catalog[{index}]")
        # A name alone: a path could lead to any file of the computer that reads the description.
        if Path(entry).name != entry or not entry.endswith((".yaml", ".yml", ".json")):
            message = f"{shown(entry)} is no file of YAML or JSON beside the description"
            problems.append(Problem("no-file", message, where, "write its name alone, such as hardware.yaml"))
            continue
        try:
            file_rows, file_problems = rows_in(folder / entry)
        except SpecError as error:
            problems += [replace(problem, where=where) for problem in error.problems]
            continue
        rows += file_rows
        problems += file_problems
    return rows, problems


def rows_in(file: Path) -> tuple[list[Any], list[Problem]]:
    """Read the rows of one file, and check and add each.

    Returns:
        The rows, and the problems with their lines in that file.

    Raises:
        SpecError: the file cannot be read.
    """
    from sovereign_ai.catalog import add_rows  # noqa: PLC0415 - only where rows are brought

    name = str(file)
    text = decode(read_file(file, CATALOG), name, CATALOG)
    data, source, problems = parse(text, name, CATALOG, tabs=name.endswith(".json"))
    rows = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        # A file without any value has no place for its root.
        where = source.where("") if source.values else Where(name, 1, 1)
        hint = "start with 'rows:'; 'sovereign-ai catalog new' writes a row"
        return [], [*problems, Problem("wrong-type", "the file holds no list of rows", where, hint)]
    unplaced = add_rows(rows, "rows")
    row_problems = [replace(problem, where=source.where(problem.where.field)) for problem in unplaced]
    row_problems.sort(key=lambda problem: problem.order)
    return rows, [*problems, *row_problems]

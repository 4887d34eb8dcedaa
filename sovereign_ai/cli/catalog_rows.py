"""The catalogue's rows, with those of the user's files, for commands and for completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_rows(files: list[Path]) -> dict[str, list[Any]]:
    """Return every row by its kind, with the rows of the user's files.

    Raises:
        SpecError: a file or a row is wrong.
    """
    from sovereign_ai.catalog import accelerator as accelerators
    from sovereign_ai.catalog import controller_rows, parts
    from sovereign_ai.catalog import supplier as suppliers
    from sovereign_ai.catalog import switch as switches
    from sovereign_ai.catalog import system as systems

    # Reading a file adds its rows to the catalogue, so files come before the tables are listed.
    for file in files:
        read_row_file(file)
    by_kind: dict[str, list[Any]] = {
        "system": list(systems.systems()),
        "accelerator": list(accelerators.accelerators()),
        "switch": list(switches.switches()),
        "supplier": list(suppliers.suppliers()),
        "controller": list(controller_rows()),
    }
    for row in parts.parts():
        by_kind.setdefault(row.kind, []).append(row)
    return by_kind


def read_row_file(file: Path) -> list[Any]:
    """Read the rows of a file and add them to the catalogue.

    Raises:
        SpecError: the file or a row is wrong.
    """
    from sovereign_ai.errors import SpecError
    from sovereign_ai.spec import rows_in

    rows, problems = rows_in(file)
    if problems:
        raise SpecError(problems)
    return rows

"""NetBox's tables in the form of its bulk-import files: devices, racks, interfaces and cables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import NETBOX, decode, files_in, read, rows

_MOST_FILES = 1_000
# The most rows of one table: the cables of 30,000 servers of ten ports.
_MOST_ROWS = 300_000
_MOST_PROBLEMS = 200
# Columns that each table must have. Further columns are read where they are known, and ignored elsewhere.
_NEEDED = {
    "devices": ("name", "device_type", "site"),
    "interfaces": ("device", "name", "type"),
    "cables": ("side_a_device", "side_a_name", "side_b_device", "side_b_name"),
}
_READ = frozenset(chain(*_NEEDED.values(), ("rack", "role")))
# Column heads of NetBox's own exports that differ from its imports' (in the table of devices).
_OTHER = {"type": "device_type", "device type": "device_type", "rack group": "group"}


@dataclass(frozen=True, slots=True)
class NetBoxDevice:
    """One device: name, model, site, rack and role as in the table; empty where it has none."""

    name: str
    model: str
    site: str
    rack: str
    role: str


@dataclass(frozen=True, slots=True)
class Tables:
    """The content of the tables.

    Attributes:
        devices: name to device.
        interfaces: (device, interface) to its type.
        cables: each cable's two ends, as (device, interface).
    """

    devices: Mapping[str, NetBoxDevice]
    interfaces: Mapping[tuple[str, str], str]
    cables: tuple[tuple[tuple[str, str], tuple[str, str]], ...]


def read_tables(folder: Path) -> Tables:
    """Read the tables of a folder: files whose names end in `devices.csv`, `interfaces.csv` and `cables.csv`.

    Raises:
        SpecError: every problem of the files, with file and line.
    """
    problems: list[Problem] = []
    if not folder.is_dir():
        names = ", ".join(f"{name}.csv" for name in _NEEDED)
        hint = f"name the folder of the tables: {names}"
        raise SpecError(Problem("no-folder", "this is no folder", Where(file=str(folder)), hint))
    devices = _read_devices(folder, problems)
    interfaces = _read_interfaces(folder, devices, problems)
    cables = _read_cables(folder, interfaces, problems)
    if problems:
        raise SpecError(problems)
    return Tables(devices, interfaces, tuple(cables))


def _read_interfaces(
    folder: Path, devices: Mapping[str, NetBoxDevice], problems: list[Problem]
) -> dict[tuple[str, str], str]:
    """Read the table of interfaces."""
    interfaces: dict[tuple[str, str], str] = {}
    for where, row in _read_rows(folder, "interfaces", problems):
        interfaces[row["device"], row["name"]] = row["type"]
        if row["device"] not in devices:
            message = f"no device is called {row['device']!r}"
            problems.append(Problem("unknown-device", message, where, nearest(row["device"], devices)))
    return interfaces


def _read_cables(
    folder: Path, interfaces: Mapping[tuple[str, str], str], problems: list[Problem]
) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Read the table of cables."""
    cables: list[tuple[tuple[str, str], tuple[str, str]]] = []
    used: set[tuple[str, str]] = set()
    for where, row in _read_rows(folder, "cables", problems):
        first = (row["side_a_device"], row["side_a_name"])
        second = (row["side_b_device"], row["side_b_name"])
        for end in (first, second):
            if end in used:
                message = f"{' '.join(end)} has a cable already"
                problems.append(Problem("bad-cable", message, where, "a port takes one cable"))
            if end not in interfaces:
                message = f"no interface {end[1]!r} of {end[0]!r}"
                hint = "export interfaces and cables together"
                problems.append(Problem("unknown-interface", message, where, hint))
        used.update((first, second))
        cables.append((first, second))
    return cables


def _read_devices(folder: Path, problems: list[Problem]) -> dict[str, NetBoxDevice]:
    """Read the table of devices."""
    devices: dict[str, NetBoxDevice] = {}
    for where, row in _read_rows(folder, "devices", problems):
        name = row["name"]
        if not name or name in devices:
            message = f"{name!r} is listed twice" if name else "a device without a name"
            problems.append(Problem("bad-device", message, where, "give each device a name of its own"))
        devices[name] = NetBoxDevice(
            name, row["device_type"], row["site"], row.get("rack", ""), row.get("role", "")
        )
    return devices


def _read_rows(folder: Path, name: str, problems: list[Problem]) -> Iterator[tuple[Where, dict[str, str]]]:
    """Yield a table's rows with their places; a table that is missing or lacks a column is a problem.

    Reading stops where hundreds of rows are wrong.
    """
    most = len(problems) + _MOST_PROBLEMS
    files = [file for file in files_in(folder, NETBOX, _MOST_FILES) if file.name.endswith(f"{name}.csv")]
    if len(files) != 1:
        message = f"{len(files)} files end in {name}.csv"
        hint = "keep one table of each kind in a folder"
        problems.append(Problem("no-table", message, Where(file=str(folder)), hint))
        return
    (file,) = files
    try:
        table = rows(decode(read(file, NETBOX), str(file), NETBOX), str(file), NETBOX, problems)
    except SpecError as error:
        problems += error.problems
        return
    _, heads = next(table, (1, []))
    head = [_column_name(name, cell) for cell in heads]
    problem = _head_problem(file, name, head)
    if problem is not None:
        problems.append(problem)
        return
    for number, (line, cells) in enumerate(table):
        where = Where(str(file), line)
        if number >= _MOST_ROWS:
            message = f"more than {_MOST_ROWS:,} rows, the most for {NETBOX.noun}"
            problems.append(Problem("too-many-rows", message, where, "export one site"))
            return
        if len(cells) == len(head):
            yield where, _row(head, cells)
        else:
            message = f"{len(cells)} cells under {len(head)} heads"
            problems.append(Problem("bad-row", message, where, "export the table again"))
        if len(problems) >= most:
            return


def _head_problem(file: Path, name: str, head: list[str]) -> Problem | None:
    """Return the problem of a table's heads: a column that is missing, or that is there twice."""
    needed = _NEEDED[name]
    missing: list[str] = []
    twice: list[str] = []
    for column in needed:
        count = head.count(column)
        if count == 0:
            missing.append(column)
        elif count > 1:
            twice.append(column)
    if missing:
        message = f"{file.name} lacks {', '.join(missing)}"
    elif twice:
        message = f"{file.name} has {', '.join(sorted(twice))} twice"
    else:
        return None
    return Problem("no-column", message, Where(str(file), 1), f"columns: {', '.join(needed)}")


def _row(head: list[str], cells: list[str]) -> dict[str, str]:
    """Return the cells of a row that are read, by column."""
    row: dict[str, str] = {}
    for column, cell in zip(head, cells, strict=True):
        if column in _READ:
            # The names of devices and ports are repeated in hundreds of thousands of rows: one copy of each
            # is enough.
            row[column] = sys.intern(cell.strip())
    return row


def _column_name(table: str, head: str) -> str:
    """Return a column's name as in NetBox's imports."""
    name = head.strip().lower()
    if table == "devices" and name in _OTHER:
        return _OTHER[name]
    return name.replace(" ", "_")

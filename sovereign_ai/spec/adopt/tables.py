"""NetBox's tables, as its bulk-import files have them: devices, racks, interfaces and cables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.errors import Problem, SpecError, Where, nearest

MOST_BYTES = 1 << 28
"""The largest file: 256 MiB."""
_NEEDED = {
    "devices": ("name", "device_type", "site"),
    "interfaces": ("device", "name", "type"),
    "cables": ("side_a_device", "side_a_name", "side_b_device", "side_b_name"),
}
"""What each table must have; further columns are read where they are known and else left alone."""
_OTHER = {"type": "device_type", "device type": "device_type", "rack group": "group"}
"""Column heads of NetBox's own exports that differ from its imports' (in the table of devices)."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device: name, model, site, rack and role as the table has them; empty where it does not."""

    name: str
    model: str
    site: str
    rack: str
    role: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What was read.

    Attributes:
        devices: name to device.
        interfaces: (device, interface) to its type.
        cables: each cable's two ends, as (device, interface).
    """

    devices: Mapping[str, Device]
    interfaces: Mapping[tuple[str, str], str]
    cables: tuple[tuple[tuple[str, str], tuple[str, str]], ...]


def read_tables(folder: Path) -> Tables:
    """Read the tables of a folder: files whose names end in `devices.csv`, `interfaces.csv` and `cables.csv`.

    Raises:
        SpecError: everything that is wrong with them, with file and line.
    """
    problems: list[Problem] = []
    if not folder.is_dir():
        hint = f"name the folder of the tables: {', '.join(f'{name}.csv' for name in _NEEDED)}"
        raise SpecError(Problem("no-folder", "this is no folder", Where(file=str(folder)), hint))
    rows = {name: list(_rows(folder, name, problems)) for name in _NEEDED}
    devices: dict[str, Device] = {}
    for where, row in rows["devices"]:
        if not row["name"] or row["name"] in devices:
            what = f"{row['name']!r} stands twice" if row["name"] else "a device without a name"
            problems.append(Problem("bad-device", what, where, "give each device a name of its own"))
        devices[row["name"]] = Device(row["name"], row["device_type"], row["site"], row.get("rack", ""), row.get("role", ""))
    interfaces = {(row["device"], row["name"]): row["type"] for _, row in rows["interfaces"]}
    problems += [
        Problem("unknown-device", f"no device is called {row['device']!r}", where, nearest(row["device"], devices))
        for where, row in rows["interfaces"]
        if row["device"] not in devices
    ]
    cables = []
    taken: set[tuple[str, str]] = set()
    for where, row in rows["cables"]:
        ends = ((row["side_a_device"], row["side_a_name"]), (row["side_b_device"], row["side_b_name"]))
        problems += [
            Problem("bad-cable", f"{' '.join(end)} has a cable already", where, "a port takes one cable") for end in ends if end in taken
        ]
        problems += [
            Problem("unknown-interface", f"no interface {end[1]!r} of {end[0]!r}", where, "export interfaces and cables together")
            for end in ends
            if end not in interfaces
        ]
        taken.update(ends)
        cables.append(ends)
    if problems:
        raise SpecError(problems[:200])
    return Tables(devices, interfaces, tuple(cables))


def _rows(folder: Path, name: str, problems: list[Problem]) -> Iterator[tuple[Where, dict[str, str]]]:
    """Give a table's rows with their places; a table that is not there or lacks a column is a problem."""
    found = sorted(folder.glob(f"*{name}.csv")) if folder.is_dir() else []
    if len(found) != 1:
        what = f"{len(found)} files end in {name}.csv in {folder}"
        problems.append(Problem("no-table", what, Where(file=str(folder)), "keep one table of each kind in a folder"))
        return
    (file,) = found
    if file.stat().st_size > MOST_BYTES:
        problems.append(Problem("too-large", f"{file.name} has more than {MOST_BYTES >> 20} MiB", Where(file=str(file))))
        return
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as opened:
        reader = csv.reader(opened)
        head = [_column(name, one) for one in next(reader, [])]
        missing = [column for column in _NEEDED[name] if column not in head]
        if missing:
            hint = f"columns: {', '.join(_NEEDED[name])}"
            problems.append(Problem("no-column", f"{file.name} lacks {', '.join(missing)}", Where(file=str(file), line=1), hint))
            return
        for cells in reader:
            where = Where(file=str(file), line=reader.line_num)
            if len(cells) == len(head):
                yield where, dict(zip(head, (cell.strip() for cell in cells), strict=True))
            elif cells:
                problems.append(Problem("bad-row", f"{len(cells)} cells under {len(head)} heads", where, "export the table again"))


def _column(table: str, head: str) -> str:
    """Give a column's name as the imports have it."""
    plain = head.strip().lower()
    return _OTHER.get(plain, plain.replace(" ", "_")) if table == "devices" else plain.replace(" ", "_")
